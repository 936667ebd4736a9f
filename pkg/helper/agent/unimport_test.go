// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"os"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

func TestUnimport(t *testing.T) {
	n := newNode(t)
	paths := []string{n.archive("1.0.101"), n.archive("1.0.102"), n.archive("1.0.103")}
	n.importAll(paths...)
	n.activate("latest")
	unimport := func(req protocol.UnimportRequest) protocol.Request { return protocol.Request{Unimport: &req} }
	const hint = "first run: kubectl solution deactivate example-solution"
	n.refused(unimport(protocol.UnimportRequest{}), protocol.ReasonBadRequest, "a path, or a Solution and its version, is needed", "")
	n.refused(unimport(protocol.UnimportRequest{Name: solutionName}), protocol.ReasonBadRequest, "a path, or a Solution and its version, is needed", "")
	n.refused(unimport(protocol.UnimportRequest{Archives: []string{"a.iso"}}), protocol.ReasonBadRequest, `archive "a.iso": the path on the bootstrap node must be absolute`, "")
	n.refused(unimport(protocol.UnimportRequest{Archives: paths}), protocol.ReasonInUse, "example-solution version 1.0.103 ($A/1.0.103.iso) is active", hint)
	n.refused(unimport(protocol.UnimportRequest{Name: solutionName, Version: "1.0.103"}), protocol.ReasonInUse, "example-solution version 1.0.103 ($A/1.0.103.iso) is active",
		"first activate another version: kubectl solution activate example-solution --version 1.0.102")
	c := resultOf[protocol.ChangeResult](n, unimport(protocol.UnimportRequest{Name: solutionName, Version: "1.0.102", Archives: []string{n.archives + "/none.iso"}}))
	n.wantItems(c, "unchanged none.iso", "unimported 1.0.102.iso example-solution-1.0.102")
	c = resultOf[protocol.ChangeResult](n, unimport(protocol.UnimportRequest{Name: solutionName, Version: "1.0.102"}))
	n.wantItems(c, "unchanged example-solution-1.0.102 example-solution-1.0.102")
	c = resultOf[protocol.ChangeResult](n, unimport(protocol.UnimportRequest{Archives: paths[:2]}))
	n.wantItems(c, "unchanged 1.0.102.iso", "unimported 1.0.101.iso example-solution-1.0.101")
	n.wantArchives(c.State, "1.0.103.iso example-solution-1.0.103")
	if _, err := os.Stat(paths[0]); err != nil {
		t.Errorf("the ISO file is gone: %v", err)
	}
}

// By path and by name, the same archive is one.
func TestUnimportTwoWays(t *testing.T) {
	n := newNode(t)
	path := n.archive("1.0.101")
	n.importAll(path)
	c := resultOf[protocol.ChangeResult](n, protocol.Request{Unimport: &protocol.UnimportRequest{Name: solutionName, Version: "1.0.101", Archives: []string{path}}})
	n.wantItems(c, "unimported 1.0.101.iso example-solution-1.0.101")
	n.wantArchives(c.State)
}

func TestUnimportOfDuplicates(t *testing.T) {
	n := newNode(t)
	first, other := n.archive("1.0.101"), n.archive("1.0.102")
	second := n.write("copy.iso", mustRead(t, first))
	configure := func(active string, archives ...string) {
		n.configure("apiVersion: metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + strings.Join(archives, ", ") + "]\nactive: {" + active + "}\n")
	}
	unimport := func(req protocol.UnimportRequest) protocol.Request { return protocol.Request{Unimport: &req} }
	configure("example-solution: 1.0.101", first, second, other)
	c := resultOf[protocol.ChangeResult](n, unimport(protocol.UnimportRequest{Archives: []string{second}}))
	n.wantItems(c, "unimported copy.iso example-solution-1.0.101")
	n.wantArchives(c.State, "1.0.101.iso example-solution-1.0.101", "1.0.102.iso example-solution-1.0.102")
	// By name and version, it is all of them.
	configure("", first, second, other)
	c = resultOf[protocol.ChangeResult](n, unimport(protocol.UnimportRequest{Name: solutionName, Version: "1.0.101"}))
	n.wantItems(c, "unimported 1.0.101.iso example-solution-1.0.101", "unimported copy.iso example-solution-1.0.101")
	n.wantArchives(c.State, "1.0.102.iso example-solution-1.0.102")
	// One that is listed twice is one.
	configure("example-solution: 1.0.101", first, first)
	n.refused(unimport(protocol.UnimportRequest{Archives: []string{first}}), protocol.ReasonInUse,
		"example-solution version 1.0.101 ($A/1.0.101.iso) is active", "first run: kubectl solution deactivate example-solution")
	configure("", first, first)
	c = resultOf[protocol.ChangeResult](n, unimport(protocol.UnimportRequest{Archives: []string{first}}))
	n.wantArchives(c.State)
	n.wantArchives(*n.list())
}
