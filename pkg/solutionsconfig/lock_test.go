// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package solutionsconfig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// addLocked lists an archive as the helper does.
func addLocked(ctx context.Context, f File, path string) error {
	unlock, err := f.Lock(ctx, "import of "+path)
	if err != nil {
		return err
	}
	d, err := f.Read()
	if err == nil {
		d.AddArchive(path)
		err = f.Write(d)
	}
	return errors.Join(err, unlock())
}

func TestLockManyWriters(t *testing.T) {
	f := File{filepath.Join(t.TempDir(), "etc", "solutions.yaml")}
	const writers, processes = 50, 5
	var group sync.WaitGroup
	var want []string
	for i := range writers {
		path := fmt.Sprintf("/%d.iso", i)
		want = append(want, path)
		group.Go(func() {
			if i < processes {
				if out, err := child(t, "add", f.Path, path).CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			} else if err := addLocked(t.Context(), f, path); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got := readDocument(t, f).Configuration().Archives
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("listed are %d of %d: %q", len(got), writers, got)
	}
	if found := names(t, filepath.Dir(f.Path)); !slices.Equal(found, []string{"solutions.yaml", "solutions.yaml.lock"}) {
		t.Errorf("left behind: %q", found)
	}
}

func TestLockNamesHolder(t *testing.T) {
	f := File{filepath.Join(t.TempDir(), "solutions.yaml")}
	for _, c := range []struct{ holder, want string }{
		{"import of\n" + strings.Repeat("x", 600), "locked by import of x"},
		{"sync", fmt.Sprintf("locked by sync (pid %d): ", os.Getpid())},
	} {
		unlock, err := f.Lock(t.Context(), c.holder)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*lockPoll)
		_, err = f.Lock(ctx, "second")
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "(pid ") || !strings.Contains(err.Error(), f.Path) {
			t.Errorf("error %q does not contain %q", err, c.want)
		}
		if err := errors.Join(unlock(), unlock()); err != nil {
			t.Errorf("unlocking twice: %v", err)
		}
	}
	if info, err := os.Stat(f.Path + ".lock"); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the lock file is %v, %v", info, err)
	}
}

func TestLockWaits(t *testing.T) {
	f := File{filepath.Join(t.TempDir(), "solutions.yaml")}
	first, err := f.Lock(t.Context(), "first")
	if err != nil {
		t.Fatal(err)
	}
	locked := make(chan error, 1)
	var told []string
	go func() {
		second, err := f.LockTelling(t.Context(), "second", func(by string) { told = append(told, by) })
		if err == nil {
			err = second()
		}
		locked <- err
	}()
	select {
	case err := <-locked:
		t.Fatalf("two have the lock: %v", err)
	case <-time.After(5 * lockPoll):
	}
	if err := first(); err != nil {
		t.Fatal(err)
	}
	if err := <-locked; err != nil {
		t.Error(err)
	}
	if want := []string{fmt.Sprintf("first (pid %d)", os.Getpid())}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestLockOfDeadProcess(t *testing.T) {
	f := File{filepath.Join(t.TempDir(), "solutions.yaml")}
	holder := child(t, "hold", f.Path)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*lockPoll)
	defer cancel()
	want := fmt.Sprintf("locked by child (pid %d)", holder.Process.Pid)
	if _, err := f.Lock(ctx, "second"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v does not contain %q", err, want)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // it was killed
	notTold(t, f, fmt.Sprintf("child (pid %d)\n", holder.Process.Pid))
	unlock, err := f.Lock(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, f.Path+".lock"), fmt.Sprintf("s (pid %d)\n", os.Getpid()); got != want {
		t.Errorf("the lock file holds %q, want %q", got, want)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

// notTold has something else hold the lock, as flock(1) does, over the name that
// a dead process has left: it is not told as the holder.
func notTold(t *testing.T, f File, left string) {
	t.Helper()
	if got := read(t, f.Path+".lock"); got != left {
		t.Fatalf("the lock file holds %q, want %q", got, left)
	}
	other, err := os.OpenFile(f.Path+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := tryLock(other); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*lockPoll)
	defer cancel()
	var told []string
	_, err = f.LockTelling(ctx, "second", func(by string) { told = append(told, by) })
	if err == nil || !strings.Contains(err.Error(), "locked by another process: ") || !slices.Equal(told, []string{"another process"}) {
		t.Errorf("error %v, told %q", err, told)
	}
}

func TestLockRefused(t *testing.T) {
	f := File{filepath.Join(t.TempDir(), "solutions.yaml")}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if _, err := f.Lock(ended, "x"); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("error %v", err)
	}
	precious := filepath.Join(filepath.Dir(f.Path), "precious")
	write(t, precious, "x")
	if err := os.Symlink(precious, f.Path+".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock(t.Context(), "x"); err == nil || read(t, precious) != "x" {
		t.Errorf("a link was written to: %v", err)
	}
}
