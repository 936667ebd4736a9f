// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// What every answer has, or nearly every one.
var (
	apiVersions  = []string{apiVersion}
	acceptRanges = []string{"bytes"}
)

// Handler answers the requests of the OCI distribution specification that
// read, below /v2/. What would write is refused with status 405.
type Handler struct {
	set    *Set
	cache  *cache
	pieces pieces
}

// NewHandler returns a Handler that serves the archives of set.
func NewHandler(set *Set) *Handler {
	return &Handler{set: set, cache: newCache()}
}

// ServeHTTP answers one request. It panics with http.ErrAbortHandler where an
// archive turns out to be damaged in the middle of an answer, so that the client
// sees a broken connection and not a short blob.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()[apiVersionHeader] = apiVersions
	if !reads(w, r) {
		return
	}
	t, apiErr := parseTarget(r.URL.EscapedPath())
	if apiErr != nil {
		writeError(w, *apiErr)
		return
	}
	switch t.kind {
	case kindBase:
		writeJSON(w, http.StatusOK, "application/json", struct{}{})
	case kindCatalog:
		h.serveCatalog(w, r)
	case kindReferrers:
		h.serveReferrers(w, r, t)
	default:
		h.serveRepository(w, r, t)
	}
}

// serveRepository answers what needs a repository that is there.
func (h *Handler) serveRepository(w http.ResponseWriter, r *http.Request, t target) {
	o, repo, apiErr := h.acquire(t)
	if apiErr != nil {
		writeError(w, *apiErr)
		return
	}
	defer o.release()
	switch {
	case t.kind == kindBlob:
		h.serveBlob(w, r, t, o)
	case o.check() != nil:
		writeError(w, errUnavailable)
	case t.kind == kindTags:
		h.serveTags(w, r, t, o, repo)
	default:
		h.serveManifest(w, r, t, o, repo)
	}
}

// acquire finds a repository, and holds its archive where there is one.
func (h *Handler) acquire(t target) (*opened, *repository, *apiError) {
	o := h.set.acquire(t.id)
	switch {
	case o != nil:
	case h.set.isChecking(t.id):
		return nil, nil, &errNotChecked
	default:
		return nil, nil, &errNameUnknown
	}
	repo := o.repository(t.image)
	if repo == nil {
		o.release()
		return nil, nil, &errNameUnknown
	}
	return o, repo, nil
}

func (h *Handler) serveManifest(w http.ResponseWriter, r *http.Request, t target, o *opened, repo *repository) {
	m, apiErr := h.manifest(o, repo, t.reference)
	if apiErr != nil {
		writeError(w, *apiErr)
		return
	}
	h.sendManifest(w, r, m)
}

// manifest finds a manifest by its tag or digest.
func (h *Handler) manifest(o *opened, repo *repository, reference string) (*manifest, *apiError) {
	d, ok := o.tag(repo, reference)
	if strings.Contains(reference, ":") {
		if d, ok = parseDigest(reference); !ok {
			return nil, &errDigestInvalid
		}
	}
	if !ok {
		return nil, &errManifestUnknown
	}
	file := o.findManifest(repo, d)
	if file == nil {
		return nil, &errManifestUnknown
	}
	if m := h.cache.get(d); m != nil {
		return m, nil
	}
	m, err := o.readManifest(file, d)
	if err != nil {
		return nil, &errUnavailable
	}
	h.cache.put(m)
	return m, nil
}

// lookup finds the manifest at a path that is not escaped; nil for whatever else
// is to be answered there.
func (h *Handler) lookup(path string) *manifest {
	t, apiErr := parseTarget(path)
	if apiErr != nil || t.kind != kindManifest {
		return nil
	}
	o, repo, apiErr := h.acquire(t)
	if apiErr != nil {
		return nil
	}
	defer o.release()
	if o.check() != nil {
		return nil
	}
	m, _ := h.manifest(o, repo, t.reference)
	return m
}

// conditions are the headers that make an answer another than all of it.
var conditions = []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}

// sendManifest does what serveContent does, in less time where all of it is
// asked for.
func (h *Handler) sendManifest(w http.ResponseWriter, r *http.Request, m *manifest) {
	for _, name := range conditions {
		if r.Header[name] != nil {
			h.serveContent(w, r, m.header, bytes.NewReader(m.data))
			return
		}
	}
	header := w.Header()
	maps.Copy(header, m.header)
	header["Accept-Ranges"], header["Content-Length"] = acceptRanges, m.length
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		// An error means that the client is gone.
		_, _ = w.Write(m.data)
	}
}

// serveBlob looks for a blob in its own image, then its archive, then all
// others, so that archives can share layers.
func (h *Handler) serveBlob(w http.ResponseWriter, r *http.Request, t target, own *opened) {
	d, ok := parseDigest(t.reference)
	if !ok {
		writeError(w, errDigestInvalid)
		return
	}
	broken := false
	for _, o := range append([]*opened{own}, h.set.current.Load().archives...) {
		found, err := h.tryBlob(w, r, t, o, d)
		if found {
			return
		}
		broken = broken || (o == own && err != nil)
	}
	if broken {
		writeError(w, errUnavailable)
		return
	}
	writeError(w, errBlobUnknown)
}

// tryBlob serves a blob from one archive. Where it reports false, nothing was
// sent yet; the error then says that the archive could not be asked.
func (h *Handler) tryBlob(w http.ResponseWriter, r *http.Request, t target, o *opened, d digest) (bool, error) {
	if !o.hold() {
		return false, nil
	}
	defer o.release()
	if err := o.check(); err != nil {
		return false, err
	}
	name := t.image
	if o.id != t.id {
		name = ""
	}
	content := o.findBlob(name, d)
	if content == nil {
		return false, nil
	}
	b := &blob{ReadSeeker: content, archive: o, digest: d}
	h.serveContent(w, r, contentHeader("application/octet-stream", d), b)
	if b.failed.Load() {
		panic(http.ErrAbortHandler)
	}
	return true, nil
}

// serveContent answers with what a digest names; http.ServeContent knows ranges
// and conditions.
func (h *Handler) serveContent(w http.ResponseWriter, r *http.Request, header http.Header, content io.ReadSeeker) {
	maps.Copy(w.Header(), header)
	http.ServeContent(&rangeWriter{ResponseWriter: w, pieces: &h.pieces}, r, "", time.Time{}, content)
}

// contentHeader is what an answer with content says of it.
func contentHeader(mediaType string, d digest) http.Header {
	name := d.String()
	return http.Header{"Content-Type": {mediaType}, "Docker-Content-Digest": {name}, "Etag": {`"` + name + `"`}}
}
