// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// benchSize returns the bytes of layers to verify: ARCHIVE_BENCH_MIB, 1024 by
// default, 64 with -short.
func benchSize(b *testing.B) int64 {
	b.Helper()
	if text := os.Getenv("ARCHIVE_BENCH_MIB"); text != "" {
		mib, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		return mib << 20
	}
	if testing.Short() {
		return 64 << 20
	}
	return 1 << 30
}

// BenchmarkVerify reports x-raw-hash, the time of Verify by that of hashing as
// many bytes of the same file with all cores, both measured alternately; and
// the process's peak memory in MiB.
func BenchmarkVerify(b *testing.B) {
	iso := archivetest.LargeISO(b, benchSize(b))
	var total int64
	verify := func() {
		a, err := archive.Open(iso)
		if err != nil {
			b.Fatal(err)
		}
		report, err := a.Verify(b.Context(), archive.VerifyOptions{Progress: func(_, n int64) { total = n }})
		if err != nil || len(report.Findings) > 0 {
			b.Fatal(err, report.Findings)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
	}
	verify() // brings the file into the page cache
	b.SetBytes(total)
	var verified, raw time.Duration
	for b.Loop() {
		start := time.Now()
		verify()
		verified += time.Since(start)
		b.StopTimer()
		start = time.Now()
		archivetest.HashRaw(b, iso, total)
		raw += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(verified.Seconds()/raw.Seconds(), "x-raw-hash")
	b.ReportMetric(peakMemory(b), "peak-MiB")
}

// peakMemory returns the most memory that the process has had, in MiB.
func peakMemory(b *testing.B) float64 {
	b.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if text, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseFloat(strings.Fields(text)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib / 1024
		}
	}
	return 0
}

// BenchmarkInspect inspects an archive of 30 images.
func BenchmarkInspect(b *testing.B) {
	builder := archivetest.New(b)
	for i := range 30 {
		builder.WithImage(fmt.Sprint("image-", i), "1", archivetest.Layers("base", fmt.Sprint(i)))
	}
	a, err := archive.Open(builder.ISO(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, report := a.Inspect(); len(report.Findings) > 0 {
			b.Fatal(report.Findings)
		}
	}
}
