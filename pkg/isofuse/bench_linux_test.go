// SPDX-License-Identifier: Apache-2.0

package isofuse

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// readAll reads n bytes of a file in steps of 1 MiB, and returns how long that
// took.
func readAll(b *testing.B, path string, n int64) time.Duration {
	b.Helper()
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	start := time.Now()
	// Without the means by which the kernel might copy on its own.
	got, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{io.LimitReader(file, n)}, make([]byte, 1<<20))
	if err != nil || got != n {
		b.Fatalf("%d bytes: %v", got, err)
	}
	return time.Since(start)
}

// BenchmarkRead reads a file of 512 MiB of a mounted archive that is in the page
// cache. It reports how long that takes the first time and once more, by the
// time that as many bytes of the ISO file itself take; all three alternately.
func BenchmarkRead(b *testing.B) {
	const size = 512 << 20
	folder := b.TempDir()
	write(b, folder, map[string][]byte{"layer": make([]byte, size)})
	m := mountTree(b, folder)
	if err := os.Remove(filepath.Join(folder, "layer")); err != nil {
		b.Fatal(err)
	}
	readAll(b, m.iso, size)
	b.SetBytes(size)
	var raw, first, again time.Duration
	for b.Loop() {
		m = mountISO(b, m.iso)
		first += readAll(b, m.path("layer"), size)
		again += readAll(b, m.path("layer"), size)
		raw += readAll(b, m.iso, size)
	}
	b.ReportMetric(first.Seconds()/raw.Seconds(), "first/iso")
	b.ReportMetric(again.Seconds()/raw.Seconds(), "again/iso")
	b.ReportMetric(float64(b.N)*size/(1<<20)/first.Seconds(), "first-MiB/s")
	b.ReportMetric(float64(b.N)*size/(1<<20)/again.Seconds(), "again-MiB/s")
	b.ReportMetric(float64(b.N)*size/(1<<20)/raw.Seconds(), "iso-MiB/s")
}

// BenchmarkWalk lists and describes 3000 files in 30 folders, which the kernel
// does not know yet.
func BenchmarkWalk(b *testing.B) {
	folder := b.TempDir()
	files := map[string][]byte{}
	for i := range 3000 {
		files[filepath.Join(string(rune('a'+i%30)), time.Duration(i).String())] = nil
	}
	write(b, folder, files)
	m := mountTree(b, folder)
	for b.Loop() {
		m = mountISO(b, m.iso)
		n := 0
		err := filepath.Walk(m.dir, func(_ string, info os.FileInfo, err error) error {
			n++
			return err
		})
		if err != nil || n != 3031 {
			b.Fatalf("%d entries: %v", n, err)
		}
	}
}
