// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// serveTags answers "Listing Tags".
func (h *Handler) serveTags(w http.ResponseWriter, r *http.Request, t target, o *opened, repo *repository) {
	tags := []string{}
	for _, i := range o.images[repo.from:repo.to] {
		tags = append(tags, i.tag)
	}
	tags, ok := page(w, r, tags)
	if !ok {
		return
	}
	writeJSON(w, http.StatusOK, "application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{t.id + "/" + t.image, tags})
}

// serveCatalog lists all repositories. The specification leaves the catalog to
// registries; this is what the distribution project made of it.
func (h *Handler) serveCatalog(w http.ResponseWriter, r *http.Request) {
	repositories, ok := page(w, r, h.set.current.Load().repositories)
	if !ok {
		return
	}
	writeJSON(w, http.StatusOK, "application/json", struct {
		Repositories []string `json:"repositories"`
	}{append([]string{}, repositories...)})
}

// page returns the part of a sorted list that a request asks for by n and last,
// and sets the header Link if there is more. It reports false, and has answered,
// where n is no number.
func page(w http.ResponseWriter, r *http.Request, list []string) ([]string, bool) {
	query := r.URL.Query()
	if query.Has("last") {
		from, found := slices.BinarySearch(list, query.Get("last"))
		if found {
			from++
		}
		list = list[from:]
	}
	if !query.Has("n") {
		return list, true
	}
	n, err := strconv.ParseUint(query.Get("n"), 10, 31)
	if err != nil {
		writeError(w, errPageSize)
		return nil, false
	}
	if int(n) >= len(list) {
		return list, true
	}
	list = list[:n]
	if n > 0 {
		next := url.Values{"n": {strconv.Itoa(int(n))}, "last": {list[n-1]}}
		w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.EscapedPath(), next.Encode()))
	}
	return list, true
}
