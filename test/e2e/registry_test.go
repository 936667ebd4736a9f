// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long is waited for what takes a moment, on a machine with much
// to do.
const patience = time.Minute

// eventually waits until there is no error.
func eventually(ts *testscript.TestScript, check func() error) {
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Since(start) > patience {
			ts.Fatalf("not after %s: %v", patience, err)
		}
	}
}

// fetch gets what a URL answers, over a connection of its own.
func fetch(url string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	return readBody(resp)
}

// add gives a registry, or what stands before one, an address.
func (s *scriptState) add(name string) string {
	const firstPort = 5000
	if s.registries[name] == "" {
		s.registries[name] = fmt.Sprintf("%s:%d", s.node.address, firstPort+len(s.registries))
	}
	return s.registries[name]
}

// startProgram starts one of the programs of the PATH in the node.
func (n *node) startProgram(ts *testscript.TestScript, name string, args ...string) {
	ts.Check(ts.Exec(n.path("hack", "node.sh"), append([]string{"start", n.dir, name}, args...)...))
}

func registryCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && (len(args) != 3 || args[0] != "start") || args[0] != "start" && args[0] != "stop" {
		ts.Fatalf("usage: registry start NAME [CERTIFICATE-AND-KEY]|stop NAME")
	}
	s, name := state(ts), args[1]
	if args[0] == "stop" {
		stopCommand(ts, false, args[1:])
		return
	}
	address := s.add(name)
	config := ts.MkAbs(name + ".yaml")
	text := fmt.Sprintf("root: %s\nregistry:\n  endpoint: %s\n  listen: [%q]\n", ts.MkAbs(name), ts.Getenv("ENDPOINT"), address)
	if len(args) == 3 {
		text += fmt.Sprintf("  tls:\n    certificate: %[1]s\n    key: %[1]s\n", ts.MkAbs(args[2]))
	}
	ts.Check(os.WriteFile(config, []byte(text), 0o600))
	s.node.startProgram(ts, name, "solution-bootstrap", "serve", "--access-log", "--config", config)
	eventually(ts, func() error {
		// From then on clients wait for their answers.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

func proxyCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := state(ts)
	if neg || len(args) != 3 || s.registries[args[1]] == "" {
		ts.Fatalf("usage: proxy NAME TO BYTES")
	}
	s.node.startProgram(ts, args[0], "breaking-proxy", s.add(args[0]), s.registries[args[1]], args[2])
	eventually(ts, func() error { return matches(s.node.logFile(args[0]), regexp.MustCompile("^listening")) })
}

func hostsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: hosts NAME…")
	}
	s := state(ts)
	var text strings.Builder
	// Without it containerd would ask for the name itself once these have failed.
	fmt.Fprintf(&text, "server = \"http://%s\"\n", s.add(args[len(args)-1]))
	for _, name := range args {
		fmt.Fprintf(&text, "[host.\"http://%s\"]\n  capabilities = [\"pull\", \"resolve\"]\n", s.add(name))
	}
	s.putHosts(ts, text.String())
}

// putHosts writes the file that tells containerd where to pull from.
func (s *scriptState) putHosts(ts *testscript.TestScript, text string) {
	dir := filepath.Join(s.node.dir, "certs.d", ts.Getenv("ENDPOINT"))
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(text), 0o600))
}

// printedHostsCommand takes what `kubectl solution bootstrap hosts-toml` has
// printed.
func printedHostsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: printed-hosts")
	}
	text := ts.ReadFile("stdout")
	if where := "# /etc/containerd/certs.d/" + ts.Getenv("ENDPOINT") + "/hosts.toml\n"; !strings.HasPrefix(text, where) {
		ts.Fatalf("it does not begin with %s%s", where, text)
	}
	state(ts).putHosts(ts, text)
}

func loggedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: logged NAME REGEXP")
	}
	wanted, err := regexp.Compile(args[1])
	ts.Check(err)
	file := state(ts).node.logFile(args[0])
	if !neg {
		eventually(ts, func() error { return matches(file, wanted) })
	} else if matches(file, wanted) == nil {
		ts.Fatalf("%s has logged %s", args[0], args[1])
	}
}

// matches returns an error where no line of a file does.
func matches(file string, wanted *regexp.Regexp) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		if wanted.MatchString(line) {
			return nil
		}
	}
	return fmt.Errorf("no line of %s matches %s:\n%s", file, wanted, data)
}
