// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gopkg.in/yaml.v3"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

var (
	somePaths    = []string{"/a.iso", "/b c.iso", "/d: e.iso", "/f #g.iso", "- /h", "*i", "/é.iso", "1.0", "true", "/j'k\".iso", "/l,m].iso", "/n\no", "~", "#p"}
	someNames    = []string{"storage", "backup", "a", "on", "1", "null", "e-2"}
	someVersions = []string{"1.0.0", "1.10", "latest", "2.0.0-rc.1+b3", "1", "true", "010"}
)

// generator writes documents as a person might.
type generator struct {
	*rand.Rand
	out      strings.Builder
	comments int
}

// maybe returns text one time in three.
func (g *generator) maybe(text string) string {
	if g.IntN(3) == 0 {
		return text
	}
	return ""
}

func (g *generator) pick(words ...string) string { return words[g.IntN(len(words))] }

// comment returns, sometimes, one that no other is like.
func (g *generator) comment(before string) string {
	g.comments++
	return g.maybe(fmt.Sprintf("%s# c%d: 'it is\" [so", before, g.comments))
}

// gap writes blank lines and comments between two others.
func (g *generator) gap() {
	for g.IntN(3) == 0 {
		g.out.WriteString(strings.Repeat(" ", g.IntN(6)) + g.comment("") + "\n")
	}
}

func (g *generator) scalar(word string) string {
	return scalar(word, []yaml.Style{0, yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle}[g.IntN(3)])
}

// some returns a few of words, none twice.
func (g *generator) some(words []string) []string {
	words = slices.Clone(words)
	g.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return words[:g.IntN(4)]
}

// collection writes entries below or beside their key.
func (g *generator) collection(key, dash, brackets string, entries []string) {
	g.out.WriteString(key + ":")
	switch style := g.IntN(3); {
	case len(entries) == 0:
		g.out.WriteString(g.pick(" "+brackets, "", " ~", "   "+brackets[:1]+" "+brackets[1:]) + g.comment(" ") + "\n")
	case style == 0:
		g.out.WriteString(" " + brackets[:1] + g.maybe(" ") + strings.Join(entries, g.maybe(" ")+","+g.pick(" ", "  ")) + g.maybe(",") + g.maybe(" ") + brackets[1:] + g.comment(" ") + "\n")
	case style == 1:
		g.out.WriteString(" " + brackets[:1] + g.comment(" ") + "\n")
		for i, entry := range entries {
			comma := ","
			if i == len(entries)-1 {
				comma = g.maybe(",")
			}
			g.gap()
			g.out.WriteString("    " + entry + comma + g.comment("  ") + "\n")
		}
		g.out.WriteString("  " + brackets[1:] + g.comment(" ") + "\n")
	default:
		g.block(dash, entries)
	}
}

func (g *generator) block(dash string, entries []string) {
	indent := g.pick("  ", "    ", " ")
	if dash != "" {
		indent = g.pick("", indent)
		dash += g.maybe("  ")
	}
	g.out.WriteString(g.maybe(" ") + g.comment(" ") + "\n")
	for _, entry := range entries {
		g.gap()
		g.out.WriteString(indent + dash + entry + g.maybe(" ") + g.comment("  ") + "\n")
	}
}

// document returns a document, and what it says.
func (g *generator) document() (string, *v1alpha1.SolutionsConfiguration) {
	config := &v1alpha1.SolutionsConfiguration{
		APIVersion: g.pick(v1alpha1.APIVersion, v1alpha1.LegacyConfigurationAPIVersion), Kind: v1alpha1.KindSolutionsConfiguration,
		Archives: g.some(somePaths), Active: map[string]string{},
	}
	var archives, active []string
	for _, path := range config.Archives {
		archives = append(archives, g.scalar(path))
	}
	for _, name := range g.some(someNames) {
		config.Active[name] = g.pick(someVersions...)
		active = append(active, g.scalar(name)+":"+g.pick(" ", "  ")+g.scalar(config.Active[name]))
	}
	fields := []func(){
		func() { g.out.WriteString("apiVersion: " + config.APIVersion + g.comment(" ") + "\n") },
		func() { g.out.WriteString("kind: " + config.Kind + "\n") },
		func() { g.collection(archivesField, "- ", "[]", archives) },
		func() { g.collection(activeField, "", "{}", active) },
		func() {
			g.out.WriteString(g.maybe("note: |\n  archives:\n  # text\n\n") + g.maybe("x: {y: [1, {z: 1.50}], 2: 2001-01-01}\n"))
		},
	}
	if len(config.Archives) == 0 && g.IntN(2) == 0 {
		fields = slices.Delete(fields, 2, 3)
	}
	g.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	g.out.WriteString(g.maybe("---\n"))
	for _, field := range fields {
		g.gap()
		field()
	}
	g.gap()
	text := g.out.String()
	if g.IntN(4) == 0 {
		text = strings.TrimRight(text, "\n")
	}
	if g.IntN(4) == 0 {
		text = crlf(text)
	}
	return text, config
}

// apply makes a random edit to both, and returns the text that may go with it.
func (g *generator) edit(d *Document, config *v1alpha1.SolutionsConfiguration) (removed string) {
	path, name, version := g.pick(somePaths...), g.pick(someNames...), g.pick(someVersions...)
	switch g.IntN(4) {
	case 0:
		if d.AddArchive(path) {
			config.Archives = append(config.Archives, path)
		}
	case 1:
		d.RemoveArchive(path)
		config.Archives = slices.DeleteFunc(config.Archives, func(p string) bool { return p == path })
		return path
	case 2:
		d.SetActive(name, version)
		config.Active[name] = version
	default:
		d.UnsetActive(name)
		delete(config.Active, name)
		return name
	}
	return ""
}

// commonLines returns how many lines of a are, in order, in b.
func commonLines(a, b []string) int {
	best := make([]int, len(b)+1)
	for _, line := range a {
		diagonal := 0
		for j, other := range b {
			up := best[j+1]
			if line == other {
				best[j+1] = diagonal + 1
			} else {
				best[j+1] = max(up, best[j])
			}
			diagonal = up
		}
	}
	return best[len(b)]
}

func checkEdit(t *testing.T, before, after, removed string) {
	t.Helper()
	split := func(text string) []string { return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") }
	old := split(before)
	// A removed entry takes its line, and a bracket or comma on another's.
	if changed := len(old) - commonLines(old, split(after)); changed > 2 {
		t.Errorf("%d lines are not as they were", changed)
	}
	for _, line := range old {
		at := strings.Index(line, "# c")
		if at < 0 || strings.Contains(after, strings.TrimSpace(line[at:])) {
			continue
		}
		if quoted := scalar(removed, yaml.SingleQuotedStyle); removed == "" || (!strings.Contains(line, removed) &&
			!strings.Contains(line, quoted) && !strings.Contains(line, scalar(removed, yaml.DoubleQuotedStyle))) {
			t.Errorf("the comment on %q is lost", line)
		}
	}
	if strings.HasSuffix(before, "\n") != strings.HasSuffix(after, "\n") {
		t.Error("the end of the file changed")
	}
	if strings.Contains(before, "\r\n") && strings.Count(after, "\n") != strings.Count(after, "\r\n") {
		t.Error("line ends are mixed")
	}
}

func testEdits(t *testing.T, seed uint64) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	text, config := g.document()
	d, err := parse("x", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for range 6 {
		before := string(d.text)
		removed := g.edit(d, config)
		after, err := d.Bytes()
		if err != nil {
			t.Fatalf("%v\n%s", err, before)
		}
		if d.reencoded {
			t.Error("the text was not edited in place")
		}
		checkEdit(t, before, string(after), removed)
		got, err := v1alpha1.DecodeSolutionsConfiguration(after)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(config, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if t.Failed() {
			t.Fatalf("seed %d\n%s\n--- after:\n%s", seed, before, after)
		}
	}
}

func TestRandomEdits(t *testing.T) {
	for seed := range uint64(400) {
		testEdits(t, seed)
	}
}

func FuzzGeneratedDocument(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(testEdits)
}

// FuzzText edits what may be no document at all.
func FuzzText(f *testing.F) {
	for _, text := range []string{
		"archives:\n- /a.iso # x\n- '/b'\nactive: {a: 1, b: \"2\"}\n", "archives: [ # c\n /a, \"/b\",\n ]\n\n# c\nactive:\n  a: 1.0",
		"l: &l [/a]\narchives: *l\nactive: &m\n  ? a\n  : 1\n", "active:\n  <<: {a: 1}\narchives:\n- >-\n  /a\n- !!str /b\n...\n", "archives: ~\r\nactive:\r\n  a: 'x'",
	} {
		f.Add([]byte(header+text), "/a", "a", "1")
	}
	f.Fuzz(func(t *testing.T, text []byte, path, name, version string) {
		for _, make := range []func(*Document) bool{add(path).make, remove(path).make, set(name, version).make, unset(name).make} {
			d, err := parse("x", text)
			if err != nil {
				return
			}
			was := d.Configuration()
			changed := make(d)
			after, err := d.Bytes()
			if err == nil && changed == bytes.Equal(after, text) {
				t.Errorf("changed = %v\n%s", changed, after)
			}
			if err != nil {
				after = text
				if diff := cmp.Diff(was, d.Configuration()); diff != "" {
					t.Error(diff)
				}
			}
			got, err := v1alpha1.DecodeSolutionsConfiguration(after)
			if err != nil {
				t.Fatal(err)
			}
			want := d.Configuration()
			if !slices.Equal(want.Archives, got.Archives) || !maps.Equal(want.Active, got.Active) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	})
}
