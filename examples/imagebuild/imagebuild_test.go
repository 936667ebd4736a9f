// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// writeFile makes a file to put into an image and returns its path.
func writeFile(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

// mustRun runs imagebuild into a new folder, and returns it with its output.
func mustRun(t *testing.T, args ...string) (dir, stdout string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "images", "app", "1.0.0")
	var out, errs bytes.Buffer
	if err := run(append([]string{"--dest", dir}, args...), &out, &errs); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	return dir, out.String()
}

// names lists a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestImage(t *testing.T) {
	program := writeFile(t, "prog", "#!program", 0o700)
	data := writeFile(t, "data", "some data", 0o600)
	for _, tc := range []struct {
		format                  string
		manifest, config, layer types.MediaType
	}{
		{formatDocker, types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer},
		{formatOCI, types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer},
	} {
		t.Run(tc.format, func(t *testing.T) {
			dir, stdout := mustRun(t, "--format", tc.format, "--platform", "linux/arm64", "--user", "65532:65532",
				"--entrypoint", "/bin/app", "/bin/app="+program, "/usr/share/app/data="+data)
			img := openDir(t, dir, "manifest.json")
			if err := validate.Image(img); err != nil {
				t.Error(err)
			}
			m, err := img.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			got := []types.MediaType{m.MediaType, m.Config.MediaType}
			want := []types.MediaType{tc.manifest, tc.config, tc.layer, tc.layer}
			files := []string{"manifest.json", "version", m.Config.Digest.Hex}
			for _, l := range m.Layers {
				got = append(got, l.MediaType)
				files = append(files, l.Digest.Hex)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("media types (-want +got):\n%s", diff)
			}
			slices.Sort(files)
			if diff := cmp.Diff(files, names(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if got := string(read(t, dir, "version")); got != "Directory Transport Version: 1.1\n" {
				t.Errorf("version file is %q", got)
			}
			digest, err := img.Digest()
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("%s/manifest.json %s %s\n", dir, digest, tc.manifest); stdout != want {
				t.Errorf("stdout is %q, want %q", stdout, want)
			}
			checkConfig(t, img)
		})
	}
}

func checkConfig(t *testing.T, img v1.Image) {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{Entrypoint: []string{"/bin/app"}, Env: []string{"PATH=" + searchPath}, User: "65532:65532"}
	if diff := cmp.Diff(want, c.Config); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if c.OS != "linux" || c.Architecture != "arm64" {
		t.Errorf("platform is %s/%s", c.OS, c.Architecture)
	}
	if !c.Created.Equal(time.Unix(0, 0)) {
		t.Errorf("created %s", c.Created)
	}
}

func TestLayers(t *testing.T) {
	program := writeFile(t, "prog", "#!program", 0o700)
	data := writeFile(t, "data", "some data", 0o600)
	dir, _ := mustRun(t, "--entrypoint", "/usr/bin/app", "/usr/share/data="+data, "/usr/bin/app="+program)
	layers, err := openDir(t, dir, "manifest.json").Layers()
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, l := range layers {
		got = append(got, listLayer(t, l))
	}
	want := [][]string{
		{"755 etc/", "644 etc/group 27", "644 etc/passwd 78", "1777 tmp/"},
		{"755 usr/", "755 usr/bin/", "755 usr/bin/app 9", "755 usr/share/", "644 usr/share/data 9"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

func TestSameFilesSameDigests(t *testing.T) {
	one := writeFile(t, "one", "one", 0o755)
	two := writeFile(t, "two", "two", 0o644)
	first, _ := mustRun(t, "--entrypoint", "/one", "/one="+one, "/two="+two)

	// Another order, other dates, another umask: the same image.
	past := time.Unix(1e9, 0)
	if err := os.Chtimes(one, past, past); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(one, 0o700); err != nil {
		t.Fatal(err)
	}
	second, _ := mustRun(t, "--entrypoint", "/one", "/two="+two, "/one="+one)
	if diff := cmp.Diff(names(t, first), names(t, second)); diff != "" {
		t.Errorf("blobs differ (-first +second):\n%s", diff)
	}
	if !bytes.Equal(read(t, first, "manifest.json"), read(t, second, "manifest.json")) {
		t.Error("manifests differ")
	}
}

func TestIndex(t *testing.T) {
	src := t.TempDir()
	for _, arch := range []string{"amd64", "arm64"} {
		if err := os.WriteFile(filepath.Join(src, "app-"+arch), []byte("for "+arch), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for format, want := range map[string]types.MediaType{formatOCI: types.OCIImageIndex, formatDocker: types.DockerManifestList} {
		t.Run(format, func(t *testing.T) {
			dir, stdout := mustRun(t, "--format", format, "--platform", "linux/amd64", "--platform", "linux/arm64",
				"--entrypoint", "/app", "/app="+src+"/app-{arch}")
			idx, err := v1.ParseIndexManifest(bytes.NewReader(read(t, dir, "manifest.json")))
			if err != nil {
				t.Fatal(err)
			}
			if idx.MediaType != want {
				t.Errorf("media type is %s, want %s", idx.MediaType, want)
			}
			if lines := strings.Count(stdout, "\n"); lines != 3 {
				t.Errorf("%d manifests listed, want 3:\n%s", lines, stdout)
			}
			for i, arch := range []string{"amd64", "arm64"} {
				checkChild(t, dir, idx.Manifests[i], arch)
			}
			for _, name := range names(t, dir) {
				if !regexp.MustCompile(`^([0-9a-f]{64}(\.manifest\.json)?|manifest\.json|version)$`).MatchString(name) {
					t.Errorf("unexpected file %s", name)
				}
			}
		})
	}
}

// checkChild checks one image of an index: what the index says of it, its
// digests, and that it holds the file of its own architecture.
func checkChild(t *testing.T, dir string, desc v1.Descriptor, arch string) {
	t.Helper()
	if desc.Platform == nil || desc.Platform.String() != "linux/"+arch {
		t.Fatalf("platform is %v, want linux/%s", desc.Platform, arch)
	}
	img := openDir(t, dir, desc.Digest.Hex+".manifest.json")
	if err := validate.Image(img); err != nil {
		t.Errorf("%s: %v", arch, err)
	}
	if digest, err := img.Digest(); err != nil || digest != desc.Digest {
		t.Errorf("%s: digest of the manifest is %s (%v), the index says %s", arch, digest, err, desc.Digest)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if got := fileInLayer(t, layers[1], "app"); got != "for "+arch {
		t.Errorf("%s: the program is %q", arch, got)
	}
}

func TestSkopeoReadsThem(t *testing.T) {
	need.Program(t, "skopeo")
	src := t.TempDir()
	for _, arch := range []string{"amd64", "arm64"} {
		if err := os.WriteFile(filepath.Join(src, "app-"+arch), []byte("for "+arch), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	both := []string{"--platform", "linux/amd64", "--platform", "linux/arm64"}
	for name, flags := range map[string][]string{
		"docker":      {"--format", "docker", "--platform", "linux/amd64"},
		"oci":         {"--format", "oci", "--platform", "linux/amd64"},
		"docker list": append([]string{"--format", "docker"}, both...),
		"oci index":   append([]string{"--format", "oci"}, both...),
	} {
		t.Run(name, func(t *testing.T) {
			dir, stdout := mustRun(t, append(flags, "--entrypoint", "/app", "/app="+src+"/app-{arch}")...)
			// The copy reads every blob and checks its digest.
			skopeo(t, "copy", "--all", "dir:"+dir, "oci:"+filepath.Join(t.TempDir(), "copy")+":x")
			raw := skopeo(t, "inspect", "--raw", "dir:"+dir)
			digest, _, err := v1.SHA256(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(stdout, dir+"/manifest.json "+digest.String()) {
				t.Errorf("skopeo's digest is %s, ours:\n%s", digest, stdout)
			}
			if len(flags) > 4 {
				return // skopeo 1.9 inspects an index only --raw
			}
			var got struct{ Digest, Architecture, Os string }
			if err := json.Unmarshal(skopeo(t, "inspect", "dir:"+dir), &got); err != nil {
				t.Fatal(err)
			}
			if got.Digest != digest.String() || got.Architecture != "amd64" || got.Os != "linux" {
				t.Errorf("skopeo says %+v, want digest %s of linux/amd64", got, digest)
			}
		})
	}
}

func skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "skopeo", args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("skopeo %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out
}

func TestErrors(t *testing.T) {
	file := writeFile(t, "f", "x", 0o755)
	dest := filepath.Join(t.TempDir(), "out")
	ok := []string{"--dest", dest, "--entrypoint", "/f"}
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"no dest", []string{"--entrypoint", "/f", "/f=" + file}, "--dest is missing"},
		{"no entrypoint", []string{"--dest", dest, "/f=" + file}, "--entrypoint is missing"},
		{"no files", ok, "no files"},
		{"no path", append(ok[:4:4], "/f"), "want FILE=PATH"},
		{"empty path", append(ok[:4:4], "/f="), "want FILE=PATH"},
		{"relative", append(ok[:4:4], "f="+file), "no clean absolute path"},
		{"escaping", append(ok[:4:4], "/../f="+file), "no clean absolute path"},
		{"root", append(ok[:4:4], "/="+file), "no clean absolute path"},
		{"twice", append(ok[:4:4], "/f="+file, "/f="+file), "/f is given twice"},
		{"no such file", append(ok[:4:4], "/f="+file+"-none"), "file /f: open"},
		{"format", append(ok[:4:4], "--format", "v1", "/f="+file), "want docker or oci"},
		{"platform", append(ok[:4:4], "--platform", "linux", "/f="+file), "want os/arch"},
		{"platform twice", append(ok[:4:4], "--platform", "linux/amd64", "--platform", "linux/amd64", "/f="+file), "linux/amd64 is given twice"},
		{"no {arch}", append(ok[:4:4], "--platform", "linux/amd64", "--platform", "linux/arm64", "/f="+file), "must hold {arch}"},
		{"no such arch", append(ok[:4:4], "--platform", "linux/amd64", "--platform", "linux/arm64", "/f="+file+"{arch}"), "platform linux/amd64: file /f"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := run(tc.args, &bytes.Buffer{}, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
			if got := names(t, filepath.Dir(dest)); len(got) > 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

func TestExistingFolderIsKept(t *testing.T) {
	file := writeFile(t, "f", "x", 0o755)
	dest := filepath.Join(t.TempDir(), "out")
	if err := os.Mkdir(dest, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"--dest", dest, "--entrypoint", "/f", "/f=" + file}
	if err := run(args, &bytes.Buffer{}, &bytes.Buffer{}); err != nil {
		t.Fatalf("into an empty folder: %v", err)
	}
	before := names(t, dest)
	if err := os.WriteFile(file, []byte("y"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := run(args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), dest+" is not empty") {
		t.Errorf("into a full folder: error is %v, want one that %s is not empty", err, dest)
	}
	if diff := cmp.Diff(before, names(t, dest)); diff != "" {
		t.Errorf("the folder changed:\n%s", diff)
	}
	if got := names(t, filepath.Dir(dest)); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}
