// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

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
