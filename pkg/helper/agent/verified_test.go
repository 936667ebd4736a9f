// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// noted tells whether the node knows that an archive, as it is, was checked.
func (n *node) noted(path string) bool {
	n.t.Helper()
	a, err := archive.Open(path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer a.Close()
	state, err := verified.StateOf(a.File())
	if err != nil {
		n.t.Fatal(err)
	}
	return n.agent().Configuration.VerifiedFolder().Has(path, state)
}

func TestImportNotes(t *testing.T) {
	n := newNode(t)
	first, second := n.archive("1.0.101"), n.archive("1.0.102")
	resultOf[protocol.ChangeResult](n, protocol.Request{Import: &protocol.ImportRequest{Archives: []string{first}, DryRun: true}})
	if n.noted(first) {
		t.Error("noted by a dry run")
	}
	n.nothingLeft()
	n.importAll(first, second)
	if !n.noted(first) || !n.noted(second) {
		t.Error("not noted by the import")
	}
	resultOf[protocol.ChangeResult](n, protocol.Request{Unimport: &protocol.UnimportRequest{Archives: []string{first}}})
	if n.noted(first) || !n.noted(second) {
		t.Errorf("noted after the first was removed: %t, %t", n.noted(first), n.noted(second))
	}
}

// What was listed by hand is noted when it is checked, and so is what was
// written to since; what is damaged is not.
func TestListNotes(t *testing.T) {
	n := newNode(t)
	whole, damaged := n.archive("1.0.101"), n.damaged("1.0.102")
	n.configure("apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + whole + ", " + damaged + "]\n")
	n.list()
	if n.noted(whole) {
		t.Error("noted without a check")
	}
	for range 2 {
		resultOf[protocol.NodeState](n, protocol.Request{List: &protocol.ListRequest{Verify: true}})
		if !n.noted(whole) || n.noted(damaged) {
			t.Errorf("noted: %t, the damaged one: %t", n.noted(whole), n.noted(damaged))
		}
		n.archive("1.0.101")
	}
}

// An import is done without the note, and says what follows from that.
func TestImportCannotNote(t *testing.T) {
	n := newNode(t)
	folder := n.agent().Configuration.VerifiedFolder().Path
	if err := errors.Join(os.MkdirAll(filepath.Dir(folder), 0o755), os.WriteFile(folder, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	iso := n.archive("1.0.101")
	c := n.importAll(iso)
	n.wantItems(c, "imported 1.0.101.iso example-solution-1.0.101")
	if w := c.Items[0].Warnings; len(w) != 1 || !strings.HasPrefix(w[0], "noting that "+iso+" was checked: ") || !strings.HasSuffix(w[0], ": the registry will check it once more") {
		t.Errorf("warnings %q", w)
	}
}
