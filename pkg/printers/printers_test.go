// SPDX-License-Identifier: Apache-2.0

package printers_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	cliprinters "k8s.io/cli-runtime/pkg/printers"

	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

func table() printers.Table {
	return printers.Table{
		Columns: []string{"NAME", "VERSION"}, Wide: []string{"ARCHIVE"}, Empty: "Nothing is imported.",
		Rows: [][]string{{"storage", "1.10.0", "/solutions/storage.iso"}, {"a-long-solution", "", ""}, {"é", "2"}},
	}
}

func TestTable(t *testing.T) {
	for name, tt := range map[string]struct {
		opts printers.TableOptions
		want string
	}{
		"narrow": {printers.TableOptions{}, "NAME              VERSION\nstorage           1.10.0\na-long-solution   <none>\né                 2\n"},
		"wide": {printers.TableOptions{Wide: true}, "NAME              VERSION   ARCHIVE\nstorage           1.10.0    /solutions/storage.iso\n" +
			"a-long-solution   <none>    <none>\né                 2         <none>\n"},
		"no headers": {printers.TableOptions{NoHeaders: true}, "storage           1.10.0\na-long-solution   <none>\né                 2\n"},
	} {
		var out, errOut bytes.Buffer
		given := table()
		if err := given.Print(&out, &errOut, tt.opts); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, out.String()); diff != "" || errOut.Len() > 0 {
			t.Errorf("%s: stderr %q, stdout -want +got:\n%s", name, &errOut, diff)
		}
		if diff := cmp.Diff(table(), given); diff != "" {
			t.Errorf("%s: the table has changed:\n%s", name, diff)
		}
	}
}

func TestEmptyTable(t *testing.T) {
	var out, errOut bytes.Buffer
	if err := (printers.Table{Columns: []string{"NAME"}, Empty: "Nothing is imported."}).Print(&out, &errOut, printers.TableOptions{}); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 || errOut.String() != "Nothing is imported.\n" {
		t.Errorf("stdout %q, stderr %q", &out, &errOut)
	}
}

// A cell is one cell of one line, whatever somebody has written into it.
func TestCellsWithControlCharacters(t *testing.T) {
	var out bytes.Buffer
	given := printers.Table{Columns: []string{"NAME", "VERSION"}, Rows: [][]string{{"a\nb", "1\t2\x1b[31m"}}}
	if err := given.Print(&out, nil, printers.TableOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME   VERSION\na b    1 2 [31m\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

type brokenPipe struct{}

var errBroken = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errBroken }

func TestBrokenOutput(t *testing.T) {
	if err := table().Print(brokenPipe{}, nil, printers.TableOptions{}); !errors.Is(err, errBroken) {
		t.Errorf("table: %v", err)
	}
	if err := printers.PrintEach(brokenPipe{}, &cliprinters.YAMLPrinter{}, []*unstructured.Unstructured{object("a")}); !errors.Is(err, errBroken) {
		t.Errorf("objects: %v", err)
	}
}

func object(name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Disk"}}
	u.SetName(name)
	return u
}

func TestObjects(t *testing.T) {
	objects := []*unstructured.Unstructured{object("a"), object("b")}
	var each, list, none bytes.Buffer
	if err := errors.Join(
		printers.PrintEach(&each, &cliprinters.NamePrinter{}, objects),
		printers.PrintObjects(&list, &cliprinters.YAMLPrinter{}, objects),
		printers.PrintObjects(&none, &cliprinters.YAMLPrinter{}, nil),
	); err != nil {
		t.Fatal(err)
	}
	if each.String() != "disk.example.com/a\ndisk.example.com/b\n" {
		t.Errorf("each: %s", &each)
	}
	const want = `apiVersion: v1
items:
- apiVersion: example.com/v1
  kind: Disk
  metadata:
    name: a
- apiVersion: example.com/v1
  kind: Disk
  metadata:
    name: b
kind: List
metadata: {}
`
	if diff := cmp.Diff(want, list.String()); diff != "" {
		t.Errorf("a list: -want +got:\n%s", diff)
	}
	if none.String() != "apiVersion: v1\nitems: []\nkind: List\nmetadata: {}\n" {
		t.Errorf("an empty list: %s", &none)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "-1 B", 0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 4<<30 + 1<<29: "4.5 GiB",
		1 << 40: "1.0 TiB", 1 << 50: "1.0 PiB", 1 << 60: "1.0 EiB", math.MaxInt64: "8.0 EiB", 1<<20 - 1: "1024.0 KiB",
	} {
		if got := printers.Size(n); got != want {
			t.Errorf("Size(%d) = %s, want %s", n, got, want)
		}
	}
}
