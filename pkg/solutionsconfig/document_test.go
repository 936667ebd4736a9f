// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// header starts most documents here.
const header = "apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\n"

// change is an edit, to write tables of them.
type change struct {
	name string
	make func(*Document) bool
}

func add(path string) change {
	return change{"add " + path, func(d *Document) bool { return d.AddArchive(path) }}
}

func remove(path string) change {
	return change{"remove " + path, func(d *Document) bool { return d.RemoveArchive(path) }}
}

func set(name, version string) change {
	return change{"set " + name, func(d *Document) bool { return d.SetActive(name, version) }}
}

func unset(name string) change {
	return change{"unset " + name, func(d *Document) bool { return d.UnsetActive(name) }}
}

// editCase is a document before and after an edit, both without the header
// unless whole is set.
type editCase struct {
	name          string
	before        string
	edit          change
	after         string
	whole, anew   bool // anew: the layout is not kept
	wantUnchanged bool
}

func (c editCase) run(t *testing.T) {
	t.Helper()
	prefix := header
	if c.whole {
		prefix = ""
	}
	if c.wantUnchanged {
		c.after = c.before
	}
	d, err := parse("solutions.yaml", []byte(prefix+c.before))
	if err != nil {
		t.Fatal(err)
	}
	if changed := c.edit.make(d); changed == c.wantUnchanged {
		t.Errorf("%s: changed = %v", c.edit.name, changed)
	}
	got, err := d.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(prefix+c.after, string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s\n%q", c.edit.name, diff, got)
	}
	if d.reencoded != c.anew {
		t.Errorf("encoded anew = %v", d.reencoded)
	}
	config, err := v1alpha1.DecodeSolutionsConfiguration(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config, d.Configuration()); diff != "" {
		t.Errorf("Configuration() is not what the text says:\n%s", diff)
	}
}

func TestEditBlock(t *testing.T) {
	for _, c := range []editCase{
		{
			name: "add last", before: "archives:\n  - /a.iso\n  - /b.iso\nactive:\n  a: 1.0.0\n", edit: add("/c.iso"),
			after: "archives:\n  - /a.iso\n  - /b.iso\n  - /c.iso\nactive:\n  a: 1.0.0\n",
		},
		{name: "add listed", before: "archives:\n  - \"/a.iso\"\n", edit: add("/a.iso"), wantUnchanged: true},
		{
			name: "add keeps blank lines and comments", edit: add("/c.iso"),
			before: "\n# head\n\narchives:   # list\n\n    # first\n    - /a.iso   # line\n\n    -   '/b.iso'\n\n    # foot\n\nactive: {}\n# end\n",
			after:  "\n# head\n\narchives:   # list\n\n    # first\n    - /a.iso   # line\n\n    -   '/b.iso'\n    -   '/c.iso'\n\n    # foot\n\nactive: {}\n# end\n",
		},
		{
			name: "add without indentation", before: "archives:\n- /a.iso\nactive:\n  x: 1.0.0\n", edit: add("/b.iso"),
			after: "archives:\n- /a.iso\n- /b.iso\nactive:\n  x: 1.0.0\n",
		},
		{name: "add without final newline", before: "archives:\n- /a.iso # é", edit: add("/b.iso"), after: "archives:\n- /a.iso # é\n- /b.iso"},
		{
			name: "add to CRLF", before: crlf(header + "archives:\n- /a.iso\nactive: {}\n"), edit: add("/b.iso"), whole: true,
			after: crlf(header + "archives:\n- /a.iso\n- /b.iso\nactive: {}\n"),
		},
		{name: "add to none", before: "active:\n  a: 1.0.0\n", edit: add("/b.iso"), after: "active:\n  a: 1.0.0\narchives:\n  - /b.iso\n"},
		{
			name: "add to null", before: "archives: # none\n# x\nactive:\n  a: 1.0.0\n", edit: add("/b.iso"),
			after: "archives: # none\n  - /b.iso\n# x\nactive:\n  a: 1.0.0\n",
		},
		{name: "add to written null", before: "archives: ~ # none", edit: add("/b.iso"), after: "archives: # none\n  - /b.iso"},
		{name: "add to empty", before: "archives: []\nnote: x\n", edit: add("/b.iso"), after: "archives:\n  - /b.iso\nnote: x\n"},
		{name: "add to empty with comment", before: "archives: [ ]  # none yet\n", edit: add("/b.iso"), after: "archives:  # none yet\n  - /b.iso\n"},
		{name: "add below a tagged item", before: "archives:\n- !!str /a.iso\n", edit: add("/b.iso"), after: "archives:\n- !!str /a.iso\n- /b.iso\n"},
		{name: "add before document end", before: "active: {}\n...\n# after\n", edit: add("/b.iso"), after: "active: {}\narchives:\n  - /b.iso\n...\n# after\n"},
		{name: "add below a quoted item of two lines", before: "archives:\n- \"/a\\\n  .iso\"\n", edit: add("/b.iso"), after: "archives:\n- \"/a\\\n  .iso\"\n- \"/b.iso\"\n"},
		{
			name: "remove first", before: "# a\narchives: # l\n  # one\n  - /a.iso # gone\n  # two\n  - /b.iso\n", edit: remove("/a.iso"),
			after: "# a\narchives: # l\n  # one\n  # two\n  - /b.iso\n",
		},
		{
			name: "remove last of many", before: "archives:\n\n  - /a.iso\n\n  - /b.iso\n\nactive: {}\n", edit: remove("/b.iso"),
			after: "archives:\n\n  - /a.iso\n\n\nactive: {}\n",
		},
		{
			name: "remove the only one", before: "archives: # l\n  # keep\n  - /a.iso # gone\n  # foot\nactive: {}\n", edit: remove("/a.iso"),
			after: "archives: [] # l\n  # keep\n  # foot\nactive: {}\n",
		},
		{name: "remove the only one at the end", before: "archives:\n- /a.iso", edit: remove("/a.iso"), after: "archives: []"},
		{name: "remove the last one at the end", before: "archives:\n- /a.iso\n- /b.iso", edit: remove("/b.iso"), after: "archives:\n- /a.iso"},
		{
			name: "remove from CRLF", before: "\ufeff" + crlf(header+"archives:\n- /a.iso\n- '/b.iso' # x\nactive: {}\n"), edit: remove("/b.iso"), whole: true,
			after: "\ufeff" + crlf(header+"archives:\n- /a.iso\nactive: {}\n"),
		},
		{name: "remove what is there twice", before: "archives:\n- /a.iso\n- /b.iso\n- '/a.iso'\n", edit: remove("/a.iso"), after: "archives:\n- /b.iso\n"},
		{name: "remove what is not there", before: "archives:\n- /a.iso\n", edit: remove("/x.iso"), wantUnchanged: true},
		{name: "remove an alias", before: "mine: &x /a.iso\narchives:\n- *x\n- /b.iso\n", edit: remove("/a.iso"), after: "mine: &x /a.iso\narchives:\n- /b.iso\n"},
		{
			name: "set new", before: "archives: []\nactive:\n\n  # stor\n  storage: 1.0.0 # x\n\n# end\n", edit: set("backup", "latest"),
			after: "archives: []\nactive:\n\n  # stor\n  storage: 1.0.0 # x\n  backup: latest\n\n# end\n",
		},
		{
			name: "set other version", before: "active:\n   storage:   1.0.0   # x\n   b: 2\n", edit: set("storage", "1.10.0-rc.1+b3"),
			after: "active:\n   storage:   1.10.0-rc.1+b3   # x\n   b: 2\n",
		},
		{name: "set single quoted", before: "active:\n  storage: '1.0.0' #\n", edit: set("storage", "2.0.0"), after: "active:\n  storage: '2.0.0' #\n"},
		{name: "set double quoted", before: "active:\n  \"storage\": \"1.0.0\"", edit: set("b", "2.0.0"), after: "active:\n  \"storage\": \"1.0.0\"\n  \"b\": \"2.0.0\""},
		{name: "set a number", before: "active:\n  storage: 1.0.0\n", edit: set("storage", "1.10"), after: "active:\n  storage: \"1.10\"\n"},
		{name: "set what is read as a number", before: "active:\n  storage: 1.10\n", edit: set("storage", "1.10"), wantUnchanged: true},
		{name: "set a name that is no word", before: "archives: []\n", edit: set("on", "1e3"), after: "archives: []\nactive:\n  \"on\": \"1e3\"\n"},
		{name: "set in a document with none", before: "archives:\n- /a.iso # last", edit: set("a", "1.0.0"), after: "archives:\n- /a.iso # last\nactive:\n  a: 1.0.0"},
		{name: "set in empty", before: "active: {} # none\narchives: []\n", edit: set("a", "1.0.0"), after: "active: # none\n  a: 1.0.0\narchives: []\n"},
		{name: "set an alias", before: "v: &v 1.0.0\nactive: {a: *v }\n", edit: set("a", "1.1.0"), after: "v: &v 1.0.0\nactive: {a: 1.1.0 }\n"},
		{
			name: "set over a merge", before: "x: &x {a: 1.0.0}\nactive:\n  <<: *x\n  b: 1.0.0\n", edit: set("a", "2.0.0"),
			after: "x: &x {a: 1.0.0}\nactive:\n  <<: *x\n  b: 1.0.0\n  a: 2.0.0\n",
		},
		{name: "unset", before: "active:\n  a: 1.0.0 # gone\n  # kept\n  b: 1.0.0\nz: 1\n", edit: unset("a"), after: "active:\n  # kept\n  b: 1.0.0\nz: 1\n"},
		{name: "unset the only one", before: "active:\n  a: 1.0.0\narchives: []\n", edit: unset("a"), after: "active: {}\narchives: []\n"},
		{name: "unset what is not there", before: "archives: []\n", edit: unset("a"), wantUnchanged: true},
	} {
		t.Run(c.name, c.run)
	}
}

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

func TestEditFlow(t *testing.T) {
	json := `{"apiVersion": "solutions.metalk8s.scality.com/v1alpha1", "kind": "SolutionsConfiguration"`
	for _, c := range []editCase{
		{name: "add", before: "archives: [/a.iso, \"/b,].iso\"] # x\n", edit: add("/c.iso"), after: "archives: [/a.iso, \"/b,].iso\", \"/c.iso\"] # x\n"},
		{name: "add after a comma", before: "archives: [/a.iso, ]\n", edit: add("/b.iso"), after: "archives: [/a.iso, /b.iso, ]\n"},
		{
			name: "add a line", before: "archives: [ # l\n    /a.iso, # one\n    /b.iso # two ]\n  ] # end\n", edit: add("/c.iso"),
			after: "archives: [ # l\n    /a.iso, # one\n    /b.iso, # two ]\n    /c.iso\n  ] # end\n",
		},
		{name: "add a line after a comma", before: "archives: [\n  /a.iso,\n]\n", edit: add("/b.iso"), after: "archives: [\n  /a.iso,\n  /b.iso,\n]\n"},
		{name: "add to empty with a comment within", before: "archives: [ # none\n]\n", edit: add("/b.iso"), after: "archives: [/b.iso # none\n]\n"},
		{name: "add to anchored", before: "archives: &x [/a.iso]\n", edit: add("/b.iso"), after: "archives: &x [/a.iso, /b.iso]\n"},
		{name: "add what would end flow style", before: "archives: [/a.iso]\n", edit: add("/b, c].iso"), after: "archives: [/a.iso, \"/b, c].iso\"]\n"},
		{name: "remove first", before: "archives: [ /a.iso,  /b.iso ]\n", edit: remove("/a.iso"), after: "archives: [ /b.iso ]\n"},
		{name: "remove last", before: "archives: [ /a.iso,  /b.iso ]\n", edit: remove("/b.iso"), after: "archives: [ /a.iso ]\n"},
		{name: "remove middle", before: "archives: [/a.iso, '/b.iso' , /c.iso]\n", edit: remove("/b.iso"), after: "archives: [/a.iso, /c.iso]\n"},
		{name: "remove only", before: "archives: [ /a.iso, ] # x\n", edit: remove("/a.iso"), after: "archives: [] # x\n"},
		{name: "remove all of one", before: "archives: [/a.iso, '/a.iso', \"/a.iso\"]", edit: remove("/a.iso"), after: "archives: []"},
		{
			name: "remove a line", before: "archives: [\n  /a.iso, # one\n  /b.iso, # two\n  /c.iso # three\n]\n", edit: remove("/b.iso"),
			after: "archives: [\n  /a.iso, # one\n  /c.iso # three\n]\n",
		},
		{
			name: "remove the last line", before: "archives: [\n  /a.iso, # one\n  # two\n  /b.iso\n]\n", edit: remove("/b.iso"),
			after: "archives: [\n  /a.iso # one\n  # two\n]\n",
		},
		{name: "remove at a line's end", before: "archives: [/a.iso, /b.iso,\n  /c.iso]\n", edit: remove("/b.iso"), after: "archives: [/a.iso,\n  /c.iso]\n"},
		{name: "remove before the bracket", before: "archives: [/a.iso,\n  /c.iso]\n", edit: remove("/c.iso"), after: "archives: [/a.iso]\n"},
		{name: "remove the only line", before: "archives: [\n  # x\n  /c.iso\n]\n", edit: remove("/c.iso"), after: "archives: [\n  # x\n]\n"},
		{name: "set new", before: "active: {storage: 1.0.0}\n", edit: set("b", "2"), after: "active: {storage: 1.0.0, b: \"2\"}\n"},
		{name: "set", before: "active: { storage: 1.0.0 , b: 1 }\n", edit: set("storage", "latest"), after: "active: { storage: latest , b: 1 }\n"},
		{name: "unset", before: "active: {storage: 1.0.0, b: 2}\n", edit: unset("b"), after: "active: {storage: 1.0.0}\n"},
		{name: "unset only", before: "active: {\n storage: 1.0.0\n}\n", edit: unset("storage"), after: "active: {\n}\n"},
		{name: "JSON add", whole: true, before: json + `, "archives": ["/a.iso"]}`, edit: add("/b.iso"), after: json + `, "archives": ["/a.iso", "/b.iso"]}`},
		{name: "JSON after a byte order mark", whole: true, before: "\ufeff" + json + `, "archives": ["/a.iso"]}`, edit: remove("/a.iso"), after: "\ufeff" + json + `, "archives": []}`},
		{name: "JSON add to empty", whole: true, before: json + `, "archives":[]}`, edit: add("/b.iso"), after: json + `, "archives":["/b.iso"]}`},
		{name: "JSON add to none", whole: true, before: json + `}`, edit: add("/b.iso"), after: json + `, "archives": ["/b.iso"]}`},
		{name: "JSON set", whole: true, before: json + `, "archives": []}` + "\n", edit: set("a", "1"), after: json + `, "archives": [], "active": {"a": "1"}}` + "\n"},
		{
			name: "JSON lines", whole: true, before: strings.ReplaceAll(json, ", ", ",\n ") + ",\n \"active\": {\n  \"a\": \"1\",\n  \"b\": \"2\"\n }\n}\n",
			edit: unset("b"), after: strings.ReplaceAll(json, ", ", ",\n ") + ",\n \"active\": {\n  \"a\": \"1\"\n }\n}\n",
		},
	} {
		t.Run(c.name, c.run)
	}
}

// Where the text cannot be edited, comments and values are kept all the same.
func TestEditAnew(t *testing.T) {
	for _, c := range []editCase{
		{
			name: "alias of a list", before: "mine: &l [/a.iso]\n\narchives: *l # mine\n", edit: add("/b.iso"),
			after: "mine: &l [/a.iso]\narchives: [/a.iso, /b.iso] # mine\n",
		},
		{name: "anchored list", before: "archives: &l\n    # one\n    - /a.iso\n", edit: remove("/a.iso"), after: "archives: &l []\n# one\n"},
		{
			name: "anchored list of two", before: "# h\narchives: &l\n    - /a.iso\n    # two\n    - >-\n      /b.iso\n", edit: remove("/b.iso"),
			after: "# h\narchives: &l\n  - /a.iso\n  # two\n",
		},
		{name: "scalar of two lines", before: "archives:\n    - /a\n      b.iso # x\n", edit: add("/c.iso"), after: "archives:\n  - /a b.iso # x\n  - /c.iso\n"},
		{
			name: "unset what is merged", before: "x: &x {a: 1.0.0, b: 1.1.0}\nactive:\n    # own\n    c: 2 # c\n    <<: *x\n", edit: unset("a"),
			after: "x: &x {a: 1.0.0, b: 1.1.0}\nactive:\n  # own\n  c: 2 # c\n  b: 1.1.0\n",
		},
		{name: "explicit key", before: "active:\n    ? a # k\n    : 1.0.0\n    ? b\n    : 1.0.0 # v\n", edit: unset("a"), after: "active:\n  b: 1.0.0 # v\n"},
		{name: "comment above an explicit key", before: "active:\n    b: 1.0.0\n    # why\n    ? a\n    : 1.0.0\n", edit: unset("a"), after: "active:\n  b: 1.0.0\n  # why\n"},
		{name: "folded version", before: "active:\n    a: >- # why\n      1.0.0\n", edit: set("a", "1"), after: "active:\n  a: \"1\" # why\n"},
		{
			name: "null in JSON, no final newline", before: "{apiVersion: metalk8s.scality.com/v1alpha1, kind: SolutionsConfiguration, archives: null}", whole: true,
			edit: add("/1"), after: "{apiVersion: metalk8s.scality.com/v1alpha1, kind: SolutionsConfiguration, archives: [/1]}",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.anew = true
			c.run(t)
		})
	}
}

func TestEditRefused(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		edit   change
		want   string
	}{
		"anchor in use":        {"archives: &l [/a.iso]\nmine: *l\n", add("/b.iso"), "another field depends on what is edited"},
		"anchored item in use": {"archives:\n- &a /a.iso\nmine: *a\n", remove("/a.iso"), "unknown anchor"},
		"comment in an alias":  {"l: &l [ # lost\n  /a.iso]\narchives: *l\n", add("/b.iso"), `"# lost" would be lost`},
		"empty path":           {"archives: []\n", add(""), "empty or not UTF-8"},
		"path not UTF-8":       {"archives: []\n", add("/\xff.iso"), "empty or not UTF-8"},
		"empty version":        {"archives: []\n", set("a", ""), "empty or not UTF-8"},
		"no name":              {"archives: []\n", set("A_b", "1"), "no name of a Solution"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := parse("/etc/solutions.yaml", []byte(header+c.before))
			if err != nil {
				t.Fatal(err)
			}
			was := d.Configuration()
			if !c.edit.make(d) {
				t.Error("a failed edit passes for one that changes nothing")
			}
			_, err = d.Bytes()
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "/etc/solutions.yaml") {
				t.Errorf("error %v does not tell of the file and of %q", err, c.want)
			}
			if diff := cmp.Diff(was, d.Configuration()); diff != "" || string(d.text) != header+c.before {
				t.Errorf("the document changed: %s\n%s", diff, d.text)
			}
		})
	}
}

func TestScalar(t *testing.T) {
	for word, want := range map[string]string{
		"/a.iso": "/a.iso", "/solutions/x_1.0.0-rc.1+b3~x=y@z.iso": "/solutions/x_1.0.0-rc.1+b3~x=y@z.iso", "1.0.0": "1.0.0", "latest": "latest",
		"1.10": `"1.10"`, "1": `"1"`, "010": `"010"`, "1e3": `"1e3"`, "0x1F": `"0x1F"`, "1_000": `"1_000"`, ".5": `".5"`, ".inf": `".inf"`, ".nan": `".nan"`,
		"2001-01-01": `"2001-01-01"`, "true": `"true"`, "True": `"True"`, "null": `"null"`, "~": `"~"`, "yes": `"yes"`, "n": `"n"`, "Off": `"Off"`,
		"/a: b": `"/a: b"`, "/a #b": `"/a #b"`, "/a b": `"/a b"`, "-": `"-"`, "- /a": `"- /a"`, "*a": `"*a"`, "&a": `"&a"`, "!a": `"!a"`, "%a": `"%a"`,
		"@a": `"@a"`, "`a": "\"`a\"", "a,b": `"a,b"`, "[a": `"[a"`, "{a}": `"{a}"`, "'a'": `"'a'"`, `"a"`: `"\"a\""`, `\a`: `"\\a"`, "/é/日本": `"/é/日本"`,
		"/a\nb": `"/a\nb"`, "/a\r": `"/a\r"`, "\t": `"\t"`, "/\u0085\u2028\ufeff\u00a0": `"/\u0085\u2028\ufeff\u00a0"`, "\x00\a\b\v\f\x1b\x7f": `"\x00\a\b\v\f\x1b\x7f"`,
		"/🎉\U000E0001": `"/🎉\U000e0001"`, " a": `" a"`, "a ": `"a "`, "---": `"---"`, "...": `"..."`, "=": `"="`, "<<": `"<<"`, "?": `"?"`, "12:30": `"12:30"`,
	} {
		t.Run(word, func(t *testing.T) {
			if got := scalar(word, 0); got != want {
				t.Errorf("scalar(%q) = %s, want %s", word, got, want)
			}
			for _, layout := range []string{"archives: []\n", "archives:\n- /\n", "archives: ['/']\n", "archives: [\"/\"]\n", "archives: [/]\n"} {
				d, err := parse("x", []byte(header+layout))
				if err != nil {
					t.Fatal(err)
				}
				changed := d.AddArchive(word)
				if text, err := d.Bytes(); !changed || err != nil || d.reencoded {
					t.Errorf("%q into %q: %v\n%s", word, layout, err, text)
				}
				if got := d.Configuration().Archives; got[len(got)-1] != word {
					t.Errorf("%q is read as %q", word, got)
				}
			}
		})
	}
}
