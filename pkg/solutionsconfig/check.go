// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// check says why the edited text is not the old one with what is wanted.
func check(old, edited []byte, want *v1alpha1.SolutionsConfiguration) error {
	got, err := v1alpha1.DecodeSolutionsConfiguration(edited)
	if err != nil {
		return err
	}
	if got.APIVersion != want.APIVersion || got.Kind != want.Kind ||
		!slices.Equal(got.Archives, want.Archives) || !maps.Equal(got.Active, want.Active) {
		return errLayout
	}
	before, err := otherFields(old)
	if err != nil {
		return err
	}
	after, err := otherFields(edited)
	if err != nil {
		return err
	}
	if before != after {
		return errors.New("another field depends on what is edited")
	}
	return checkComments(old, edited, want)
}

// otherFields returns the fields that edits leave alone, printed, for which maps
// are sorted.
func otherFields(text []byte) (string, error) {
	var fields map[string]any
	if err := yaml.Unmarshal(text, &fields); err != nil {
		return "", err
	}
	delete(fields, archivesField)
	delete(fields, activeField)
	return fmt.Sprintf("%#v", fields), nil
}

// commentPattern finds what may be a comment; within the scalar of another
// field it is none, but is to be kept all the same.
var commentPattern = regexp.MustCompile(`(?:^|[ \t])#.*$`)

// checkComments says which comment of the old text is lost, unless it is on a
// line of an entry that is not wanted any more.
func checkComments(old, edited []byte, want *v1alpha1.SolutionsConfiguration) error {
	s, err := newSource(old)
	if err != nil {
		return err
	}
	after, err := newSource(edited)
	if err != nil {
		return err
	}
	count := map[string]int{}
	for _, text := range after.comments() {
		count[text]++
	}
	for i, text := range s.comments() {
		if count[text]--; text != "" && count[text] < 0 && !s.changes(i+1, want) {
			return fmt.Errorf("the comment %q would be lost", text)
		}
	}
	return nil
}

// comments returns what each line has for a comment, "" for none.
func (s *source) comments() []string {
	masked := bytes.Clone(s.text)
	for _, name := range []string{archivesField, activeField} {
		if c, ok := s.find(name); ok {
			s.mask(masked, c.value)
		}
	}
	var texts []string
	for _, start := range s.starts {
		texts = append(texts, strings.TrimSpace(commentPattern.FindString(string(masked[start:s.lineEnd(start)]))))
	}
	return texts
}

// mask hides what looks like comments in the scalars of a collection.
func (s *source) mask(text []byte, n *yaml.Node) {
	for _, scalar := range n.Content {
		end, err := s.end(scalar)
		if err != nil {
			continue
		}
		for i := s.start(scalar); i < end; i++ {
			if text[i] == '#' {
				text[i] = 'x'
			}
		}
	}
}

// changes tells whether a line, counted from 1, holds an entry that is not as
// wanted.
func (s *source) changes(line int, want *v1alpha1.SolutionsConfiguration) bool {
	if c, ok := s.find(archivesField); ok {
		for _, item := range items(c.value) {
			if item[0].Line == line && !slices.Contains(want.Archives, resolve(item[0]).Value) {
				return true
			}
		}
	}
	if c, ok := s.find(activeField); ok && c.value.Kind == yaml.MappingNode {
		for _, item := range items(c.value) {
			if item[0].Line == line && want.Active[item[0].Value] != resolve(item[1]).Value {
				return true
			}
		}
	}
	return false
}

// linePattern finds the line in an error of the YAML parser.
var linePattern = regexp.MustCompile(`line (\d+)`)

// fieldPattern finds the field that an error of decoding starts with.
var fieldPattern = regexp.MustCompile(`^\w*`)

// lineOf returns the line that the error of decoding text is about: that which
// the parser names, or that of the field which the error starts with.
func lineOf(text []byte, err error) int {
	if found := linePattern.FindStringSubmatch(err.Error()); found != nil && errors.Is(err, v1alpha1.ErrNoYAML) {
		line, _ := strconv.Atoi(found[1])
		return line
	}
	s, parseErr := newSource(text)
	if parseErr != nil {
		return 1
	}
	if strings.HasPrefix(err.Error(), "more than one YAML document") {
		return s.secondDocument()
	}
	c, ok := s.find(fieldPattern.FindString(err.Error()))
	if !ok {
		return 1
	}
	for _, item := range items(c.value) {
		value := resolve(item[len(item)-1])
		if value.Kind != yaml.ScalarNode || isNull(value) || strings.Contains(err.Error(), strconv.Quote(item[0].Value)) {
			return item[0].Line
		}
	}
	return c.key.Line
}

// secondDocument returns the line of the mark before a second document.
func (s *source) secondDocument() int {
	line := s.root.Line
	for line < len(s.starts) && !bytes.HasPrefix(s.text[s.starts[line]:], []byte("---")) {
		line++
	}
	return line + 1
}
