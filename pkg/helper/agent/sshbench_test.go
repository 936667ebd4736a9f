// SPDX-License-Identifier: Apache-2.0

//go:build linux

package agent_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// BenchmarkSSHList asks the real helper behind a real sshd on the loopback
// address what is imported, over a connection that is shared, as all requests
// of a command but the first are. It reports x-ssh-true, its time by that of a
// plain `ssh host true`, and x-ssh-true-shared, by that of one over the same
// shared connection, measured alternately.
func BenchmarkSSHList(b *testing.B) {
	root := b.TempDir()
	folder := filepath.Join(root, "etc", "metalk8s")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.Fatal(err)
	}
	text := fmt.Sprintf("apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [%s]\n", archivetest.New(b).ISO(b))
	if err := os.WriteFile(filepath.Join(folder, "solutions.yaml"), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	c, server := overSSH(b, root, sshserver.Options{})
	list := func() {
		if state, err := c.List(b.Context(), protocol.ListRequest{}); err != nil || len(state.Archives) != 1 || state.Archives[0].Content == nil {
			b.Fatalf("%+v, %v", state, err)
		}
	}
	list() // makes the connection
	shared := []string{"-F", filepath.Join(server.Folder, "kubectl-solution", "batch.conf")}
	var listed, plain, over time.Duration
	for b.Loop() {
		listed += timed(list)
		b.StopTimer()
		plain += timed(func() { sshTrue(b, server) })
		over += timed(func() { sshTrue(b, server, shared...) })
		b.StartTimer()
	}
	b.ReportMetric(listed.Seconds()/plain.Seconds(), "x-ssh-true")
	b.ReportMetric(listed.Seconds()/over.Seconds(), "x-ssh-true-shared")
	b.ReportMetric(plain.Seconds()*1000/float64(b.N), "ssh-true-ms")
	b.ReportMetric(over.Seconds()*1000/float64(b.N), "ssh-true-shared-ms")
	if n := server.Connections(); n != b.N+1 {
		b.Errorf("%d connections, and all but %d were to be one", n, b.N)
	}
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// host is that of the sshd.
const host = "127.0.0.1"

func sshTrue(b *testing.B, server *sshserver.Server, options ...string) {
	b.Helper()
	words := append(options, "-T", "-o", "BatchMode=yes", "-p", strconv.Itoa(server.Port), host, "true")
	if out, err := exec.CommandContext(b.Context(), "ssh", words...).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}

// BenchmarkSSHUpload uploads a file of 512 MiB to the real helper behind a real
// sshd, and has scp copy it to the same disk, alternately. It reports x-scp, the
// rate by that of scp (more is better), and helper-MiB, the helper's peak.
func BenchmarkSSHUpload(b *testing.B) {
	const size = 512 << 20
	root := b.TempDir()
	c, server := overSSH(b, root, sshserver.Options{Lines: []string{"Subsystem sftp internal-sftp"}})
	path := filepath.Join(b.TempDir(), "large.iso")
	file := randomFile(b, path, size)
	folder := filepath.Join(root, config.DefaultUploadFolder)
	copied := filepath.Join(root, "copied.iso")
	b.SetBytes(size)
	var uploaded, byScp time.Duration
	var peak int64
	for b.Loop() {
		done := watchPeak(b.Context(), &peak)
		uploaded += timed(func() {
			if result, err := c.Upload(b.Context(), file, false); err != nil || result.Received != size {
				b.Fatalf("%+v, %v", result, err)
			}
		})
		done()
		b.StopTimer()
		byScp += timed(func() { scp(b, server, path, copied) })
		for _, path := range []string{filepath.Join(folder, "large.iso"), copied} {
			if err := os.Remove(path); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(byScp.Seconds()/uploaded.Seconds(), "x-scp")
	b.ReportMetric(float64(peak)/1024, "helper-MiB")
}

func randomFile(b *testing.B, path string, size int64) *os.File {
	b.Helper()
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() }) // only read after this
	if _, err := io.CopyN(file, rand.NewChaCha8([32]byte{}), size); err != nil {
		b.Fatal(err)
	}
	return file
}

func scp(b *testing.B, server *sshserver.Server, from, to string) {
	b.Helper()
	ssh, err := exec.LookPath("ssh") // that of the tests, which scp would not find
	if err != nil {
		b.Fatal(err)
	}
	words := []string{"-q", "-S", ssh, "-o", "BatchMode=yes", "-P", strconv.Itoa(server.Port), from, host + ":" + to}
	if out, err := exec.CommandContext(b.Context(), "scp", words...).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}

// watchPeak notes the most memory, in KiB, that a helper of these tests has
// until the result is called.
func watchPeak(ctx context.Context, peak *int64) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			for _, id := range helpers() {
				data, _ := os.ReadFile(filepath.Join("/proc", id, "status")) // it may have ended
				_, rest, _ := strings.Cut(string(data), "VmHWM:")
				var kib int64
				_, _ = fmt.Sscan(rest, &kib)
				*peak = max(*peak, kib)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return func() { cancel(); watching.Wait() }
}
