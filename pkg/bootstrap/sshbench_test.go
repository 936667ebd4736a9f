// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bootstrap

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
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
	client, server := overSSH(b, root, sshserver.Options{})
	list := func() {
		if state, err := client.List(b.Context(), ListRequest{}); err != nil || len(state.Archives) != 1 || state.Archives[0].Content == nil {
			b.Fatalf("%+v, %v", state, err)
		}
	}
	list() // makes the connection
	shared := []string{"-F", filepath.Join(server.Folder, "kubectl-solution", "batch.conf")}
	var listed, plain, over time.Duration
	for b.Loop() {
		listed += timed(list)
		b.StopTimer()
		plain += timed(func() { sshTrue(b, client, server) })
		over += timed(func() { sshTrue(b, client, server, shared...) })
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

func sshTrue(b *testing.B, client *Client, server *sshserver.Server, options ...string) {
	b.Helper()
	s, ok := client.Runner.(remote.SSH)
	if !ok {
		b.Fatal("the helper is not reached by ssh")
	}
	words := append(options, "-T", "-o", "BatchMode=yes", "-p", strconv.Itoa(server.Port), s.Host, "true")
	if out, err := exec.CommandContext(b.Context(), "ssh", words...).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}
