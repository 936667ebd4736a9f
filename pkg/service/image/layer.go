// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/metalk8s/kubectl-solution/pkg/program"
)

// folder is where the program is in the image, and searchPath the PATH there:
// `kubectl exec` names the program, and not where it is.
const (
	folder     = "usr/local/bin/"
	searchPath = "/usr/local/bin"
)

// epoch is the time of everything in an image and its archive: the real one
// would make another image of the same program.
func epoch() time.Time { return time.Unix(0, 0).UTC() }

// layer returns the only layer of an image, compressed, and the digest of what
// is compressed.
func layer(p Program) (blob []byte, diffID digest.Digest, err error) {
	var compressed bytes.Buffer
	digester := digest.SHA256.Digester()
	zw := gzip.NewWriter(&compressed)
	tw := tar.NewWriter(io.MultiWriter(zw, digester.Hash()))
	for _, name := range []string{"usr/", "usr/local/", folder} {
		if err := writeEntry(tw, name, 0o755, nil); err != nil {
			return nil, "", err
		}
	}
	if err := writeEntry(tw, folder+program.Name, 0o755, p.data); err != nil {
		return nil, "", err
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		return nil, "", err
	}
	return compressed.Bytes(), digester.Digest(), nil
}

// writeEntry adds a file, or a folder where the name ends in "/", which is
// root's.
func writeEntry(tw *tar.Writer, name string, mode int64, data []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data)), ModTime: epoch()}
	if name[len(name)-1] == '/' {
		h.Typeflag = tar.TypeDir
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err := tw.Write(data)
	return err
}
