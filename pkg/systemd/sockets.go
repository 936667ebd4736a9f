// SPDX-License-Identifier: Apache-2.0

// Package systemd is a service's end of two protocols of systemd: sockets that
// are open before the service starts, sd_listen_fds(3), and telling how the
// service does, sd_notify(3). Without systemd its functions do nothing.
package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstDescriptor is that of the first socket that is passed.
const firstDescriptor = 3

// maxSockets is how many sockets are taken.
const maxSockets = 1024

// Sockets returns the listeners that were passed to this process, by the names
// that systemd gives them: FileDescriptorName= of a socket's unit, by default
// the unit's own. It has to be called once, before other files are opened.
func Sockets() (map[string][]net.Listener, error) {
	count, names := os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil // they are for another process
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > maxSockets {
		return nil, fmt.Errorf("taking the sockets of systemd: LISTEN_FDS is %q", count)
	}
	list := strings.Split(names, ":")
	sockets := map[string][]net.Listener{}
	for i := range n {
		name := ""
		if i < len(list) {
			name = list[i]
		}
		l, err := listener(firstDescriptor+i, name)
		if err != nil {
			return nil, fmt.Errorf("taking socket %d (%q) of systemd: %w", i+1, name, err)
		}
		sockets[name] = append(sockets[name], l)
	}
	return sockets, nil
}

func listener(descriptor int, name string) (net.Listener, error) {
	file := os.NewFile(uintptr(descriptor), name)
	// The listener has a descriptor of its own, which children do not inherit.
	l, err := net.FileListener(file)
	return l, errors.Join(err, file.Close())
}
