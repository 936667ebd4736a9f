// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// untar returns the uncompressed bytes of a layer.
func untar(t *testing.T, l v1.Layer) []byte {
	t.Helper()
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// listLayer describes each record of a layer, and checks what they have in common.
func listLayer(t *testing.T, l v1.Layer) []string {
	t.Helper()
	var out []string
	for r := tar.NewReader(bytes.NewReader(untar(t, l))); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: owner %d:%d %q, date %s", h.Name, h.Uid, h.Gid, h.Uname, h.ModTime)
		}
		line := fmt.Sprintf("%o %s", h.Mode, h.Name)
		if h.Typeflag == tar.TypeReg {
			line += fmt.Sprintf(" %d", h.Size)
		}
		out = append(out, line)
	}
}

// fileInLayer returns the content of one file.
func fileInLayer(t *testing.T, l v1.Layer, name string) string {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(untar(t, l))); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("looking for %s: %v", name, err)
		}
		if h.Name == name {
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
	}
}

// TestTarIsComplete checks the padding and the two zero blocks at the end, which
// Go's reader does not ask for and other readers do.
func TestTarIsComplete(t *testing.T) {
	packed, err := pack([]entry{{name: "dir/", mode: 0o755}, {name: "dir/file", mode: 0o644, data: []byte("x")}})
	if err != nil {
		t.Fatal(err)
	}
	const blocks = 1 + 1 + 1 + 2 // two headers, a block of data, the end
	if len(packed) != blocks*512 {
		t.Fatalf("%d bytes, want %d", len(packed), blocks*512)
	}
	if end := packed[len(packed)-1024:]; !bytes.Equal(end, make([]byte, 1024)) {
		t.Error("the tar does not end in two zero blocks")
	}
}
