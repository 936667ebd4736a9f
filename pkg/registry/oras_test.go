// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	orascontent "oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// orasRepository returns a repository of a fixture, as oras-go has it.
func orasRepository(t *testing.T, host, name string) *remote.Repository {
	t.Helper()
	repository, err := remote.NewRepository(host + "/" + id + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	repository.PlainHTTP = true
	return repository
}

// oras-go copies images with all that they lead to, by tag and by digest; it
// checks every digest and size.
func TestORAS(t *testing.T) {
	b := standard(t)
	files := b.Files()
	host := serve(t, b.ISO(t))
	for image, nodes := range map[string]int{"docker/1": 4, "deep/er/oci/v1.0": 4, "list/1": 6, "index/1": 6} {
		i := strings.LastIndexByte(image, '/')
		manifest := files["images/"+image+"/manifest.json"]
		for _, reference := range []string{image[i+1:], "sha256:" + archivetest.Hex(manifest)} {
			store, copied := memory.New(), 0
			options := oras.CopyOptions{CopyGraphOptions: oras.CopyGraphOptions{Concurrency: 1}}
			options.FindSuccessors = func(ctx context.Context, fetcher orascontent.Fetcher, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
				copied++
				return orascontent.Successors(ctx, fetcher, d)
			}
			got, err := oras.Copy(t.Context(), orasRepository(t, host, image[:i]), reference, store, "copy", options)
			if err != nil {
				t.Errorf("%s, %s: %v", image, reference, err)
				continue
			}
			if got.Digest.Encoded() != archivetest.Hex(manifest) || got.Size != int64(len(manifest)) || copied != nodes {
				t.Errorf("%s, %s: %+v with %d objects, want %d", image, reference, got, copied, nodes)
			}
			data, err := orascontent.FetchAll(t.Context(), store, got)
			if err != nil || !bytes.Equal(data, manifest) {
				t.Errorf("%s, %s: %v, %s", image, reference, err, data)
			}
		}
	}
}

func TestORASReferrers(t *testing.T) {
	b := archivetest.New(t).WithImage("a", "1", archivetest.OCI())
	subject := b.Files()["images/a/1/manifest.json"]
	signature := refer(b, "signature", subject, `"artifactType":"application/x.signature",`)
	refer(b, "sbom", subject, `"artifactType":"application/x.sbom",`)
	repository := orasRepository(t, serve(t, b.ISO(t)), "a")
	resolved, err := repository.Resolve(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	for artifactType, want := range map[string]int{"": 2, "application/x.signature": 1, "none": 0} {
		var found []ocispec.Descriptor
		if err := repository.Referrers(t.Context(), resolved, artifactType, func(page []ocispec.Descriptor) error {
			found = append(found, page...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(found) != want {
			t.Errorf("%q: %+v", artifactType, found)
		}
		if want != 1 {
			continue
		}
		r, err := repository.Fetch(t.Context(), found[0])
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || string(data) != signature {
			t.Errorf("%v, %s", err, data)
		}
	}
}
