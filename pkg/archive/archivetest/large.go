// SPDX-License-Identifier: Apache-2.0

package archivetest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// LargeISO packs an archive with ten images of layers of random bytes, which
// are streamed to disk so that they leave no trace in this process's memory.
func LargeISO(b *testing.B, size int64) string {
	b.Helper()
	dir := New(b).Dir()
	const images, layers = 10, 3
	for i := range images {
		image := filepath.Join(dir, "images", fmt.Sprint("large-", i), "1")
		if err := os.MkdirAll(image, 0o755); err != nil {
			b.Fatal(err)
		}
		write := func(name, text string) {
			if err := os.WriteFile(filepath.Join(image, name), []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
		}
		var descriptors []string
		for j := range layers {
			// Sizes differ, as they do in the field: 1, 3 and 5 ninths.
			n := size / images * int64(2*j+1) / 9
			digest := largeLayer(b, image, n, byte(i*layers+j))
			descriptors = append(descriptors, fmt.Sprintf(`{"digest":"sha256:%s","size":%d}`, digest, n))
		}
		write(Hex([]byte("{}")), "{}")
		write("version", VersionFile)
		write("manifest.json", fmt.Sprintf(`{"schemaVersion":2,"config":{"digest":"sha256:%s","size":2},"layers":[%s]}`,
			Hex([]byte("{}")), strings.Join(descriptors, ",")))
	}
	return Pack(b, dir, "xorriso", "-as", "mkisofs", "--hardlinks")
}

// largeLayer writes n random bytes to a file in dir that is named by their
// digest, and returns that.
func largeLayer(b *testing.B, dir string, n int64, seed byte) string {
	b.Helper()
	file, err := os.Create(filepath.Join(dir, "new"))
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.New()
	random := rand.NewChaCha8([32]byte{seed})
	if _, err := io.CopyN(io.MultiWriter(file, digest), random, n); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	name := fmt.Sprintf("%x", digest.Sum(nil))
	if err := os.Rename(file.Name(), filepath.Join(dir, name)); err != nil {
		b.Fatal(err)
	}
	return name
}

// HashRaw hashes size bytes of a file with all cores, each its own part: the
// least that any check of the archive can take.
func HashRaw(b *testing.B, path string, size int64) {
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	workers := int64(runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i := range workers {
		from, to := size*i/workers, size*(i+1)/workers
		wg.Go(func() {
			part := io.NewSectionReader(file, from, to-from)
			if _, err := io.CopyBuffer(sha256.New(), struct{ io.Reader }{part}, make([]byte, 1<<20)); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
}
