// SPDX-License-Identifier: Apache-2.0

package registry

import "slices"

// Archive is one that is served.
type Archive struct {
	ID   string `json:"id"`
	Path string `json:"path"`
}

// archiveStatus is what has become of a path of the configuration.
type archiveStatus struct {
	Archive // the ID is "" where it is not known
	served  bool
}

// status returns all paths of the configuration, those of archives that are
// open first.
func (s *Set) status() []archiveStatus {
	st := s.current.Load()
	list := []archiveStatus{}
	for _, o := range st.archives {
		if !o.hold() {
			continue // it was replaced a moment ago
		}
		list = append(list, archiveStatus{Archive{o.id, o.path}, o.check() == nil})
		o.release()
	}
	for _, p := range st.problems {
		if !slices.ContainsFunc(list, func(a archiveStatus) bool { return a.Path == p.Path }) {
			list = append(list, archiveStatus{Archive: Archive{Path: p.Path}})
		}
	}
	return list
}

// Archives returns the archives that are served, in the order of the
// configuration.
func (s *Set) Archives() []Archive {
	list := []Archive{}
	for _, a := range s.status() {
		if a.served {
			list = append(list, a.Archive)
		}
	}
	return list
}
