// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fromRecorder notes what it is asked to read from.
type fromRecorder struct {
	*httptest.ResponseRecorder
	sources []io.Reader
}

func (f *fromRecorder) ReadFrom(src io.Reader) (int64, error) {
	f.sources = append(f.sources, src.(*io.LimitedReader).R)
	return io.Copy(struct{ io.Writer }{f.ResponseRecorder}, src)
}

// The connection is given the file itself, in pieces, so that it can have the
// system send it; what is sent is counted either way.
func TestReadFrom(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), copyBytes/4)
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, data)
	for name, limit := range map[string]int64{"whole": -1, "longer": int64(len(data)) + 1, "a part": copyBytes + 5, "pieces": 2 * copyBytes, "nothing": 0} {
		t.Run(name, func(t *testing.T) {
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			want := data
			var src io.Reader = file
			if limit >= 0 {
				src, want = io.LimitReader(file, limit), data[:min(limit, int64(len(data)))]
			}
			to := &fromRecorder{ResponseRecorder: httptest.NewRecorder()}
			w := newBoundedWriter(to, time.Minute)
			n, err := w.ReadFrom(src)
			if err != nil || n != int64(len(want)) || w.sent != n || !bytes.Equal(to.Body.Bytes(), want) {
				t.Errorf("%d of %d bytes, counted %d, %v", n, len(want), w.sent, err)
			}
			if pieces := (len(want) + copyBytes) / copyBytes; limit != 0 && len(to.sources) < pieces-1 {
				t.Errorf("%d bytes in %d pieces", n, len(to.sources))
			}
			for _, s := range to.sources {
				if s != io.Reader(file) {
					t.Errorf("it reads from a %T", s)
				}
			}
		})
	}
}

func TestReadFromWithoutConnection(t *testing.T) {
	to := httptest.NewRecorder()
	w := newBoundedWriter(struct{ http.ResponseWriter }{to}, time.Minute)
	if n, err := io.Copy(w, strings.NewReader("text")); err != nil || n != 4 || w.sent != 4 || to.Body.String() != "text" {
		t.Errorf("%d bytes, counted %d, %v", n, w.sent, err)
	}
	if w.Unwrap() != w.ResponseWriter || w.began != 0 || w.status != http.StatusOK {
		t.Errorf("%+v", w)
	}
}
