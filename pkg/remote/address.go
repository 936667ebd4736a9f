// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// sudoSuffix, on the scheme of an address, asks for sudo.
const sudoSuffix = "+sudo"

// PodScheme begins the addresses of helpers in pods, which package podexec
// reaches.
const PodScheme = "pod://"

// Forms lists the addresses there are, for errors.
const Forms = "an address is local, local:/path/to/solution-bootstrap, ssh://[user@]host[:port] or pod://[namespace/]name-or-selector[#container]; " +
	"local+sudo and ssh+sudo:// are with sudo"

// Parse returns the Runner of an address as --bootstrap takes it, other than
// one that begins with PodScheme.
func Parse(address string) (Runner, error) {
	scheme, rest, hasRest := strings.Cut(address, ":")
	scheme, sudo := strings.CutSuffix(scheme, sudoSuffix)
	target, isURL := strings.CutPrefix(rest, "//")
	switch {
	case scheme == "ssh" && isURL:
		s, err := parseSSH(target)
		if err != nil {
			return nil, fmt.Errorf("bootstrap address %q: %w", address, err)
		}
		s.Sudo = sudo
		return s, nil
	case scheme == "local" && !hasRest:
		return Local{Sudo: sudo}, nil
	case scheme == "local" && filepath.IsAbs(rest):
		return Local{Program: rest, Sudo: sudo}, nil
	case scheme == "local":
		return nil, hint.With(fmt.Errorf("bootstrap address %q: the program's path must be absolute", address), Forms)
	}
	return nil, hint.With(fmt.Errorf("bootstrap address %q is not one", address), Forms)
}

// What ssh, and whatever a user's configuration of it hands a name to, takes
// for nothing else than a name. A leading "-" would be an option.
var (
	userPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)
	hostPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$`)
	zonePattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{0,15}$`)
)

// parseSSH reads [user@]host[:port].
func parseSSH(target string) (SSH, error) {
	const advice = "give it a name in ~/.ssh/config, with what it needs, and use that: ssh://NAME"
	s := SSH{}
	rest := target
	if user, host, found := strings.Cut(target, "@"); found {
		if !userPattern.MatchString(user) {
			return s, hint.With(fmt.Errorf("%q is no name of a user: letters, digits, and . _ - except at the beginning", user), advice)
		}
		s.User, rest = user, host
	}
	host, port, hasPort := cutPort(rest)
	if !validHost(host) {
		return s, hint.With(fmt.Errorf("%q is no name or IP address of a host", host), advice)
	}
	s.Host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if hasPort {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return s, hint.With(fmt.Errorf("%q is no port: 1 to 65535", port), Forms)
		}
		s.Port = int(number)
	}
	return s, nil
}

// cutPort cuts at the colon that no brackets are around.
func cutPort(target string) (host, port string, found bool) {
	end := strings.LastIndexByte(target, ']') + 1
	i := strings.IndexByte(target[end:], ':')
	if i < 0 {
		return target, "", false
	}
	return target[:end+i], target[end+i+1:], true
}

// validHost is true for a name, an IPv4 address, or an IPv6 one in brackets.
func validHost(host string) bool {
	inner, opened := strings.CutPrefix(host, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened && !closed {
		return hostPattern.MatchString(host)
	}
	ip, err := netip.ParseAddr(inner)
	return opened && closed && err == nil && ip.Is6() && zonePattern.MatchString(ip.Zone())
}
