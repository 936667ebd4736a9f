// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// How much TestLoad does.
const (
	loadClients = 50
	loadPulls   = 500
)

// loadArchive is an archive with an image app:1 of two layers.
func loadArchive(t *testing.T, version string) string {
	t.Helper()
	return archivetest.New(t).WithVersion(version).
		WithImage("app", "1", archivetest.OCI(), archivetest.Layers("base", version), archivetest.LayerSize(512<<10)).ISO(t)
}

// puller is a client with connections of its own.
type puller struct {
	client *http.Client
	url    string
}

func newPuller(url string) *puller {
	return &puller{&http.Client{Transport: &http.Transport{DisableCompression: true}}, url}
}

// fetch returns what is at a path below the repository app of a version. What
// has a digest has it.
func (p *puller) fetch(ctx context.Context, version, path, digest string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/v2/example-solution-"+version+"/app/"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s of %s: status %d", path, version, response.StatusCode)
	}
	if got := "sha256:" + archivetest.Hex(body); digest != "" && got != digest {
		return nil, fmt.Errorf("%w: %s of %s has digest %s", errWrongBytes, path, version, got)
	}
	return body, nil
}

var errWrongBytes = errors.New("wrong bytes")

// pull does what a container runtime does for app:1 of a version.
func (p *puller) pull(ctx context.Context, version string) error {
	byTag, err := p.fetch(ctx, version, "manifests/1", "")
	if err != nil {
		return err
	}
	digest := "sha256:" + archivetest.Hex(byTag)
	manifest, err := p.fetch(ctx, version, "manifests/"+digest, digest)
	if err != nil {
		return err
	}
	var m struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	if err := json.Unmarshal(manifest, &m); err != nil || len(m.Layers) != 2 {
		return fmt.Errorf("%w: %w, %s", errWrongBytes, err, manifest)
	}
	for _, d := range []string{m.Config.Digest, m.Layers[0].Digest, m.Layers[1].Digest} {
		if _, err := p.fetch(ctx, version, "blobs/"+d, d); err != nil {
			return err
		}
	}
	return nil
}

// usage is what a process has in use.
type usage struct {
	descriptors, goroutines int
	heap                    uint64 // in bytes
}

func used(t *testing.T) usage {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{len(entries), runtime.NumGoroutine(), m.HeapAlloc}
}

func (u usage) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %d KiB of heap", u.descriptors, u.goroutines, u.heap>>10)
}

// churn imports and removes archives, as the helper and people do, until ctx
// ends; every few times a file is replaced as well. It returns how often.
func (r *running) churn(ctx context.Context, stays string, others []string) int {
	data := read(r.t, others[0])
	n := 0
	for lists := [][]string{others, {others[1]}, {others[0]}, nil}; ctx.Err() == nil; n++ {
		r.list(append([]string{stays}, lists[n%len(lists)]...)...)
		if n%3 == 2 {
			if err := os.Remove(others[0]); err != nil {
				r.t.Error(err)
			}
			write(r.t, others[0], data)
		}
		select {
		case <-ctx.Done():
		case <-time.After(2 * followInterval):
		}
	}
	return n
}

// Pulls of what stays all succeed while archives come and go; those of what
// goes succeed wholly or fail. Nothing is left of them.
func TestLoad(t *testing.T) {
	stays, others := loadArchive(t, "1.0.0"), []string{loadArchive(t, "2.0.0"), loadArchive(t, "3.0.0")}
	r := run(t, append([]string{stays}, others...)...)
	first := newPuller(r.url)
	for _, version := range []string{"1.0.0", "2.0.0", "3.0.0"} {
		if err := first.pull(t.Context(), version); err != nil {
			t.Fatal(err)
		}
	}
	r.list(stays)
	r.eventually("one is left", func() bool { _, ready := r.readiness(); return ready.Ready && len(ready.Archives) == 1 })
	first.client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	before := used(t)

	churning, stop := context.WithCancel(t.Context())
	changes := make(chan int)
	go func() { changes <- r.churn(churning, stays, others) }()
	var begun, whole, failed atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	for range loadClients {
		group.Go(func() {
			p := newPuller(r.url)
			defer p.client.CloseIdleConnections()
			for n := begun.Add(1); n <= loadPulls; n = begun.Add(1) {
				version := []string{"1.0.0", "2.0.0", "1.0.0", "3.0.0", "1.0.0"}[n%5]
				switch err := p.pull(t.Context(), version); {
				case err == nil:
					whole.Add(1)
				case version == "1.0.0" || errors.Is(err, errWrongBytes):
					t.Errorf("pull %d: %v", n, err)
				default:
					failed.Add(1)
				}
			}
		})
	}
	group.Wait()
	took := time.Since(start)
	stop()
	n := <-changes
	r.list(stays)
	r.eventually("one is left", func() bool { _, ready := r.readiness(); return ready.Ready && len(ready.Archives) == 1 })
	http.DefaultClient.CloseIdleConnections()
	var after usage
	r.eventually("descriptors and goroutines are as before", func() bool {
		after = used(t)
		return after.descriptors <= before.descriptors && after.goroutines <= before.goroutines
	}, func() string { return fmt.Sprintf("before: %v; after: %v", before, after) })
	t.Logf("%d pulls by %d clients in %v, %d changes of the archives: %d whole, %d of what goes failed", loadPulls, loadClients, took.Round(time.Millisecond), n, whole.Load(), failed.Load())
	t.Logf("before: %v; after: %v", before, after)
	if whole.Load() < loadPulls*3/5 {
		t.Errorf("%d whole pulls, and those of what stays are %d", whole.Load(), loadPulls*3/5)
	}
	const margin = 12 << 20 // buffers that are kept for the next pulls
	if after.heap > before.heap+margin {
		t.Errorf("%d KiB of heap are left behind", (after.heap-before.heap)>>10)
	}
}
