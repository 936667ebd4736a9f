// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// benchBytes is the size of the blob that is pulled.
const benchBytes = 64 << 20

// pull gets a path n times.
func pull(ctx context.Context, client *http.Client, url string, n int) error {
	for range n {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkBlob pulls a blob of 64 MiB over 1, 4 and 16 connections; the client
// is in the same process, so that cpu-s/GiB counts both ends. plain is the same
// bytes by http.ServeContent from the same file, with nothing of this package:
// what the checks cost is the difference.
func BenchmarkBlob(b *testing.B) {
	builder := archivetest.New(b).WithImage("large", "1", archivetest.LayerSize(benchBytes))
	iso := builder.ISO(b)
	path := ""
	for _, blob := range builder.Blobs("large", "1") {
		if len(builder.Files()[blob]) >= benchBytes {
			path = blob
		}
	}
	f := newFixture(b, iso)
	tree, err := archive.Open(iso)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = tree.Close() })
	plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := tree.FS().Open(path)
		if err != nil {
			b.Error(err)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, file.(io.ReadSeeker))
	})
	bounded := (&Server{}).handler(&follower{set: f.set}, f.handler)
	for _, connections := range []int{1, 4, 16} {
		for name, handler := range map[string]http.Handler{"served": bounded, "plain": plain} {
			b.Run(fmt.Sprintf("%s/%d", name, connections), func(b *testing.B) {
				server := httptest.NewServer(handler)
				defer server.Close()
				url := server.URL + "/v2/" + id + "/large/blobs/sha256:" + path[len(path)-64:]
				b.SetBytes(int64(connections) * benchBytes)
				before := cpuSeconds(b)
				for b.Loop() {
					pullAll(b, url, connections, 1)
				}
				gib := float64(b.N) * float64(connections) * benchBytes / (1 << 30)
				b.ReportMetric((cpuSeconds(b)-before)/gib, "cpu-s/GiB")
			})
		}
	}
}

// pullAll gets a path n times over each of several connections.
func pullAll(b *testing.B, url string, connections, n int) {
	b.Helper()
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			transport := &http.Transport{DisableCompression: true, ReadBufferSize: 128 << 10}
			defer transport.CloseIdleConnections()
			if err := pull(b.Context(), &http.Client{Transport: transport}, url, n); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

// BenchmarkManifest gets a manifest by its tag, over 8 connections.
func BenchmarkManifest(b *testing.B) {
	f := newFixture(b, archivetest.New(b).ISO(b))
	server := httptest.NewServer((&Server{}).handler(&follower{set: f.set}, f.handler))
	defer server.Close()
	const connections, requests = 8, 500
	for b.Loop() {
		pullAll(b, server.URL+"/v2/"+id+"/example-solution-ui/manifests/1.0.0", connections, requests)
	}
	b.ReportMetric(connections*requests*float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkManifestHandler is the handler alone.
func BenchmarkManifestHandler(b *testing.B) {
	f := newFixture(b, archivetest.New(b).ISO(b))
	r := httptest.NewRequest(http.MethodGet, "/v2/"+id+"/example-solution-ui/manifests/1.0.0", nil)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}

func cpuSeconds(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return (time.Duration(usage.Utime.Nano()) + time.Duration(usage.Stime.Nano())).Seconds()
}

// BenchmarkOpen opens an archive of 10,000 blobs. heap-B/file is what it keeps
// in memory.
func BenchmarkOpen(b *testing.B) {
	const files = 10_000
	builder := archivetest.New(b)
	dir := builder.Dir()
	for i := range files {
		data := fmt.Sprint(i)
		if err := os.WriteFile(dir+"/images/example-solution-ui/1.0.0/"+archivetest.Hex([]byte(data)), []byte(data), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	iso := archivetest.Pack(b, dir, "xorriso", "-as", "mkisofs")
	b.ReportAllocs()
	f := newFixture(b)
	kept := heap()
	f.set.Update([]string{iso})
	kept = heap() - kept
	for b.Loop() {
		o, err := open(iso, f.set.log)
		if err != nil {
			b.Fatal(err)
		}
		o.release()
	}
	b.ReportMetric(float64(kept)/files, "heap-B/file")
}

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
