// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// archiveOptions are the KEY=VALUE of the command archive. Without any it is
// example-solution 1.0.0, with an Operator, a UI, roles and a CRD.
type archiveOptions struct {
	name     string // name=NAME
	version  string // version=VERSION
	operator bool   // operator=no
	ui       bool   // ui=no
	role     string // role=no, or role=FILE
	crds     string // crds=no, or crds=FILE
	size     int    // size=BYTES of each image's layer
	manifest string // manifest=FILE
	// edits are without=PATH and PATH=FILE, where PATH is one in the archive
	// that has a "/" in it, and image=NAME:TAG.
	edits [][2]string
}

const (
	rolePath = "operator/deploy/role.yaml"
	crdPath  = "operator/deploy/crds/example_crd.yaml"
)

func archiveCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: archive FILE [KEY=VALUE...]")
	}
	t, ok := ts.Value(testKey{}).(*testing.T)
	if !ok {
		ts.Fatalf("the script has no test")
	}
	o, err := parseArchiveOptions(args[1:])
	ts.Check(err)
	b, err := o.build(t, func(name string) string { return ts.ReadFile(name) })
	ts.Check(err)
	target := ts.MkAbs(args[0])
	ts.Check(move(b.ISO(t), target))
	if state(ts).archives == nil {
		state(ts).archives = map[string]*archivetest.Builder{}
	}
	state(ts).archives[target] = b
}

// move works between file systems too: $TMPDIR and $GOTMPDIR may be two.
func move(from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

func parseArchiveOptions(args []string) (*archiveOptions, error) {
	o := &archiveOptions{name: "example-solution", version: "1.0.0", operator: true, ui: true, size: 64}
	for _, arg := range args {
		key, value, found := strings.Cut(arg, "=")
		switch {
		case !found:
			return nil, fmt.Errorf("%q is not KEY=VALUE", arg)
		case key == "name":
			o.name = value
		case key == "version":
			o.version = value
		case key == "operator":
			o.operator = value != "no"
		case key == "ui":
			o.ui = value != "no"
		case key == "role":
			o.role = value
		case key == "crds":
			o.crds = value
		case key == "manifest":
			o.manifest = value
		case key == "size":
			o.size, _ = strconv.Atoi(value)
		case key == "without", key == "image", strings.Contains(key, "/"):
			o.edits = append(o.edits, [2]string{key, value})
		default:
			return nil, fmt.Errorf("%q is no option", key)
		}
	}
	return o, nil
}

// build makes the archive; read returns the text of a file of the script.
func (o *archiveOptions) build(t testing.TB, read func(string) string) (*archivetest.Builder, error) {
	b := archivetest.Empty(t).WithName(o.name).WithVersion(o.version)
	size := archivetest.LayerSize(o.size)
	if o.operator {
		b.WithImage(o.name+"-operator", o.version, size)
	}
	if o.ui {
		b.WithImage(o.name+"-ui", o.version, size, archivetest.OCI())
	}
	if o.manifest != "" {
		b.WithManifest(read(o.manifest))
	}
	// Names that differ between Solutions: those of cluster-wide objects must.
	names := strings.NewReplacer("example-solution.example.com", o.name+".example.com",
		"example-operator", strings.TrimSuffix(o.name, "-solution")+"-operator")
	for _, file := range []struct{ path, option, standard string }{
		{rolePath, o.role, archivetest.Role}, {crdPath, o.crds, archivetest.CRD},
	} {
		switch file.option {
		case "no":
		case "":
			b.WithFile(file.path, names.Replace(file.standard))
		default:
			b.WithFile(file.path, read(file.option))
		}
	}
	for _, edit := range o.edits {
		switch key, value := edit[0], edit[1]; key {
		case "without":
			b.Without(value)
		case "image":
			name, tag, _ := strings.Cut(value, ":")
			b.WithImage(name, tag, size)
		default:
			b.WithFile(key, read(value))
		}
	}
	return b, nil
}

func corruptCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: corrupt FILE")
	}
	path := ts.MkAbs(args[0])
	b := state(ts).archives[path]
	if b == nil {
		ts.Fatalf("%s is not made by the command archive", args[0])
	}
	ts.Check(corrupt(path, b))
}

// corrupt changes one byte in the first layer of an archive.
func corrupt(path string, b *archivetest.Builder) error {
	image, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for name, blob := range b.Files() {
		if !strings.HasPrefix(name, "images/") || !bytes.HasPrefix(blob, []byte("\x1f\x8b")) {
			continue
		}
		if at := bytes.Index(image, blob); at >= 0 {
			image[at+len(blob)/2] ^= 1
			return os.WriteFile(path, image, 0o600)
		}
	}
	return fmt.Errorf("%s has no layer", path)
}
