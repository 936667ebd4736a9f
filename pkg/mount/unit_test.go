// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// oddPaths are what could be taken for something else, by systemd or a shell.
var oddPaths = []string{
	"/solutions/one.iso", "/a b.iso", "/100%.iso", "/%i%%n.iso", "/$HOME/${x}.iso", `/"quoted" 'twice'.iso`, "/a;b#c.iso", `/back\slash\x2d.iso`,
	"/ä/日本.iso", "/-leading/--x.iso", "/a=b,c.iso", "/~/[Mount].iso", "/*?.iso", "/a@b:c.iso", "/.hidden/..x.iso",
}

// Names of units are those that systemd itself gives.
func TestUnitName(t *testing.T) {
	need.Program(t, "systemd-escape")
	paths := append([]string{"/", "/srv/scality/example-solution-1.0.0", "/srv/scality/a-2.10.1-rc.1+b3~x_y", "//srv///x/"}, oddPaths...)
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		name := make([]byte, 1+random.IntN(20))
		for i := range name {
			name[i] = byte(1 + random.IntN(255))
		}
		paths = append(paths, filepath.Clean("/srv/"+string(name)))
	}
	args := append([]string{"--path", "--suffix=mount", "--"}, paths...)
	out, err := exec.CommandContext(t.Context(), "systemd-escape", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(out))
	if len(want) != len(paths) {
		t.Fatalf("%d names for %d paths", len(want), len(paths))
	}
	for i, path := range paths {
		if got, err := unitName(path); got != want[i] || err != nil {
			t.Errorf("%q: %q, %v; systemd-escape says %q", path, got, err, want[i])
		}
	}
}

func TestUnitNameFails(t *testing.T) {
	for path, want := range map[string]string{
		"relative": `"relative" is no absolute path`,
		"/srv/scality/" + strings.Repeat("-", 60): "the systemd unit for /srv/scality/" + strings.Repeat("-", 60) + " would have a name of 258 bytes, and at most 255 are possible",
	} {
		if got, err := unitName(path); err == nil || err.Error() != want {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
}

// verifyUnit has systemd read a unit.
func verifyUnit(t *testing.T, name, text string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", file).CombinedOutput()
	return string(out), err
}

// Units are what systemd takes without a word, whatever the paths are.
func TestUnitText(t *testing.T) {
	need.Program(t, "systemd-analyze")
	const dir = "/srv/scality/example-solution-1.0.0+b~3"
	name, err := unitName(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []Mode{Kernel, FUSE} {
		for _, path := range oddPaths {
			text, err := unitText(Archive{ID: "example-solution-1.0.0+b~3", Path: path}, dir, mode)
			if err != nil {
				t.Errorf("%q: %v", path, err)
				continue
			}
			if out, err := verifyUnit(t, name, text); err != nil || out != "" {
				t.Errorf("%q: %v: %s", path, err, out)
			}
			if got, isOurs := unitArchive(text); got != path || !isOurs {
				t.Errorf("%q: the unit is for %q", path, got)
			}
			if got := unitDir(text); got != dir {
				t.Errorf("%q: the unit is for the folder %q", path, got)
			}
			if strings.Count(text, "\n") != strings.Count(unitTemplate, "\n") {
				t.Errorf("%q: a unit of other lines:\n%s", path, text)
			}
		}
	}
}

// systemd would complain of a unit that is not for the folder of its name.
func TestVerifyUnit(t *testing.T) {
	need.Program(t, "systemd-analyze")
	text, err := unitText(Archive{ID: "a-1", Path: "/a.iso"}, "/srv/scality/a-1", FUSE)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := verifyUnit(t, "srv-scality-a.mount", text); err == nil || !strings.Contains(out, "Where=") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestUnitTextKernel(t *testing.T) {
	text, err := unitText(Archive{ID: "a-1", Path: "/50%.iso"}, "/srv/scality/a-1", Kernel)
	for _, line := range []string{"What=/50%%.iso", "Where=/srv/scality/a-1", "Type=iso9660", "Options=loop,ro,nosuid,nodev"} {
		if err != nil || !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%v: no line %s in\n%s", err, line, text)
		}
	}
}

func TestUnitTextFails(t *testing.T) {
	for path, want := range map[string]string{
		"/a\nOptions=suid": `"/a\nOptions=suid" cannot be written into a systemd unit: it holds control characters`,
		"/a\x85":           `"/a\x85" cannot be written into a systemd unit: it is not UTF-8`,
		"/a\u0085":         `"/a\u0085" cannot be written into a systemd unit: it holds control characters`,
		`/a\`:              `"/a\\" cannot be written into a systemd unit: it ends in a backslash or a blank`,
		"/a ":              `"/a " cannot be written into a systemd unit: it ends in a backslash or a blank`,
	} {
		if _, err := unitText(Archive{ID: "a-1", Path: path}, "/srv/scality/a-1", FUSE); err == nil || err.Error() != want {
			t.Errorf("%q: %v", path, err)
		}
		if _, err := unitText(Archive{ID: "a-1", Path: "/a.iso"}, path, FUSE); err == nil || err.Error() != want {
			t.Errorf("folder %q: %v", path, err)
		}
	}
}

func TestUnitArchiveOfOthers(t *testing.T) {
	for _, text := range []string{"", "[Mount]\nWhat=/a.iso\n", unitMark + "/a.iso\n", "\n" + unitMark + `"/a.iso"` + "\n"} {
		if path, isOurs := unitArchive(text); isOurs {
			t.Errorf("%q is taken for ours, of %s", text, path)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, id := range []string{"", ".", "..", "a/b", "/", "../x", "a\nb", "a\x00", strings.Repeat("x", 256)} {
		if err := (Archive{ID: id, Path: "/a.iso"}).validate(); err == nil {
			t.Errorf("id %q is taken", id)
		}
	}
	for _, path := range []string{"", "a.iso", "/a\nb", "/a\x7f"} {
		if err := (Archive{ID: "a-1", Path: path}).validate(); err == nil {
			t.Errorf("path %q is taken", path)
		}
	}
	if err := (Archive{ID: "..a-1.0.0+b", Path: oddPaths[5]}).validate(); err != nil {
		t.Error(err)
	}
	for mode, valid := range map[Mode]bool{None: true, Kernel: true, FUSE: true, "": false, "loop": false, "FUSE": false} {
		if err := mode.Validate(); (err == nil) != valid {
			t.Errorf("mode %q: %v", mode, err)
		}
	}
}
