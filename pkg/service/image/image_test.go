// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/program"
)

const name = "localhost/solution-bootstrap:1.0.0"

var built struct {
	sync.Once
	data []byte
	err  error
}

// helper returns a program for amd64 that is built as the helper is, and called
// so, but does nothing: to compress the real one takes its time, and that is
// done where it is run (test/cli, test/e2e).
func helper(t *testing.T) []byte {
	t.Helper()
	built.Do(func() {
		folder := t.TempDir()
		for name, text := range map[string]string{"go.mod": "module example.com/" + program.Name + "\n", "main.go": "package main\n\nfunc main() {}\n"} {
			if built.err = os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); built.err != nil {
				return
			}
		}
		cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "out")
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
		out, err := cmd.CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
			return
		}
		built.data, built.err = os.ReadFile(filepath.Join(folder, "out"))
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return bytes.Clone(built.data)
}

// forMachine returns a program that says it is for another machine.
func forMachine(data []byte, machine elf.Machine) []byte {
	const at = 18 // e_machine
	data = bytes.Clone(data)
	binary.LittleEndian.PutUint16(data[at:], uint16(machine))
	return data
}

// dynamic returns a program that says it needs an interpreter.
func dynamic(data []byte) []byte {
	const headers, count, size = 32, 56, 56 // e_phoff, e_phnum, and how long one is
	data = bytes.Clone(data)
	last := binary.LittleEndian.Uint64(data[headers:]) + size*uint64(binary.LittleEndian.Uint16(data[count:])-1)
	binary.LittleEndian.PutUint32(data[last:], uint32(elf.PT_INTERP))
	return data
}

func parse(t *testing.T, data []byte) Program {
	t.Helper()
	p, err := parseProgram(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// write returns the path of an archive, and what it is unpacked to.
func write(t *testing.T, programs ...Program) (archive, folder string) {
	t.Helper()
	var out, again bytes.Buffer
	for _, w := range []io.Writer{&out, &again} {
		if err := Write(w, name, programs); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("the same program made two archives")
	}
	folder = t.TempDir()
	archive = filepath.Join(folder, "image.tar")
	if err := os.WriteFile(archive, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.CommandContext(t.Context(), "tar", "-C", folder, "-xf", archive).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return archive, folder
}

// What go-containerregistry reads is whole, and has the program where it is
// looked for.
func TestImage(t *testing.T) {
	data := helper(t)
	archive, folder := write(t, parse(t, data))
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 1 || m.Manifests[0].Annotations["io.containerd.image.name"] != name || m.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.0.0" {
		t.Fatalf("%+v, %v", m, err)
	}
	image, err := index.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	checkImage(t, image, data, "amd64")
	// As `docker load` reads it.
	docker, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkImage(t, docker, data, "amd64")
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(archive) })
	if err != nil || len(manifest) != 1 || strings.Join(manifest[0].RepoTags, " ") != name {
		t.Errorf("%+v, %v", manifest, err)
	}
}

func checkImage(t *testing.T, image v1.Image, data []byte, architecture string) {
	t.Helper()
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	c, err := image.ConfigFile()
	if err != nil || c.OS != "linux" || c.Architecture != architecture || strings.Join(c.Config.Entrypoint, " ") != "solution-bootstrap" || strings.Join(c.Config.Env, " ") != "PATH=/usr/local/bin" {
		t.Errorf("%+v, %v", c, err)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var entries strings.Builder
	for reader := tar.NewReader(content); ; {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&entries, "%s %#o %d:%d %d\n", h.Name, h.Mode, h.Uid, h.Gid, h.ModTime.Unix())
		if got, err := io.ReadAll(reader); h.Name == "usr/local/bin/solution-bootstrap" && (err != nil || !bytes.Equal(got, data)) {
			t.Errorf("the program has %d bytes, and had %d: %v", len(got), len(data), err)
		}
	}
	const want = "usr/ 0755 0:0 0\nusr/local/ 0755 0:0 0\nusr/local/bin/ 0755 0:0 0\nusr/local/bin/solution-bootstrap 0755 0:0 0\n"
	if entries.String() != want {
		t.Errorf("it holds\n%s", &entries)
	}
}

// Programs for two architectures make an index, whichever is named first.
func TestIndex(t *testing.T) {
	amd64 := helper(t)
	arm64 := forMachine(amd64, elf.EM_AARCH64)
	_, folder := write(t, parse(t, arm64), parse(t, amd64))
	top, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(top); err != nil {
		t.Error(err)
	}
	m, err := top.IndexManifest()
	if err != nil || len(m.Manifests) != 1 || m.Manifests[0].Annotations["io.containerd.image.name"] != name {
		t.Fatalf("%+v, %v", m, err)
	}
	index, err := top.ImageIndex(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = index.IndexManifest(); err != nil || len(m.Manifests) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	for i, want := range []struct {
		architecture string
		data         []byte
	}{{"amd64", amd64}, {"arm64", arm64}} {
		if d := m.Manifests[i]; d.Platform.String() != "linux/"+want.architecture {
			t.Errorf("%+v", d)
		}
		image, err := index.Image(m.Manifests[i].Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkImage(t, image, want.data, want.architecture)
	}
	for _, programs := range [][]Program{nil, {parse(t, amd64), parse(t, amd64)}} {
		var out bytes.Buffer
		if err := Write(&out, name, programs); err == nil || out.Len() > 0 {
			t.Errorf("%d programs: %v, and %d bytes", len(programs), err, out.Len())
		}
	}
}

// skopeo reads it as podman does, in both ways.
func TestSkopeo(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("skopeo is not installed, and CI=true")
		}
		t.Skip("SKIPPED: skopeo is not installed; nothing here was tested")
	}
	data := helper(t)
	archive, _ := write(t, parse(t, data))
	for _, from := range []string{"oci-archive:" + archive, "docker-archive:" + archive} {
		to := t.TempDir()
		if out, err := exec.CommandContext(t.Context(), "skopeo", "--insecure-policy", "--override-os=linux", "--override-arch=amd64", "copy", from, "oci:"+to).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", from, err, out)
		}
		index, err := layout.ImageIndexFromPath(to)
		if err != nil {
			t.Fatal(err)
		}
		m, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		image, err := index.Image(m.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkImage(t, image, data, "amd64")
	}
}

func TestReadProgram(t *testing.T) {
	data := helper(t)
	folder := t.TempDir()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil && runtime.GOOS == "linux" {
		t.Fatal(err)
	}
	for text, content := range map[string][]byte{
		"it is no program of Linux: bad magic number":                          []byte("#!/bin/sh\nexit 1\n"),
		"it is for EM_S390, ELFCLASS64, and the helper is for amd64 and arm64": forMachine(data, elf.EM_S390),
		"it is not solution-bootstrap":                                         self,
		"it is linked dynamically, and nothing else is in the image":           dynamic(data),
		"it is no program of Linux: unexpected EOF":                            data[:30],
	} {
		path := filepath.Join(folder, "helper")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		wantError(t, path, strings.TrimSpace(text))
	}
	wantError(t, folder, "it is not a regular file")
	wantError(t, filepath.Join(folder, "none"), "no such file or directory")
	path := filepath.Join(folder, "good")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := ReadProgram(path); err != nil || p.Architecture != "amd64" || !bytes.Equal(p.data, data) {
		t.Errorf("%s, %v", p.Architecture, err)
	}
}

func wantError(t *testing.T, path, text string) {
	t.Helper()
	_, err := ReadProgram(path)
	if want := "reading the helper " + path + ": " + text; err == nil || !strings.HasPrefix(err.Error(), want) || hint.Of(err) == "" {
		t.Errorf("%v; want %s, and a hint", err, want)
	}
}

func TestName(t *testing.T) {
	for version, want := range map[string]string{
		"dev":                    "dev",
		"v1.0.0-3-gabc123-dirty": "v1.0.0-3-gabc123-dirty",
		"1.0.0+b3 é/:":           "1.0.0_b3____",
		"":                       "_",
		"-x":                     "_-x",
		strings.Repeat("1", 200): strings.Repeat("1", 128),
	} {
		if got := Name(version); got != "localhost/solution-bootstrap:"+want {
			t.Errorf("%q: %s", version, got)
		}
	}
}
