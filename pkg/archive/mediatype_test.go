// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

func TestMediaType(t *testing.T) {
	for manifest, want := range map[string]string{
		`{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`: "application/vnd.oci.image.index.v1+json",
		`{"manifests":[]}`:          "application/vnd.oci.image.index.v1+json",
		`{"config":{},"layers":[]}`: "application/vnd.oci.image.manifest.v1+json",
	} {
		if got, err := archive.MediaType([]byte(manifest)); err != nil || got != want {
			t.Errorf("%s: %q, %v", manifest, got, err)
		}
	}
	for manifest, want := range map[string]string{
		`{`:  "not a JSON manifest: unexpected end of JSON input",
		`{}`: "it has no mediaType, and is neither an image manifest (config and layers) nor an index (manifests)",
	} {
		if _, err := archive.MediaType([]byte(manifest)); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", manifest, err, want)
		}
	}
}

func TestFile(t *testing.T) {
	a, err := archive.Open(archivetest.New(t).ISO(t))
	if err != nil {
		t.Fatal(err)
	}
	info, err := a.File().Stat()
	if err != nil || info.Size() != a.Size() {
		t.Errorf("%v, %v", info, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if file := archive.New("x", archivetest.New(t).FS()).File(); file != nil {
		t.Errorf("an archive without a file has %v", file.Name())
	}
}
