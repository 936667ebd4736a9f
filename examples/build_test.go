// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// output runs a program and returns what it prints.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return string(out)
}

// TestBuild runs build.sh for real, and looks at what it made with the tools of
// others: bsdtar and isoinfo.
func TestBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: builds six programs and two archives")
	}
	for _, name := range []string{"bash", "xorriso", "bsdtar", "isoinfo"} {
		need.Program(t, name)
	}
	t.Setenv("ARCH", "amd64") // so that the list below is the same everywhere
	t.Setenv("SOURCE_DATE_EPOCH", "1000000000")
	out := filepath.Join(t.TempDir(), "out")
	got := output(t, "./build.sh", out)
	isos := map[string]string{}
	for _, version := range []string{"1.0.0", "2.0.0"} {
		isos[version] = filepath.Join(out, "example-solution-"+version+".iso")
	}
	if want := isos["1.0.0"] + "\n" + isos["2.0.0"] + "\n"; got != want {
		t.Errorf("stdout is %q, want %q", got, want)
	}
	for version, iso := range isos {
		t.Run(version, func(t *testing.T) {
			checkVolume(t, iso, version)
			checkList(t, iso, version)
			root := t.TempDir()
			output(t, "bsdtar", "-xf", iso, "-C", root)
			checkBlobs(t, root)
			checkNginx(t, root)
		})
	}
	t.Run("again", func(t *testing.T) {
		second := t.TempDir()
		output(t, "./build.sh", second)
		for _, iso := range isos {
			if fileDigest(t, iso) != fileDigest(t, filepath.Join(second, filepath.Base(iso))) {
				t.Errorf("%s differs from one build to the next", filepath.Base(iso))
			}
		}
	})
}

func checkVolume(t *testing.T, iso, version string) {
	t.Helper()
	info := output(t, "isoinfo", "-d", "-i", iso)
	for _, want := range []string{"Volume id: Example Solution " + version + "\n", "Joliet with UCS level 3 found", "Rock Ridge signatures version 1 found"} {
		if !strings.Contains(info, want) {
			t.Errorf("no %q in\n%s", want, info)
		}
	}
}

// checkList compares the files of an archive, digests aside, with what they
// should be; and all of them with the owner and date they should have.
func checkList(t *testing.T, iso, version string) {
	t.Helper()
	digest := regexp.MustCompile(`[0-9a-f]{64}`)
	counts := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(output(t, "bsdtar", "-tvf", iso)), "\n") {
		f := strings.Fields(line) // mode links uid gid size month day year name ["link to" target]
		if f[2] != "0" || f[3] != "0" || f[7] != "2001" || f[0][1:] != "rw-r--r--" && f[0][1:] != "rwxr-xr-x" {
			t.Errorf("owner, date or mode: %s", line)
		}
		if f[0][0] == '-' {
			counts[digest.ReplaceAllString(f[8], "DIGEST")]++
		}
	}
	want := map[string]int{"manifest.yaml": 1, "registry-config.inc.j2": 1}
	for _, name := range []string{"operator", "role", "role_binding", "service_account", "crds/examples_crd", "crds/example_cr"} {
		want["operator/deploy/"+name+".yaml"] = 1
	}
	for _, name := range []string{"example-app", "example-solution-operator", "example-solution-ui"} {
		dir := "images/" + name + "/" + version + "/"
		want[dir+"manifest.json"], want[dir+"version"], want[dir+"DIGEST"] = 1, 1, 3
	}
	if version == "2.0.0" { // an index of two: two configurations, two programs, one base
		want["images/example-app/2.0.0/DIGEST"] = 5
		want["images/example-app/2.0.0/DIGEST.manifest.json"] = 2
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("files and their number (-want +got):\n%s", diff)
	}
}

// checkBlobs checks every name that is a digest, and that blobs that are equal
// are one file: bsdtar makes a hard link where two records share an extent.
func checkBlobs(t *testing.T, root string) {
	t.Helper()
	first := map[string]string{}
	for _, file := range imageFiles(t, root) {
		name := filepath.Base(file)
		if len(name) < 64 {
			continue
		}
		if got := fileDigest(t, file); got != name[:64] {
			t.Errorf("%s has digest %s", file, got)
		}
		if first[name] == "" {
			first[name] = file
			continue
		}
		if a, b := stat(t, first[name]), stat(t, file); !os.SameFile(a, b) {
			t.Errorf("%s is stored twice", name)
		}
	}
}

// checkNginx checks that the nginx configuration has every blob and manifest,
// at its digest, and every image at its tag.
func checkNginx(t *testing.T, root string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "registry-config.inc.j2"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, file := range imageFiles(t, root) {
		rel, err := filepath.Rel(filepath.Join(root, "images"), file)
		if err != nil {
			t.Fatal(err)
		}
		image, tag, name := splitImage(rel)
		digest := "sha256:" + fileDigest(t, file)
		line := func(kind, ref string) string { return fmt.Sprintf("%s/%s/%s %s %s", image, kind, ref, rel, digest) }
		switch {
		case name == "version":
		case len(name) == 64:
			want = append(want, line("blobs", digest))
		case name == "manifest.json":
			want = append(want, line("manifests", tag), line("manifests", digest))
		default:
			want = append(want, line("manifests", digest))
		}
	}
	var got []string
	location := regexp.MustCompile(`(?m)^location = "/v2/\{\{ repository \}\}/(\S+)" \{\n` +
		`    alias "\{\{ registry_root \}\}/(\S+)";\n    types \{ \}\n    default_type "\S+/\S+";\n` +
		`    add_header Docker-Content-Digest "(\S+)" always;\n\}$`)
	for _, m := range location.FindAllStringSubmatch(string(data), -1) {
		got = append(got, m[1]+" "+m[2]+" "+m[3])
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("locations (-want +got):\n%s", diff)
	}
}

// splitImage takes images' path NAME/TAG/FILE apart.
func splitImage(rel string) (image, tag, name string) {
	parts := strings.Split(filepath.ToSlash(rel), "/")
	return parts[0], parts[1], parts[2]
}

// imageFiles lists the files of all images.
func imageFiles(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(filepath.Join(root, "images"), func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func fileDigest(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func stat(t *testing.T, file string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestBuildErrors(t *testing.T) {
	need.Program(t, "bash")
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	noXorriso := t.TempDir()
	for _, tool := range []string{"dirname", "go"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(noXorriso, tool)); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "out")
	for _, tc := range []struct {
		name, path string
		args       []string
		want       string
	}{
		{"no folder", os.Getenv("PATH"), nil, "usage: examples/build.sh OUTDIR"},
		{"empty folder", os.Getenv("PATH"), []string{""}, "usage: examples/build.sh OUTDIR"},
		{"two folders", os.Getenv("PATH"), []string{out, out}, "usage: examples/build.sh OUTDIR"},
		{"no xorriso", noXorriso, []string{out}, "apt-get install xorriso"},
		{"no go", t.TempDir(), []string{out}, "go is missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), bash, append([]string{"build.sh"}, tc.args...)...)
			cmd.Env = append(os.Environ(), "PATH="+tc.path)
			got, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(got), tc.want) {
				t.Errorf("error %v, want one that says %q:\n%s", err, tc.want, got)
			}
			if _, err := os.Stat(out); err == nil {
				t.Errorf("%s was made", out)
			}
		})
	}
}
