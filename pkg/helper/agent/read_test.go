// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

func reads(archives ...protocol.ReadArchive) protocol.Request {
	return protocol.Request{Read: &protocol.ReadRequest{Archives: archives}}
}

// Files come in the order of the request, each with the archive it is of.
func TestRead(t *testing.T) {
	n := newNode(t)
	first, second := n.archive("1.0.101"), n.archive("1.0.102")
	unclean := n.archives + "/./1.0.102.iso"
	r := resultOf[protocol.ReadResult](n, reads(
		protocol.ReadArchive{Archive: unclean, Paths: []string{"operator/deploy/crds/example_crd.yaml", "manifest.yaml"}},
		protocol.ReadArchive{Archive: first, Paths: []string{"manifest.yaml"}}, protocol.ReadArchive{Archive: second}))
	var got []string
	for _, a := range r.Archives {
		got = append(got, a.Archive)
		for _, f := range a.Files {
			line := f.Path
			for _, text := range []string{"version: 1.0.101", "version: 1.0.102", "CustomResourceDefinition"} {
				if strings.Contains(string(f.Data), text) {
					line += ", " + text
				}
			}
			got = append(got, line)
		}
	}
	want := []string{
		unclean, "operator/deploy/crds/example_crd.yaml, CustomResourceDefinition", "manifest.yaml, version: 1.0.102",
		first, "manifest.yaml, version: 1.0.101", second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if r := resultOf[protocol.ReadResult](n, reads()); len(r.Archives) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestReadRefused(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	of := func(archive string, paths ...string) protocol.Request {
		return reads(protocol.ReadArchive{Archive: iso, Paths: []string{"manifest.yaml"}}, protocol.ReadArchive{Archive: archive, Paths: paths})
	}
	n.refused(of(iso, "manifest.yaml", "none.yaml"), protocol.ReasonNotFound, "reading $A/1.0.101.iso: reading none.yaml in $A/1.0.101.iso: file does not exist", "")
	n.refused(of(iso, "../../etc/passwd"), protocol.ReasonNotFound, "reading $A/1.0.101.iso: reading ../../etc/passwd in $A/1.0.101.iso: invalid argument", "")
	n.refused(of("1.0.101.iso"), protocol.ReasonBadRequest, `archive "1.0.101.iso": the path on the bootstrap node must be absolute`, "")
	n.refused(of("/etc/passwd", "x"), protocol.ReasonInvalid, "reading /etc/passwd: "+isoError(t, "/etc/passwd"), "")
}

// However many archives are asked for, what is answered is bounded.
func TestReadIsBounded(t *testing.T) {
	n := newNode(t)
	large := n.write("large.iso", mustRead(t, archivetest.New(t).WithFile("large.txt", strings.Repeat("x", archive.MaxFileBytes)).ISO(t)))
	files := protocol.MaxReadBytes / archive.MaxFileBytes
	const most = 4
	var archives []protocol.ReadArchive
	for left := files; left > 0; left -= most {
		archives = append(archives, protocol.ReadArchive{Archive: large, Paths: slices.Repeat([]string{"large.txt"}, min(left, most))})
	}
	if r := resultOf[protocol.ReadResult](n, reads(archives...)); len(r.Archives) != len(archives) {
		t.Errorf("%d archives, and %d were asked for", len(r.Archives), len(archives))
	}
	archives = append(archives, protocol.ReadArchive{Archive: large, Paths: []string{"large.txt"}})
	n.refused(reads(archives...), protocol.ReasonInvalid,
		fmt.Sprintf("reading $A/large.iso: the files are longer than %d bytes together", protocol.MaxReadBytes), "ask for fewer of them at a time")
}
