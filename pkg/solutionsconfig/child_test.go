// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package solutionsconfig

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childVariable makes the test binary a child process that does one thing.
const childVariable = "SOLUTIONSCONFIG_TEST_CHILD"

func TestMain(m *testing.M) {
	if do := os.Getenv(childVariable); do != "" {
		if err := runChild(do, File{os.Args[1]}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(t *testing.T, do string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVariable+"="+do)
	return cmd
}

func runChild(do string, f File) error {
	ctx := context.Background()
	switch do {
	case "add":
		return addLocked(ctx, f, os.Args[2])
	case "hold":
		if _, err := f.Lock(ctx, "child"); err != nil {
			return err
		}
		fmt.Println()
		time.Sleep(time.Hour)
	case "toggle":
		for {
			if err := toggle(ctx, f); err != nil {
				return err
			}
			fmt.Println()
		}
	case "full":
		// The limit on the size of files stands for a full disk.
		signal.Ignore(syscall.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 64, Max: 64}); err != nil {
			return err
		}
		d, err := f.Read()
		if err != nil {
			return err
		}
		d.AddArchive("/b.iso")
		return f.Write(d)
	}
	return fmt.Errorf("what is %q", do)
}

// Two contents that a file toggles between, long enough to be killed within
// writing them.
var (
	oneState   = header + "archives: [/a.iso]\n" + strings.Repeat("# one\n", 100_000)
	otherState = header + "archives: [/a.iso, /b.iso]\n" + strings.Repeat("# other\n", 100_000)
)

// toggle writes, under the lock, the state that the file is not in. It does
// without the edit, to spend its time on writing.
func toggle(ctx context.Context, f File) error {
	unlock, err := f.Lock(ctx, "toggle")
	if err != nil {
		return err
	}
	data, err := readFile(f.Path)
	if err != nil {
		return err
	}
	d := &Document{disk: data, exists: true, text: []byte(oneState)}
	if string(data) == oneState {
		d.text = []byte(otherState)
	}
	if err := f.Write(d); err != nil {
		return err
	}
	return unlock()
}

// killToggle kills a process that toggles at some random time.
func killToggle(t *testing.T, f File) {
	t.Helper()
	cmd := child(t, "toggle", f.Path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the child ended by itself: %v: %s", err, &stderr)
	}
}

func TestKilledWriter(t *testing.T) {
	folder := t.TempDir()
	f := File{filepath.Join(folder, "solutions.yaml")}
	write(t, f.Path, oneState)
	litter, one := 0, 0
	for range 50 {
		killToggle(t, f)
		switch read(t, f.Path) {
		case oneState:
			one++
		case otherState:
		default:
			t.Fatalf("half-written: %.200q", read(t, f.Path))
		}
		found := names(t, folder)
		if len(found) > 3 {
			t.Fatalf("temporary files accumulate: %q", found)
		}
		litter += len(found) - 2
	}
	t.Logf("%d of 50 were killed before the rename; %d left the one state", litter, one)
	if err := toggle(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if found := names(t, folder); !slices.Equal(found, []string{"solutions.yaml", "solutions.yaml.lock"}) {
		t.Errorf("left behind: %q", found)
	}
}

func TestDiskFull(t *testing.T) {
	folder := t.TempDir()
	f := File{filepath.Join(folder, "solutions.yaml")}
	text := header + "archives:\n  - /a.iso\n"
	write(t, f.Path, text)
	out, err := child(t, "full", f.Path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "writing "+f.Path) || !strings.Contains(string(out), unix.EFBIG.Error()) {
		t.Errorf("error %v: %s", err, out)
	}
	if got := read(t, f.Path); got != text {
		t.Errorf("the file changed: %q", got)
	}
	if found := names(t, folder); len(found) != 1 {
		t.Errorf("left behind: %q", found)
	}
}
