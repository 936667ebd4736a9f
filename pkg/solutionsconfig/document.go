// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// The fields that edits change.
const (
	archivesField = "archives"
	activeField   = "active"
)

// emptyDocument is what an absent file is edited from.
const emptyDocument = "apiVersion: " + v1alpha1.APIVersion + "\nkind: " + v1alpha1.KindSolutionsConfiguration + "\narchives: []\n"

// Document is the content of a solutions.yaml, and the edits made to it.
//
// An edit that cannot be made leaves the document as it was and returns true,
// for it did want a change; Bytes and File.Write then return its error.
type Document struct {
	name string
	// disk is the content of the file when it was read, and before any edit;
	// exists is false where there was no file.
	disk   []byte
	exists bool
	text   []byte
	config *v1alpha1.SolutionsConfiguration
	err    error
	// reencoded tells that an edit could not keep the layout.
	reencoded bool
}

// parse decodes the content of the file of that name; nil stands for an absent
// file.
func parse(name string, data []byte) (*Document, error) {
	d := &Document{name: name, disk: data, exists: data != nil}
	if !d.exists {
		d.disk = []byte(emptyDocument)
	}
	d.text = d.disk
	config, err := v1alpha1.DecodeSolutionsConfiguration(d.text)
	if err != nil {
		return nil, fmt.Errorf("reading %s:%d: %w", name, lineOf(d.text, err), err)
	}
	d.config = config
	return d, nil
}

// Exists tells whether there was a file when it was read.
func (d *Document) Exists() bool { return d.exists }

// Configuration returns the document, decoded, with the edits made so far. The
// caller may change it; the document stays as it is.
func (d *Document) Configuration() *v1alpha1.SolutionsConfiguration { return clone(d.config) }

// Bytes returns the text with the edits made so far, or the error of one that
// could not be made.
func (d *Document) Bytes() ([]byte, error) {
	if d.err != nil {
		return nil, d.err
	}
	return bytes.Clone(d.text), nil
}

// AddArchive lists an archive, at the end, and tells whether that changed
// anything: one listed already does not. Paths are compared as they are written.
func (d *Document) AddArchive(path string) bool {
	if slices.Contains(d.config.Archives, path) {
		return false
	}
	want := clone(d.config)
	want.Archives = append(want.Archives, path)
	return d.edit("adding archive "+path, want, []string{path}, func(text []byte) ([]byte, error) {
		return addEntry(text, archivesField, entry{value: path})
	})
}

// RemoveArchive takes an archive off the list, each time that it is there, and
// tells whether that changed anything.
func (d *Document) RemoveArchive(path string) bool {
	if !slices.Contains(d.config.Archives, path) {
		return false
	}
	want := clone(d.config)
	want.Archives = slices.DeleteFunc(want.Archives, func(p string) bool { return p == path })
	return d.edit("removing archive "+path, want, nil, func(text []byte) ([]byte, error) {
		return removeEntries(text, archivesField, path)
	})
}

// SetActive makes version, which may be v1alpha1.LatestVersion, the active one
// of the Solution of that name, and tells whether that changed anything.
func (d *Document) SetActive(name, version string) bool {
	if old, ok := d.config.Active[name]; ok && old == version {
		return false
	}
	want := clone(d.config)
	if want.Active == nil {
		want.Active = map[string]string{}
	}
	want.Active[name] = version
	return d.edit("activating "+name+" "+version, want, []string{name, version}, func(text []byte) ([]byte, error) {
		return setEntry(text, activeField, entry{key: name, value: version})
	})
}

// UnsetActive leaves no version of the Solution of that name active, and tells
// whether that changed anything.
func (d *Document) UnsetActive(name string) bool {
	if _, ok := d.config.Active[name]; !ok {
		return false
	}
	want := clone(d.config)
	delete(want.Active, name)
	return d.edit("deactivating "+name, want, nil, func(text []byte) ([]byte, error) {
		return removeEntries(text, activeField, name)
	})
}

// edit makes the text say what is wanted, by inText or else by encoding it
// anew. The given words are those it has to be able to express.
func (d *Document) edit(what string, want *v1alpha1.SolutionsConfiguration, words []string, inText func([]byte) ([]byte, error)) bool {
	for _, word := range words {
		if word == "" || !utf8.ValidString(word) {
			d.fail(fmt.Errorf("%s in %s: %q is empty or not UTF-8, and cannot be written there", what, d.name, word))
			return true
		}
	}
	text, err := inText(d.text)
	if err == nil {
		err = check(d.text, text, want)
	}
	if err != nil {
		if text, err = reencode(d.text, d.config, want); err == nil {
			err = check(d.text, text, want)
		}
		if err != nil {
			d.fail(fmt.Errorf("%s: %s cannot be edited without changing more than that, and has to be edited by hand: %w", what, d.name, err))
			return true
		}
		d.reencoded = true
	}
	d.text, d.config = text, want
	return true
}

// fail keeps the first error.
func (d *Document) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func clone(c *v1alpha1.SolutionsConfiguration) *v1alpha1.SolutionsConfiguration {
	copied := *c
	copied.Archives, copied.Active = slices.Clone(c.Archives), maps.Clone(c.Active)
	return &copied
}
