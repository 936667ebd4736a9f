// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
)

func TestDecodeDocuments(t *testing.T) {
	a, b := map[string]any{"a": int64(1)}, map[string]any{"b": int64(2)}
	for _, c := range []struct {
		name, text string
		want       []map[string]any
	}{
		{"nothing", "", nil},
		{"comments", "# a\n---\n# b\n...\n", nil},
		{"null", "---\nnull\n---\n~\n", nil},
		{"one", "a: 1", []map[string]any{a}},
		{"two", "a: 1\n---\nb: 2\n", []map[string]any{a, b}},
		{"empty between", "---\n---\na: 1\n---\n\n---\nb: 2\n---\n", []map[string]any{a, b}},
		{"comment behind the marker", "a: 1\n--- # next\nb: 2\n", []map[string]any{a, b}},
		{"content behind the marker", "--- {a: 1}\n--- {b: 2}", []map[string]any{a, b}},
		{"end marker", "a: 1\n...\nb: 2\n... # end\n", []map[string]any{a, b}},
		{"directive", "%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n", []map[string]any{a, b}},
		{"byte order mark", "\ufeffa: 1\n", []map[string]any{a}},
		{"CRLF", "a: 1\r\n---\r\nb: 2\r\n", []map[string]any{a, b}},
		{"CR", "a: 1\r---\rb: 2\r", []map[string]any{a, b}},
		{"next line", "a: 1\u0085---\u0085b: 2", []map[string]any{a, b}},
		{"line separator", "a: 1\u2028---\u2029b: 2", []map[string]any{a, b}},
		{"dashes in a text", "a: |\n  x\n  ---\n  y\nb: ----\n", []map[string]any{{"a": "x\n---\ny\n", "b": "----"}}},
		{"percent in a text", "a: |\n %x\n", []map[string]any{{"a": "%x\n"}}},
		{"as kubectl", "a: yes\nb: 010\nc: 1.5\nd: 9007199254740993\n", []map[string]any{{"a": true, "b": int64(8), "c": 1.5, "d": int64(9007199254740993)}}},
		{"keys", "1: a\ntrue: b\n", []map[string]any{{"1": "a", "true": "b"}}},
		{"aliases", "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n", []map[string]any{{
			"a": map[string]any{"b": int64(1)}, "c": map[string]any{"b": int64(1)}, "d": map[string]any{"b": int64(1)},
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := archive.DecodeDocuments([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeDocumentsErrors(t *testing.T) {
	const endless = "its aliases make it longer than 8388608 bytes, or without end"
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "a: [", "yaml: line 1: did not find expected node content"},
		{"second", "a: 1\n---\nb: [", "document 2: yaml: line 2: did not find expected node content"},
		{"a text", "hello", "not a YAML mapping"},
		{"a list", "a: 1\n---\n- b", "document 2: not a YAML mapping"},
		{"UTF-16", "\xff\xfea\x00:\x00 \x001\x00", "no UTF-8 text"},
		{"too long", strings.Repeat("a", archive.MaxFileBytes+1), "4194305 bytes long, and at most 4194304 are read"},
		{"too many", strings.Repeat("--- {}\n", 1001), "1001 documents, and at most 1000 are read"},
		{"many aliases", manyAliases(), endless},
		{"nested aliases", "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + nestedAliases(9), endless},
		{"alias of itself", "a: &a [*a]", endless},
		{"alias of nothing", "a: &b 1\nc: *d", "yaml: unknown anchor 'd' referenced"},
	} {
		t.Run(c.name, func(t *testing.T) {
			documents, err := archive.DecodeDocuments([]byte(c.text))
			if err == nil || err.Error() != c.want {
				t.Errorf("%.100v, %v, want %s", documents, err, c.want)
			}
		})
	}
}

// nestedAliases is n lines that each repeat the one before ten times.
func nestedAliases(n int) string {
	var text strings.Builder
	for i := range n {
		last, next := string(rune('a'+i)), string(rune('b'+i))
		text.WriteString(next + ": &" + next + " [" + strings.Repeat("*"+last+",", 10) + "]\n")
	}
	return text.String()
}
