// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// entry is one tar record: a folder where the name ends in "/", else a file.
type entry struct {
	name string // relative to the root of the image
	mode int64
	data []byte
}

// baseEntries are what most programs expect to find, and a scratch image lacks:
// the names of the users, and a folder for temporary files.
func baseEntries() []entry {
	return []entry{
		{name: "etc/", mode: 0o755},
		{name: "etc/group", mode: 0o644, data: []byte("root:x:0:\nnonroot:x:65532:\n")},
		{name: "etc/passwd", mode: 0o644, data: []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n")},
		{name: "tmp/", mode: 0o1777},
	}
}

// fileEntries reads the files for one platform, and puts each one's folders
// before it. Their order is that of their names, whatever the command line's.
func fileEntries(files []file, p v1.Platform) ([]entry, error) {
	var entries []entry
	for _, f := range files {
		e, err := readEntry(f, p)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", f.name, err)
		}
		entries = append(entries, e)
		for dir := path.Dir(e.name); dir != "."; dir = path.Dir(dir) {
			entries = append(entries, entry{name: dir + "/", mode: 0o755})
		}
	}
	byName := func(a, b entry) int { return cmp.Compare(a.name, b.name) }
	slices.SortFunc(entries, byName)
	return slices.CompactFunc(entries, func(a, b entry) bool { return a.name == b.name }), nil
}

// readEntry reads one file. Of its mode only "executable" counts, since the
// rest depends on the umask of whoever built it.
func readEntry(f file, p v1.Platform) (entry, error) {
	source := f.sourceFor(p)
	data, err := os.ReadFile(source)
	if err != nil {
		return entry{}, err
	}
	info, err := os.Stat(source)
	if err != nil {
		return entry{}, err
	}
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	return entry{name: strings.TrimPrefix(f.name, "/"), mode: mode, data: data}, nil
}

// newLayer packs entries into one gzip-compressed layer of the given media type.
func newLayer(entries []entry, mt types.MediaType) (v1.Layer, error) {
	packed, err := pack(entries)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed)), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(mt),
		tarball.WithCompressionLevel(gzip.DefaultCompression), tarball.WithCompressedCaching)
}

// pack writes entries as a tar, every one owned by root and dated 1970.
func pack(entries []entry) ([]byte, error) {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: time.Unix(0, 0)}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := tw.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("packing %s: %w", e.name, err)
		}
		if _, err := tw.Write(e.data); err != nil {
			return nil, fmt.Errorf("packing %s: %w", e.name, err)
		}
	}
	if err := tw.Close(); err != nil { // it writes the end of the tar
		return nil, fmt.Errorf("packing: %w", err)
	}
	return buf.Bytes(), nil
}
