// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"
)

// SSHMode is how much ssh may ask, and of whom it may know nothing.
type SSHMode string

// How ssh is used.
const (
	// SSHBatch: ssh asks nothing, and fails where it would have to.
	SSHBatch SSHMode = ""
	// SSHAsk: ssh may ask on the terminal, for a passphrase or about a host that
	// it does not know.
	SSHAsk SSHMode = "ask"
	// SSHStrict: ssh asks nothing and goes to no host whose key is not known,
	// whatever the user's configuration says. It is for an address that the
	// user has not given.
	SSHStrict SSHMode = "strict"
)

// SSH runs the helper on a host, through the system's ssh (OpenSSH 7.6 or
// later): its configuration, keys, agent, jump hosts and known hosts count.
type SSH struct {
	// User and Port are those of ssh's configuration where they are "" and 0.
	User string
	Host string
	Port int
	// Sudo has sudo run the helper as root, which must not take a password.
	Sudo bool
	Mode SSHMode
	// Grace is how long ssh has after SIGTERM, DefaultGrace by default.
	Grace time.Duration

	// userConfigs are read instead of the user's and the system's.
	userConfigs []string
}

var _ Runner = SSH{}

// String returns the address.
func (s SSH) String() string {
	var b strings.Builder
	b.WriteString("ssh")
	if s.Sudo {
		b.WriteString(sudoSuffix)
	}
	b.WriteString("://")
	if s.User != "" {
		b.WriteString(s.User + "@")
	}
	if strings.Contains(s.Host, ":") {
		b.WriteString("[" + s.Host + "]")
	} else {
		b.WriteString(s.Host)
	}
	if s.Port != 0 {
		b.WriteString(":" + strconv.Itoa(s.Port))
	}
	return b.String()
}

// Run runs the helper's agent on the host. See Runner.
func (s SSH) Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	config, err := writeSSHConfig(s.Mode, s.userConfigs)
	if err != nil {
		return &RunError{Command: Quote(s.words("ssh_config")...), Reason: NoSSH, Err: err, Advice: privateFolderAdvice}
	}
	p := process{words: s.words(config), env: plainEnvironment(), grace: s.Grace}
	failed := p.run(ctx, stdin, stdout)
	if failed == nil {
		return nil
	}
	e := &RunError{Command: Quote(p.words...), Stderr: failed.stderr, Reason: failed.reason, Err: failed.err}
	s.diagnose(e, *failed)
	return e
}

const privateFolderAdvice = "set $XDG_RUNTIME_DIR to a folder of yours that nobody else may enter"

// words returns the command line. All of it is fixed, except for the
// destination, which has been checked, and comes after "--" all the same.
func (s SSH) words(config string) []string {
	words := append([]string{"ssh", "-F", config, "-T"}, s.destination()...)
	if s.Sudo {
		words = append(words, sudoWords()...)
	}
	return append(words, program, "agent")
}

// destination returns the words that say where to.
func (s SSH) destination() []string {
	var words []string
	if s.Port != 0 {
		words = append(words, "-p", strconv.Itoa(s.Port))
	}
	host := s.Host
	if s.User != "" {
		host = s.User + "@" + host
	}
	return append(words, "--", host)
}

// byHand returns the command with which a person tries whether ssh works.
func (s SSH) byHand(options ...string) string {
	return Quote(append(s.plainWords(options...), "true")...)
}

// plainWords are those with which a person reaches the host.
func (s SSH) plainWords(options ...string) []string {
	words := append([]string{"ssh"}, options...)
	for _, word := range s.destination() {
		if word != "--" {
			words = append(words, word)
		}
	}
	return words
}

// InstallByHand returns the commands with which a person installs a program of
// this machine on the host: in another way than here, sudo may ask.
func (s SSH) InstallByHand(file string) string {
	scp := []string{"scp"}
	if s.Port != 0 {
		scp = append(scp, "-P", strconv.Itoa(s.Port))
	}
	to := s
	to.Port = 0
	target := strings.TrimPrefix(to.String(), "ssh://")
	install := "sudo install -m 0755 " + program + " " + ProgramPath + " && sudo " + ProgramPath + " install"
	return Quote(append(scp, file, strings.TrimPrefix(target, "ssh+sudo://")+":"+program)...) + " && " + Quote(append(s.plainWords("-t"), install)...)
}
