// SPDX-License-Identifier: Apache-2.0

package isofuse

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/test/namespace"
)

func TestMain(m *testing.M) { os.Exit(namespace.Main(m)) }

// mounted is an image that is mounted at dir.
type mounted struct {
	tb     testing.TB
	iso    string
	dir    string
	server *Server
	log    *logBuffer
}

// logBuffer is written by the server while tests read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// mountISO mounts an image for the time of the test.
func mountISO(tb testing.TB, iso string) *mounted {
	tb.Helper()
	namespace.NeedFUSE(tb)
	m := &mounted{tb: tb, iso: iso, dir: filepath.Join(tb.TempDir(), "mount"), log: &logBuffer{}}
	err := os.Mkdir(m.dir, 0o755)
	if err == nil {
		m.server, err = Mount(iso, m.dir, slog.New(slog.NewTextHandler(m.log, nil)))
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := unix.Unmount(m.dir, unix.MNT_DETACH); err != nil && err != unix.EINVAL {
			tb.Error(err)
		}
		m.waitGone()
	})
	return m
}

// waitGone waits until the server has ended.
func (m *mounted) waitGone() {
	m.tb.Helper()
	select {
	case <-m.server.Done():
	case <-time.After(30 * time.Second):
		m.tb.Fatal("the server has not ended 30 seconds after its mount was undone")
	}
}

func (m *mounted) path(name string) string { return filepath.Join(m.dir, name) }

// mountTree packs a folder and mounts that.
func mountTree(tb testing.TB, folder string) *mounted {
	tb.Helper()
	return mountISO(tb, archivetest.Pack(tb, folder, "xorriso", "-as", "mkisofs", "--hardlinks"))
}

// write makes files below a folder, by path.
func write(tb testing.TB, folder string, files map[string][]byte) {
	tb.Helper()
	for name, data := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
}
