// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml3 "gopkg.in/yaml.v3"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// Bounds of DecodeDocuments.
const (
	maxDocuments = 1000
	// maxExpanded bounds a document's scalars with its aliases expanded, in
	// bytes: a short document can repeat a long text without end.
	maxExpanded = 2 * MaxFileBytes
)

// DecodeDocuments decodes a file of one or more YAML documents, each a mapping,
// as kubectl reads them; empty documents are dropped. The result is JSON data
// with whole numbers as int64, as apimachinery's unstructured objects have it.
// Errors say which document is wrong, where there are several, and not the file.
func DecodeDocuments(data []byte) ([]map[string]any, error) {
	if len(data) > MaxFileBytes {
		return nil, fmt.Errorf("%d bytes long, and at most %d are read", len(data), MaxFileBytes)
	}
	if !utf8.Valid(data) {
		// The YAML library would read UTF-16 too, where no marker is found.
		return nil, errors.New("no UTF-8 text")
	}
	texts := splitDocuments(string(data))
	if len(texts) > maxDocuments {
		return nil, fmt.Errorf("%d documents, and at most %d are read", len(texts), maxDocuments)
	}
	var documents []map[string]any
	for i, text := range texts {
		document, err := decodeDocument([]byte(text))
		switch {
		case err != nil && len(texts) > 1:
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		case err != nil:
			return nil, err
		}
		if document != nil {
			documents = append(documents, document)
		}
	}
	return documents, nil
}

// decodeDocument returns nil for an empty document.
func decodeDocument(text []byte) (map[string]any, error) {
	data := text
	if !json.Valid(text) { // YAML takes ten times as long, and is JSON too
		if err := checkAliases(text); err != nil {
			return nil, err
		}
		var err error
		if data, err = yaml.YAMLToJSON(text); err != nil {
			return nil, err
		}
	}
	var document any
	if err := utiljson.Unmarshal(data, &document); err != nil {
		return nil, err
	}
	switch d := document.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return d, nil
	}
	return nil, errors.New("not a YAML mapping")
}

// splitDocuments cuts a stream at its document markers: at the start of a
// line, in whatever context, `---` and `...` are nothing else (YAML 1.1,
// production c-forbidden). What holds no content is dropped. The YAML library's
// conversion to JSON reads the first document of a text only, and would drop
// others without a word; so all that it takes for a line's end counts here.
func splitDocuments(data string) []string {
	data = strings.TrimPrefix(data, "\ufeff")
	data = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(data)
	var texts []string
	start, content := 0, false
	cut := func(end int) {
		if content {
			texts = append(texts, data[start:end])
		}
		start, content = end, false
	}
	offset := 0
	for line := range strings.Lines(data) {
		switch {
		case isMarker(line, "---"):
			cut(offset)
			content = hasContent(line[3:])
		case isMarker(line, "..."):
			cut(offset)
			start = offset + len(line)
		default:
			content = content || hasContent(line)
		}
		offset += len(line)
	}
	cut(len(data))
	return texts
}

func isMarker(line, marker string) bool {
	rest, found := strings.CutPrefix(line, marker)
	return found && (rest == "" || strings.ContainsRune(" \t\n", rune(rest[0])))
}

// hasContent tells whether a line is more than blanks, a comment or a
// directive.
func hasContent(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && line[0] != '#' && line[0] != '%'
}

// checkAliases refuses a text whose aliases would make it much longer, before
// something expands them.
func checkAliases(text []byte) error {
	if bytes.IndexByte(text, '&') < 0 || bytes.IndexByte(text, '*') < 0 {
		return nil
	}
	var root yaml3.Node
	if err := yaml3.Unmarshal(text, &root); err != nil {
		return err
	}
	sizes := map[*yaml3.Node]int{}
	if expandedSize(&root, sizes) > maxExpanded {
		return fmt.Errorf("its aliases make it longer than %d bytes, or without end", maxExpanded)
	}
	return nil
}

// expandedSize returns the length of the scalars below n with aliases
// expanded, and more than maxExpanded for what is longer or leads to itself.
// Each node is visited once.
func expandedSize(n *yaml3.Node, sizes map[*yaml3.Node]int) int {
	if size, found := sizes[n]; found {
		return size
	}
	sizes[n] = maxExpanded + 1
	size := len(n.Value) + 1
	if n.Kind == yaml3.AliasNode {
		size = expandedSize(n.Alias, sizes)
	}
	for _, child := range n.Content {
		size = min(size+expandedSize(child, sizes), maxExpanded+1)
	}
	sizes[n] = size
	return size
}
