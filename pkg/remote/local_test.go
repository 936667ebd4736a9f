// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childVariable makes the test binary a helper that behaves in one way.
const childVariable = "REMOTE_TEST_CHILD"

func TestMain(m *testing.M) {
	if do := os.Getenv(childVariable); do != "" {
		os.Exit(runChild(do))
	}
	os.Exit(m.Run())
}

func runChild(do string) int {
	switch do {
	case "echo":
		fmt.Printf("%q\n", os.Args[1:])
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			return 1
		}
	case "exit 3":
		fmt.Println("half")
		fmt.Fprint(os.Stderr, "first\nsolutions.yaml: no \x1b[31mspace left\n\n")
		return 3
	case "exit 0 at once":
	case "killed":
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		time.Sleep(time.Hour)
	case "stderr":
		for i := range 100_000 {
			fmt.Fprintf(os.Stderr, "line é %d\n", i)
		}
		return 1
	case "ends on SIGTERM":
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		fmt.Println("ready")
		<-ended
		fmt.Println("ended")
		return 0
	case "waits for its client":
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "ignores SIGTERM":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "garbage":
		for {
			if _, err := os.Stdout.Write(bytes.Repeat([]byte{0xff}, 8192)); err != nil {
				time.Sleep(time.Hour) // and does not care
			}
		}
	case "writes once":
		fmt.Println("x")
		time.Sleep(time.Hour)
	case "leaves stdout open":
		cmd := exec.Command("sleep", "3") //nolint:noctx // it is to outlive this process
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			return 1
		}
	}
	return 0
}

// helper returns a Local whose agent behaves so.
func helper(t *testing.T, do string) Local {
	t.Helper()
	t.Setenv(childVariable, do)
	return Local{Program: os.Args[0], Grace: 200 * time.Millisecond}
}

// wantError checks the parts of a *RunError.
func wantError(t *testing.T, err error, reason Reason, text string) *RunError {
	t.Helper()
	var failed *RunError
	if !errors.As(err, &failed) {
		t.Fatalf("error %v is no RunError", err)
	}
	if failed.Reason != reason || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), failed.Command) || failed.Hint() == "" {
		t.Errorf("reason %s, error %q, hint %q; want %s and %q", failed.Reason, err, failed.Hint(), reason, text)
	}
	return failed
}

// signalWriter tells of its first write.
type signalWriter struct {
	bytes.Buffer
	written chan struct{}
}

func (w *signalWriter) Write(p []byte) (int, error) {
	if w.Len() == 0 {
		close(w.written)
	}
	return w.Buffer.Write(p)
}

func TestLocalRun(t *testing.T) {
	l := helper(t, "echo")
	l.Args = []string{"--config", "/etc/a b.yaml"}
	request := strings.Repeat("request", 100_000)
	var out bytes.Buffer
	if err := l.Run(t.Context(), strings.NewReader(request), &out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), `["agent" "--config" "/etc/a b.yaml"]`+"\n"+request; got != want {
		t.Errorf("got %d bytes: %.80q", len(got), got)
	}
	if err := l.Run(t.Context(), nil, nil); err != nil {
		t.Errorf("with no streams: %v", err)
	}
}

func TestLocalRunExit(t *testing.T) {
	l := helper(t, "exit 3")
	l.Args = []string{"it's", "A=b", "--c=d"}
	var out bytes.Buffer
	failed := wantError(t, l.Run(t.Context(), strings.NewReader("x"), &out), Exit, "exit status 3: solutions.yaml: no  [31mspace left")
	if want := os.Args[0] + ` agent 'it'\''s' 'A=b' --c=d`; failed.Command != want {
		t.Errorf("command %s, want %s", failed.Command, want)
	}
	var exit *exec.ExitError
	if !errors.As(failed, &exit) || exit.ExitCode() != 3 || out.String() != "half\n" || !strings.HasPrefix(failed.Stderr, "first\n") {
		t.Errorf("%+v, output %q", failed, &out)
	}
}

func TestLocalRunKilled(t *testing.T) {
	wantError(t, helper(t, "killed").Run(t.Context(), nil, nil), Killed, "signal: killed")
}

func TestLocalRunNotFound(t *testing.T) {
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(folder, "garbage")
	if err := os.WriteFile(garbage, []byte("\x7fELF"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder)
	for program, want := range map[string]string{
		"": "executable file not found", filepath.Join(folder, "none"): "no such file", plain: "permission denied", folder: "is a directory", garbage: "exec format error",
	} {
		failed := wantError(t, Local{Program: program}.Run(t.Context(), nil, nil), NotFound, want)
		if program == "" && failed.Command != "solution-bootstrap agent" {
			t.Errorf("command %s", failed.Command)
		}
	}
}

func TestLocalFind(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	beside, onPath := filepath.Join(filepath.Dir(self), program), filepath.Join(t.TempDir(), program)
	t.Setenv("PATH", filepath.Dir(onPath))
	for _, path := range []string{beside, onPath} {
		if err := os.Symlink(self, path); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(path) })
		if got, err := (Local{}).find(); err != nil || got != path {
			t.Errorf("found %s, %v, want %s", got, err, path)
		}
	}
	t.Setenv(childVariable, "echo")
	var out bytes.Buffer
	if err := (Local{}).Run(t.Context(), nil, &out); err != nil || out.String() != "[\"agent\"]\n" {
		t.Errorf("%v, %q", err, &out)
	}
}

func TestLocalRunCancel(t *testing.T) {
	enough := errors.New("enough")
	for do, want := range map[string]string{"ends on SIGTERM": "ready\nended\n", "ignores SIGTERM": "ready\n"} {
		t.Run(do, func(t *testing.T) {
			l := helper(t, do)
			ctx, cancel := context.WithCancelCause(t.Context())
			out := &signalWriter{written: make(chan struct{})}
			// Neither stdin ends.
			stdin, keep := io.Pipe()
			defer keep.Close()
			done := make(chan error, 1)
			go func() { done <- l.Run(ctx, stdin, out) }()
			<-out.written
			cancel(enough)
			err := <-done
			if wantError(t, err, Canceled, "enough"); !errors.Is(err, enough) || out.String() != want {
				t.Errorf("error %v, output %q", err, out)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, helper(t, "echo").Run(ended, nil, nil), Canceled, "context canceled")
}

// badStream fails once it has passed on a little.
type badStream struct{ left int }

var errStream = errors.New("stream is broken")

func (s *badStream) use(p []byte) (int, error) {
	if s.left -= len(p); s.left <= 0 {
		return 0, errStream
	}
	return len(p), nil
}

func (s *badStream) Write(p []byte) (int, error) { return s.use(p) }
func (s *badStream) Read(p []byte) (int, error)  { return s.use(p) }

func TestLocalRunBrokenStreams(t *testing.T) {
	for _, do := range []string{"garbage", "writes once"} {
		size := map[string]int{"garbage": 1 << 20}[do]
		err := helper(t, do).Run(t.Context(), nil, &badStream{left: size})
		if wantError(t, err, Canceled, "writing its output: stream is broken"); !errors.Is(err, errStream) {
			t.Errorf("%s: %v", do, err)
		}
	}
	err := helper(t, "ends on SIGTERM").Run(t.Context(), &badStream{left: 40_000}, nil)
	wantError(t, err, Canceled, "reading its input: stream is broken")
}

func TestLocalRunStdinStaysOpen(t *testing.T) {
	before := runtime.NumGoroutine()
	stdin, keep := io.Pipe()
	l := helper(t, "exit 0 at once")
	l.Grace = time.Hour // Run must not wait for it
	if err := l.Run(t.Context(), stdin, nil); err != nil {
		t.Fatal(err)
	}
	if err := keep.Close(); err != nil {
		t.Fatal(err)
	}
	for runtime.NumGoroutine() > before { // else the test runs into its time limit
		time.Sleep(time.Millisecond)
	}
	// Nor is it an error that the agent does not read what there is.
	if err := l.Run(t.Context(), strings.NewReader(strings.Repeat("x", 10<<20)), nil); err != nil {
		t.Error(err)
	}
}

func TestLocalRunStdoutStaysOpen(t *testing.T) {
	wantError(t, helper(t, "leaves stdout open").Run(t.Context(), nil, nil), Exit, exec.ErrWaitDelay.Error())
}

func TestLocalRunStderrBounded(t *testing.T) {
	failed := wantError(t, helper(t, "stderr").Run(t.Context(), nil, nil), Exit, "exit status 1: line é 99999")
	if n := len(failed.Stderr); n > tailSize || n < tailSize-4 || !strings.HasSuffix(failed.Stderr, "line é 99998\nline é 99999\n") {
		t.Errorf("kept %d bytes: %q", n, failed.Stderr)
	}
}

func TestTail(t *testing.T) {
	var all []byte
	kept := &Tail{}
	for i, size := range []int{0, 1, tailSize - 1, 1, 10, tailSize + 5, tailSize, 3 * tailSize, 7} {
		part := bytes.Repeat([]byte{byte('a' + i)}, size)
		all = append(all, part...)
		if n, err := kept.Write(part); n != size || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		if want := string(all[max(0, len(all)-tailSize):]); kept.String() != want || cap(kept.data) > 3*tailSize {
			t.Errorf("after %d bytes: %d kept, of capacity %d", len(all), len(kept.String()), cap(kept.data))
		}
	}
}
