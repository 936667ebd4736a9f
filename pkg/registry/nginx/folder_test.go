// SPDX-License-Identifier: Apache-2.0

package nginx_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/registry/nginx"
)

// actions are what was done, by file.
func actions(changes []nginx.Change) map[string]nginx.Action {
	m := map[string]nginx.Action{}
	for _, c := range changes {
		m[filepath.Base(c.Path)] = c.Action
	}
	return m
}

func TestFolder(t *testing.T) {
	folder := nginx.Folder{Path: filepath.Join(t.TempDir(), "new", "folder")}
	file := func(name string) string { return filepath.Join(folder.Path, name) }
	one, two, three := "one"+nginx.Suffix, "two"+nginx.Suffix, "three"+nginx.Suffix
	odd := "/odd \"\n.iso"
	text := func(path, more string) string { return nginx.Header(path) + more }
	for i, step := range []struct {
		files map[string]string
		prune bool
		keep  []string
		want  map[string]nginx.Action
	}{
		{map[string]string{one: text("/one.iso", "1"), two: text("/two.iso", "1"), three: text(odd, "1")}, true, nil, map[string]nginx.Action{one: nginx.Created, two: nginx.Created, three: nginx.Created}},
		{map[string]string{one: text("/one.iso", "2"), two: text("/two.iso", "1")}, true, []string{odd}, map[string]nginx.Action{one: nginx.Configured, two: nginx.Unchanged}},
		{map[string]string{one: text("/one.iso", "2")}, false, nil, map[string]nginx.Action{one: nginx.Unchanged}},
		{map[string]string{one: text("/one.iso", "2")}, true, nil, map[string]nginx.Action{one: nginx.Unchanged, two: nginx.Deleted, three: nginx.Deleted}},
		{nil, true, nil, map[string]nginx.Action{one: nginx.Deleted}},
		{nil, true, nil, map[string]nginx.Action{}},
	} {
		if i == 0 {
			// What others have there stays, whatever it is.
			write(t, file("other"+nginx.Suffix), "# made by hand\n")
			write(t, file("my.conf"), nginx.Header("/one.iso"))
			write(t, file("broken"+nginx.Suffix), strings.TrimSuffix(nginx.Header("/x"), "\"; changes are lost.\n"))
			if err := os.Symlink("nowhere", file("link"+nginx.Suffix)); err != nil {
				t.Fatal(err)
			}
		}
		changes, err := folder.Update(step.files, step.prune, step.keep)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if diff := cmp.Diff(step.want, actions(changes)); diff != "" {
			t.Errorf("step %d: -want +got:\n%s", i, diff)
		}
		for name, want := range step.files {
			if data, err := os.ReadFile(file(name)); err != nil || string(data) != want {
				t.Errorf("step %d: %s: %q, %v", i, name, data, err)
			}
		}
	}
	entries, err := os.ReadDir(folder.Path)
	if err != nil || len(entries) != 4 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A file of someone else is an error, before anything is changed.
func TestFolderRefuses(t *testing.T) {
	folder := nginx.Folder{Path: t.TempDir()}
	theirs := filepath.Join(folder.Path, "z"+nginx.Suffix)
	write(t, theirs, "# theirs\n")
	changes, err := folder.Update(map[string]string{"a" + nginx.Suffix: nginx.Header("/a") + "a", "z" + nginx.Suffix: nginx.Header("/z") + "z"}, true, nil)
	if err == nil || err.Error() != theirs+" was not made by this command" || hint.Of(err) == "" || len(changes) > 0 {
		t.Errorf("%v, %v", changes, err)
	}
	if data, err := os.ReadFile(theirs); err != nil || string(data) != "# theirs\n" {
		t.Errorf("%q, %v", data, err)
	}
	if entries, err := os.ReadDir(folder.Path); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
