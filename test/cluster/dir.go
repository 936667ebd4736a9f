// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ports is what DIR/ports.json remembers, so that kubeconfigs stay good when a cluster is started again.
type ports struct {
	API  int `json:"api"`
	Etcd int `json:"etcd"`
}

// Ports for --port 0 come from below the kernel's ephemeral range (32768 up) and below the NodePorts (30000 up): no
// outgoing connection of a program nearby and no Service can take one between its choice and its use.
const (
	lowestFreePort  = 20000
	highestFreePort = 29999
)

// lockDir makes the folder and takes it for this process; the lock goes with the process. Two control planes over the
// same data would have etcd wait for the other without a word.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the cluster's folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the cluster's folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another devcluster is running in %s", dir)
		}
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return f, nil
}

// choosePorts fills in o.ports: as given, else as the folder had them before, else the flags' defaults; 0 becomes a
// free port. What was chosen is remembered in the folder.
func (o *options) choosePorts() error {
	name := filepath.Join(o.dir, "ports.json")
	before := o.ports
	if b, err := os.ReadFile(name); err == nil {
		if err := json.Unmarshal(b, &before); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the ports used before: %w", err)
	}
	if !o.portGiven {
		o.ports.API = before.API
	}
	if !o.etcdGiven {
		o.ports.Etcd = before.Etcd
	}
	var err error
	if o.ports.API, err = usablePort(o.bind, o.ports.API, 0); err != nil {
		return fmt.Errorf("--port: %w", err)
	}
	if o.ports.Etcd, err = usablePort(net.IPv4(127, 0, 0, 1), o.ports.Etcd, o.ports.API); err != nil {
		return fmt.Errorf("--etcd-port: %w", err)
	}
	b, err := json.Marshal(o.ports)
	if err != nil {
		return fmt.Errorf("remembering the ports: %w", err)
	}
	return writeFile(name, b)
}

// usablePort is port if nobody listens there, or for 0 one that is free and not taken. An API server whose port is
// taken would otherwise say so only after etcd is up, deep in its log.
func usablePort(ip net.IP, port, taken int) (int, error) {
	if port != 0 {
		return port, tryListen(ip, port)
	}
	var err error
	for range 200 {
		port = lowestFreePort + rand.IntN(highestFreePort-lowestFreePort+1)
		if port == taken {
			continue
		}
		if err = tryListen(ip, port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d: %w", lowestFreePort, highestFreePort, err)
}

func tryListen(ip net.IP, port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(ip.String(), strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// writeFile writes a file that only its owner may read, at once or not at all: whoever waits for it never sees a part.
func writeFile(name string, b []byte) error {
	tmp := name + ".tmp"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := os.Rename(tmp, name); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
