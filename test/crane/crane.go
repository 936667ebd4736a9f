// SPDX-License-Identifier: Apache-2.0

// Package crane pulls from registries with go-containerregistry, which crane is
// made of, for tests.
package crane

import (
	"bytes"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// Pull pulls a tag with all that it leads to, and checks every digest and size.
// Its manifest has to be this one.
func Pull(t testing.TB, tag name.Tag, manifest []byte) {
	t.Helper()
	head, err := remote.Head(tag)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Get(tag)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Manifest, manifest) || head.Digest != got.Digest || head.MediaType != got.MediaType || head.Size != got.Size {
		t.Errorf("%s: HEAD %+v, GET %+v", tag, head, got.Descriptor)
	}
	if got.MediaType.IsIndex() {
		index, err := got.ImageIndex()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
		return
	}
	image, err := got.Image()
	if err != nil {
		t.Fatal(err)
	}
	// An artifact has no layers that can be unpacked.
	if err := validate.Image(image); err != nil && tag.TagStr() != "signature" {
		t.Errorf("%s: %v", tag, err)
	}
}
