// SPDX-License-Identifier: Apache-2.0

package systemd

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asService has this test binary be a service, which prints what it is passed.
const asService = "TEST_AS_SERVICE"

func TestMain(m *testing.M) {
	if os.Getenv(asService) == "" {
		os.Exit(m.Run())
	}
	sockets, err := Sockets()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, name := range slices.Sorted(maps.Keys(sockets)) {
		for _, l := range sockets[name] {
			fmt.Println(name, l.Addr())
		}
	}
}

// service runs this test binary with files as systemd passes them.
func service(t *testing.T, files []*os.File, pid string, environment ...string) string {
	t.Helper()
	// Only the process itself knows its id in time.
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "LISTEN_PID="+pid+` exec "$0"`, os.Args[0])
	cmd.Env = append(append(os.Environ(), asService+"=1"), environment...)
	cmd.ExtraFiles = files
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.HasPrefix(string(out), "taking ") {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// listen returns a listener's file and address.
func listen(t *testing.T, address string) (*os.File, string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file, l.Addr().String()
}

func TestSockets(t *testing.T) {
	one, first := listen(t, "127.0.0.1:0")
	two, second := listen(t, "[::1]:0")
	three, third := listen(t, "127.0.0.1:0")
	folder, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	files := []*os.File{one, two, three}
	for what, tt := range map[string]struct {
		files []*os.File
		pid   string
		env   []string
		want  string
	}{
		"names":          {files, "$$", []string{"LISTEN_FDS=3", "LISTEN_FDNAMES=x.socket:metrics:x.socket"}, "metrics " + second + "\nx.socket " + first + "\nx.socket " + third + "\n"},
		"fewer":          {files, "$$", []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=a"}, "a " + first + "\n"},
		"no names":       {files, "$$", []string{"LISTEN_FDS=2"}, " " + first + "\n " + second + "\n"},
		"none":           {files, "$$", []string{"LISTEN_FDS=0"}, ""},
		"other process":  {files, "1", []string{"LISTEN_FDS=3"}, ""},
		"no process":     {files, "", []string{"LISTEN_FDS=3"}, ""},
		"no number":      {files, "$$", []string{"LISTEN_FDS=x"}, "taking the sockets of systemd: LISTEN_FDS is \"x\"\n"},
		"too many":       {files, "$$", []string{"LISTEN_FDS=100000"}, "taking the sockets of systemd: LISTEN_FDS is \"100000\"\n"},
		"not there":      {nil, "$$", []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=a"}, `taking socket 1 ("a") of systemd: `},
		"not a listener": {[]*os.File{folder}, "$$", []string{"LISTEN_FDS=1"}, `taking socket 1 ("") of systemd: `},
	} {
		got := service(t, tt.files, tt.pid, tt.env...)
		if strings.HasSuffix(tt.want, ": ") {
			got = got[:min(len(got), len(tt.want))]
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", what, got, tt.want)
		}
	}
}

// manager is systemd's end of notifications.
func manager(t *testing.T, path string) (read func() string) {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func TestNotify(t *testing.T) {
	if err := Notify(t.Context(), Ready); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "socket"), "@solution-bootstrap-test-" + strconv.Itoa(os.Getpid())} {
		read := manager(t, path)
		for _, state := range []string{Ready, Stopping} {
			if err := Notify(t.Context(), state); err != nil {
				t.Fatal(err)
			}
			if got := read(); got != state {
				t.Errorf("%s: %q", path, got)
			}
		}
	}
	t.Setenv("NOTIFY_SOCKET", "/none")
	if err := Notify(t.Context(), Ready); err == nil {
		t.Error("no error without a socket")
	}
}

func TestWatchdog(t *testing.T) {
	read := manager(t, filepath.Join(t.TempDir(), "socket"))
	for variable, values := range map[string][]string{"WATCHDOG_USEC": {"", "x", "0", "-1", "99999999999999"}, "WATCHDOG_PID": {"1"}} {
		for _, value := range values {
			t.Setenv("WATCHDOG_USEC", "1000")
			t.Setenv(variable, value)
			if err := Watchdog(t.Context()); err != nil {
				t.Errorf("%s=%s: %v", variable, value, err)
			}
		}
	}
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Watchdog(ctx) }()
	for range 3 {
		if got := read(); got != alive {
			t.Errorf("%q", got)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
