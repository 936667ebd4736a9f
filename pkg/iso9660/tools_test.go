// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// tool runs a program that a test needs and returns its standard output. Where
// the program is missing the test is skipped, except in CI, where it fails.
func tool(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	need.Program(t, name)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // genisoimage hangs on some trees
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	return stdout.Bytes()
}

// mkisofs makes an image of dir. program is "xorriso" or "genisoimage", and
// options are those of mkisofs, which both have.
func mkisofs(t testing.TB, program, options, dir string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image.iso")
	args := append(strings.Fields(options), "-quiet", "-o", image, dir)
	if program == "xorriso" {
		args = append([]string{"-as", "mkisofs"}, args...)
	}
	tool(t, program, args...)
	return image
}

// openImage opens an image file, which is closed when the test ends.
func openImage(t testing.TB, image string) *FS {
	t.Helper()
	x, err := openError(t, image)
	if err != nil {
		t.Fatalf("opening %s: %v", image, err)
	}
	return x
}

func openError(t testing.TB, image string) (*FS, error) {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return Open(f, info.Size())
}

// snapshot is a whole tree: by path, the digest of a file, the target of a
// link, or "directory".
func snapshot(t testing.TB, fsys fs.FS) map[string]string {
	t.Helper()
	tree, buffer := map[string]string{}, make([]byte, 32<<10)
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			tree[path] = "directory"
		case d.Type() == fs.ModeSymlink:
			target, err := fs.ReadLink(fsys, path)
			tree[path] = "link to " + target
			return err
		default:
			f, err := fsys.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			h := sha256.New()
			n, err := io.CopyBuffer(h, struct{ io.Reader }{f}, buffer)
			tree[path] = fmt.Sprintf("%d bytes %x", n, h.Sum(nil))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// extracted is the tree of an image as another program extracts it.
func extracted(t testing.TB, program, image string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	switch program {
	case "bsdtar":
		tool(t, "bsdtar", "-x", "-f", image, "-C", dir)
	case "osirrox":
		tool(t, "osirrox", "-indev", image, "-extract", "/", dir)
	}
	return snapshot(t, os.DirFS(dir))
}

// write makes files, given by path and content; a path that ends in "/" is a
// directory.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		parent := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			parent = path
		}
		if err := os.MkdirAll(parent, 0o755); err != nil {
			t.Fatal(err)
		}
		if parent == path {
			continue
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// solution makes a tree such as a Solution's archive is made of, with what a
// Joliet tree can hold: no links, no deep directories.
func solution(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"manifest.yaml":                   "kind: Solution\n",
		"Readme with spaces.TXT":          "read me\n",
		"empty":                           "",
		"exact":                           strings.Repeat("s", sectorSize),
		"over":                            strings.Repeat("o", sectorSize+1),
		"nothing/":                        "",
		"no.extension.but.dots":           "x",
		"operator/deploy/role.yaml":       "kind: Role\n",
		"operator/deploy/crds/a_crd.yaml": "kind: CustomResourceDefinition\n",
		"ünïcödé/文件.yaml":                 "name: UTF-8\n",
	}
	for i := range 100 {
		content := strings.Repeat("layer ", 1+i*i/10) + fmt.Sprint(i)
		name := fmt.Sprintf("images/app/1.0.%d/%x", i%3, sha256.Sum256([]byte(content)))
		files[name] = content
		files[name+".manifest.json"] = "{}"
	}
	write(t, dir, files)
	return dir
}

// full adds what only Rock Ridge has: links, deep directories, long names.
func full(t testing.TB) string {
	t.Helper()
	dir := solution(t)
	deep := "d1/d2/d3/d4/d5/d6/d7/d8/d9/d10/d11/d12"
	write(t, dir, map[string]string{
		deep + "/deep.txt":                      "deep\n",
		"d1/d2/d3/d4/d5/d6/d7/side/d8/d9/other": "other\n",
		strings.Repeat("long", 50):              "a name of 200 bytes\n",
		"version;1":                             "a semicolon\n",
		"UPPER.manifest.json":                   "{}",
		strings.Repeat("AB", 32):                "64 hexadecimal digits, but upper case\n",
	})
	for link, target := range map[string]string{
		"link":             "manifest.yaml",
		"chain":            "link",
		"to-dir":           "operator/deploy",
		deep + "/up":       "../../../../../../../../../../../../operator/./deploy//role.yaml",
		"operator/current": "./deploy",
		"via":              "to-dir/../current/role.yaml",
		"long-target":      strings.Repeat("nothing/../", 17) + "manifest.yaml",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(dir, "over"), filepath.Join(dir, "nothing", "hard-link")); err != nil {
		t.Fatal(err)
	}
	return dir
}
