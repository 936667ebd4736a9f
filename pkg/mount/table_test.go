// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sampleTable = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,discard shared:1 - ext4 /dev/vda rw
64 27 0:40 / /srv/scality/a-1 ro,nosuid,nodev,relatime shared:3 master:2 propagate_from:2 - fuse.solution-bootstrap /solutions/a\040b\134\134\011\043.iso ro,user_id=0
65 27 7:0 / /srv/scality/b-1 ro,relatime unbindable - iso9660 /dev/loop0 ro
66 27 0:41 / /empty rw - tmpfs  rw
`

func TestParseTable(t *testing.T) {
	got, err := parseTable(sampleTable)
	want := []Point{
		{"0:21", "/proc", []string{"rw", "relatime"}, "proc", "proc"},
		{"254:0", "/", []string{"rw", "discard"}, "ext4", "/dev/vda"},
		{"0:40", "/srv/scality/a-1", []string{"ro", "nosuid", "nodev", "relatime"}, FUSEType, "/solutions/a b\\\\\t#.iso"},
		{"7:0", "/srv/scality/b-1", []string{"ro", "relatime"}, kernelType, "/dev/loop0"},
		{"0:41", "/empty", []string{"rw"}, "tmpfs", ""},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if !got[2].hasOptions() || got[3].hasOptions() {
		t.Error("which mount has all the options is told wrongly")
	}
}

func TestParseTableFails(t *testing.T) {
	for _, text := range []string{"x\n", "22 27 0:21 / /proc - proc proc rw\n", "22 27 0:21 / /proc rw - proc\n"} {
		if _, err := parseTable(text); err == nil || !strings.Contains(err.Error(), "a line of another form") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestUnescapeOctal(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", `\040`: " ", `a\012b`: "a\nb", `\134040`: `\040`, `\`: `\`, `\04`: `\04`, `\08x`: `\08x`, `\303\244`: "ä",
	} {
		if got := unescapeOctal(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzParseTable(f *testing.F) {
	f.Add(sampleTable)
	f.Fuzz(func(_ *testing.T, text string) { _, _ = parseTable(text) })
}
