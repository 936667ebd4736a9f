// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

const (
	typeOCIManifest = "application/vnd.oci.image.manifest.v1+json"
	typeOCIIndex    = "application/vnd.oci.image.index.v1+json"
)

// descriptor tells of a manifest that refers to another (OCI image
// specification, "Content Descriptors").
type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// referring is the part of a manifest that makes it a referrer.
type referring struct {
	ArtifactType string            `json:"artifactType"`
	Annotations  map[string]string `json:"annotations"`
	Subject      struct {
		Digest string `json:"digest"`
	} `json:"subject"`
	Config struct {
		MediaType string `json:"mediaType"`
	} `json:"config"`
}

// referrers are the manifests of a repository that refer to others, by these.
type referrers map[digest][]descriptor

// referrer describes a manifest, and tells to which it refers; it reports false
// for one that has no subject.
func referrer(d digest, mediaType string, data []byte) (subject digest, entry descriptor, ok bool) {
	// Most have none, and need not be read for it. JSON can write a name with
	// escapes.
	if !bytes.Contains(data, []byte(`"subject"`)) && !bytes.ContainsRune(data, '\\') {
		return subject, entry, false
	}
	var m referring
	if err := json.Unmarshal(data, &m); err != nil {
		return subject, entry, false
	}
	if subject, ok = parseDigest(m.Subject.Digest); !ok {
		return subject, entry, false
	}
	entry = descriptor{
		MediaType: mediaType, Digest: d.String(), Size: int64(len(data)),
		ArtifactType: m.ArtifactType, Annotations: m.Annotations,
	}
	if entry.ArtifactType == "" && mediaType == typeOCIManifest {
		entry.ArtifactType = m.Config.MediaType
	}
	return subject, entry, true
}

// add adds one, once: two tags can be one manifest.
func (r referrers) add(subject digest, entry descriptor) {
	if !slices.ContainsFunc(r[subject], func(other descriptor) bool { return other.Digest == entry.Digest }) {
		r[subject] = append(r[subject], entry)
	}
}

// serveReferrers answers "Listing Referrers": with an empty index where nothing
// is known, as the specification demands of a registry that has this at all.
func (h *Handler) serveReferrers(w http.ResponseWriter, r *http.Request, t target) {
	subject, ok := parseDigest(t.reference)
	if !ok {
		writeError(w, errDigestInvalid)
		return
	}
	list := []descriptor{}
	if o := h.set.acquire(t.id); o != nil {
		defer o.release()
		if err := o.check(); err != nil {
			writeError(w, errUnavailable)
			return
		}
		if repo := o.repository(t.image); repo != nil {
			list = append(list, repo.referrers[subject]...)
		}
	}
	if wanted := r.URL.Query().Get("artifactType"); wanted != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
		list = slices.DeleteFunc(list, func(d descriptor) bool { return d.ArtifactType != wanted })
	}
	writeJSON(w, http.StatusOK, typeOCIIndex, newReferrersIndex(list))
}

// referrersIndex is the answer to "Listing Referrers".
type referrersIndex struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

// newReferrersIndex sorts the list, too.
func newReferrersIndex(list []descriptor) referrersIndex {
	slices.SortFunc(list, func(a, b descriptor) int { return strings.Compare(a.Digest, b.Digest) })
	return referrersIndex{2, typeOCIIndex, list}
}
