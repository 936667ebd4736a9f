// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// A file that changes while it is sent is an error before its digest is.
func TestUploadOfChangingFile(t *testing.T) {
	const size = 1 << 20
	for name, changed := range map[string][]byte{"shorter": bytes.Repeat([]byte("a"), size/2), "other": bytes.Repeat([]byte("b"), size), "longer": bytes.Repeat([]byte("a"), size+1)} {
		path := filepath.Join(t.TempDir(), "a.iso")
		if err := os.WriteFile(path, bytes.Repeat([]byte("a"), size), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		s := &sender{ctx: t.Context(), file: file, info: info, offers: make(chan protocol.Offer, 1), digest: sha256.New()}
		s.offers <- protocol.Offer{Digest: protocol.Digest(sha256.New())}
		if _, err := io.ReadFull(s, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		later := info.ModTime().Add(time.Hour)
		if err := errors.Join(os.WriteFile(file.Name(), changed, 0o600), os.Chtimes(file.Name(), later, later)); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(s)
		if err == nil || !strings.HasPrefix(err.Error(), file.Name()+": ") || bytes.Contains(rest, []byte(`"digest"`)) {
			t.Errorf("%s: %v after %d bytes", name, err, len(rest))
		}
		if cause := s.err.Load(); cause == nil || !errors.Is(*cause, err) {
			t.Errorf("%s: %v is not kept", name, err)
		}
	}
}
