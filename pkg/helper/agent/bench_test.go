// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// BenchmarkImport imports an archive of 1 GiB (64 MiB with -short) through the
// real helper, a process of its own, with the full check. It reports
// x-raw-hash, the helper's time by that of hashing as many bytes of the same
// file with all cores, measured alternately; the most memory that the helper
// has had; and the bytes it had the kernel write to disk, and those of its
// configuration.
func BenchmarkImport(b *testing.B) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	iso := archivetest.LargeISO(b, size)
	helper := filepath.Join(b.TempDir(), "solution-bootstrap")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", helper, "../../../cmd/solution-bootstrap").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	b.SetBytes(size)
	var imported, raw time.Duration
	var peak, written, kept int64
	archivetest.HashRaw(b, iso, size) // brings the file into the page cache
	for b.Loop() {
		root := b.TempDir()
		start := time.Now()
		usage := importOnce(b, helper, root, iso)
		imported += time.Since(start)
		b.StopTimer()
		peak = max(peak, usage.Maxrss)
		written = max(written, usage.Oublock*512)
		kept = max(kept, treeSize(b, root))
		start = time.Now()
		archivetest.HashRaw(b, iso, size)
		raw += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(imported.Seconds()/raw.Seconds(), "x-raw-hash")
	b.ReportMetric(float64(peak)/1024, "peak-MiB")
	b.ReportMetric(float64(written), "written-B")
	b.ReportMetric(float64(kept), "kept-B")
}

func importOnce(b *testing.B, helper, root, iso string) *syscall.Rusage {
	b.Helper()
	config := filepath.Join(root, "solution-bootstrap.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "root: %s\n", root), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), helper, "agent", "--config", config)
	cmd.Stdin = bytes.NewBufferString(fmt.Sprintf(`{"protocol":1,"import":{"archives":[%q]}}`, iso))
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(`"action":"imported"`)) {
		b.Fatalf("%v\n%s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("the system does not account for processes")
	}
	return usage
}

// treeSize returns the bytes of all files below root.
func treeSize(b *testing.B, root string) int64 {
	b.Helper()
	total := int64(0)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		total += info.Size()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}
