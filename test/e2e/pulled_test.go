// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

// manifest is what leads from an index to images, and from an image to blobs.
type manifest struct {
	Manifests []struct {
		Digest   string
		Platform struct{ OS, Architecture string }
	}
	Config struct{ Digest string }
	Layers []struct{ Digest string }
}

// contents lists, by digest, what an image in an archive is made of and no other
// has: "manifests" or "blobs", as the path says under which a registry has it.
type contents map[string]string

func readArchive(name, folder string, platforms []string) (contents, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	image, err := iso9660.Open(f, info.Size())
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(image, folder)
	if err != nil {
		return nil, err
	}
	return readImage(files, platforms)
}

// readImage reads an image's folder, where of an index only some platforms count.
func readImage(folder fs.FS, platforms []string) (contents, error) {
	list := contents{}
	top, err := fs.ReadFile(folder, "manifest.json")
	if err != nil {
		return nil, err
	}
	m, err := list.add(top)
	if err != nil {
		return nil, err
	}
	for _, child := range m.Manifests {
		if !slices.Contains(platforms, child.Platform.OS+"/"+child.Platform.Architecture) {
			continue
		}
		data, err := fs.ReadFile(folder, strings.TrimPrefix(child.Digest, "sha256:")+".manifest.json")
		if err != nil {
			return nil, err
		}
		if _, err := list.add(data); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (c contents) add(data []byte) (manifest, error) {
	c["sha256:"+archivetest.Hex(data)] = "manifests"
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return m, err
	}
	if m.Config.Digest != "" {
		c[m.Config.Digest] = "blobs"
	}
	// The first layer is the same in all images of the sample, and of sandboxes:
	// containerd has it already.
	if n := len(m.Layers); n > 0 {
		c[m.Layers[n-1].Digest] = "blobs"
	}
	return m, nil
}

func pulledCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: pulled NAME ARCHIVE IMAGE:TAG [PLATFORM…]")
	}
	n := state(ts).node
	platforms := args[3:]
	if len(platforms) == 0 {
		platforms = []string{"linux/" + runtime.GOARCH}
	}
	list, err := readArchive(args[1], path.Join("images", strings.ReplaceAll(args[2], ":", "/")), platforms)
	ts.Check(err)
	ts.Check(n.exec(ts, "ctr", "--namespace", "k8s.io", "content", "ls", "--quiet"))
	held := strings.Fields(ts.ReadFile("stdout"))
	name, _, _ := strings.Cut(args[2], ":")
	for digest, kind := range list {
		if !slices.Contains(held, digest) {
			ts.Fatalf("%s: containerd does not hold %s", args[2], digest)
		}
		asked := regexp.MustCompile(fmt.Sprintf(` method=GET path=/v2/[^ ]+/%s/%s/%s status=200 .* agent=containerd/`, name, kind, digest))
		eventually(ts, func() error { return matches(n.logFile(args[0]), asked) })
	}
}
