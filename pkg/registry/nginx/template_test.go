// SPDX-License-Identifier: Apache-2.0

package nginx_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/registry/nginx"
)

func TestRender(t *testing.T) {
	template := "a {{ repository }} {{registry_root}} {{  repository}}\n{ { } }} %} $x {repository}\n"
	got, err := nginx.Render([]byte(strings.Replace(template, " %}", "", 1)), id, "/srv/scality/"+id+"/")
	want := "a " + id + " /srv/scality/" + id + "/images " + id + "\n{ { } }} $x {repository}\n"
	if err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	for text, found := range map[string]string{
		"\n\nalias {{ root }};":             `line 3 has "{{": `,
		"{{ repository | upper }}":          `line 1 has "{{": `,
		"{{- repository -}}":                `line 1 has "{{": `,
		"{{\nrepository }}":                 `line 1 has "{{": `,
		"{{ repository_root }}":             `line 1 has "{{": `,
		"{{{ repository }}}":                ``, // as nginx has it: a block
		"a\n{% include '/etc/passwd' %}":    `line 2 has "{%": `,
		"b %}":                              `line 1 has "%}": `,
		"{# {{ repository }} #}":            `line 1 has "{#": `,
		"x #}":                              `line 1 has "#}": `,
		"{{ repository }}{{ config.items }": `line 1 has "{{": `,
	} {
		text, err := nginx.Render([]byte(text), id, "/srv")
		if found == "" {
			if err != nil {
				t.Errorf("%v", err)
			}
			continue
		}
		if err == nil || text != "" || !strings.HasPrefix(err.Error(), found) || !strings.Contains(hint.Of(err), "--use-archive-config") {
			t.Errorf("%q: %v, want %s", text, err, found)
		}
	}
	for _, root := range []string{"srv", "/a b", "/a;b", "/a{b", "/a'b", "/a$b", "/a\nb", "/a#b"} {
		if text, err := nginx.Render([]byte("{{ registry_root }}"), id, root); err == nil || text != "" {
			t.Errorf("%q is taken for a path", root)
		}
	}
	if _, err := nginx.Render(nil, "a; b", "/srv"); err == nil {
		t.Error("an id with a semicolon is taken")
	}
}

// A configuration of the form that archives bring along: nginx serves by it.
func TestRenderedIsServed(t *testing.T) {
	const own = `location = "/v2/{{ repository }}/a/manifests/1" {
	alias {{ registry_root }}/a/1/;
	types { }
	default_type "application/vnd.docker.distribution.manifest.v2+json";
	try_files manifest.json =404;
}
location ~ "/v2/{{ repository }}/a/blobs/sha256:([a-f0-9]{64})" {
	alias {{ registry_root }}/a/1/;
	try_files $1 =404;
	types {}}
`
	b := archivetest.New(t).WithImage("a", "1").WithFile("registry-config.inc.j2", own)
	iso, root := b.ISO(t), filepath.Join(t.TempDir(), "tree")
	extract(t, iso, root)
	text, err := nginx.Render([]byte(own), id, root)
	if err != nil {
		t.Fatal(err)
	}
	url := run(t, text) + "/v2/" + id + "/a/"
	manifest := ask(t, http.MethodGet, url+"manifests/1")
	if manifest.status != http.StatusOK || string(manifest.body) != string(b.Files()["images/a/1/manifest.json"]) {
		t.Errorf("status %d, %s", manifest.status, manifest.body)
	}
	for _, path := range b.Blobs("a", "1") {
		if a := ask(t, http.MethodGet, url+"blobs/sha256:"+filepath.Base(path)); a.status != http.StatusOK || string(a.body) != string(b.Files()[path]) {
			t.Errorf("status %d, %d bytes", a.status, len(a.body))
		}
	}
}
