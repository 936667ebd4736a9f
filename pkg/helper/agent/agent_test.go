// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

const solutionName = "example-solution"

func TestListOfNothing(t *testing.T) {
	n := newNode(t)
	want := &protocol.NodeState{ConfigurationPath: n.root + "/etc/metalk8s/solutions.yaml", Endpoint: "registry:5000", Archives: []protocol.ArchiveState{}}
	if diff := cmp.Diff(want, n.list()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	n.nothingLeft()
}

func TestBadConfiguration(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	n.configure("apiVersion: v1\nkind: SolutionsConfiguration\n")
	const want = `reading $R/etc/metalk8s/solutions.yaml:1: apiVersion is "v1", and must be "solutions.metalk8s.scality.com/v1alpha1"`
	for name, req := range map[string]protocol.Request{
		"list":       {List: &protocol.ListRequest{}},
		"import":     {Import: &protocol.ImportRequest{Archives: []string{iso}}},
		"unimport":   {Unimport: &protocol.UnimportRequest{Archives: []string{iso}}},
		"activate":   {Activate: &protocol.ActivateRequest{Name: solutionName}},
		"deactivate": {Deactivate: &protocol.DeactivateRequest{Name: solutionName}},
	} {
		t.Run(name, func(t *testing.T) { n.t = t; n.refused(req, protocol.ReasonInvalid, want, "") })
	}
}

func TestCheck(t *testing.T) {
	n := newNode(t)
	good, damaged := n.archive("1.0.101"), n.damaged("1.0.102")
	for _, structure := range []bool{true, false} {
		r := resultOf[protocol.CheckResult](n, protocol.Request{Check: &protocol.CheckRequest{Archives: []string{good, damaged}, Structure: structure}})
		if len(r.Archives) != 2 || r.Archives[0].Content.Version != "1.0.101" || !r.Archives[0].Report.OK() || r.Archives[0].Report.Archive != good {
			t.Fatalf("structure %t: %+v", structure, r)
		}
		// Only who reads the blobs finds the damage.
		if r.Archives[1].Content.Version != "1.0.102" || r.Archives[1].Report.OK() != structure {
			t.Errorf("structure %t: %+v", structure, r.Archives[1].Report)
		}
	}
	n.refused(protocol.Request{Check: &protocol.CheckRequest{Archives: []string{good, n.archives + "/none.iso"}}}, protocol.ReasonInvalid, "opening $A/none.iso: no such file or directory", "")
	n.refused(protocol.Request{Check: &protocol.CheckRequest{Archives: []string{"none.iso"}}}, protocol.ReasonBadRequest, `archive "none.iso": the path on the bootstrap node must be absolute`, "")
	n.nothingLeft()
}

func TestConfigurationRequest(t *testing.T) {
	n := newNode(t)
	if got := resultOf[config.Configuration](n, protocol.Request{Configuration: &protocol.ConfigurationRequest{}}); !cmp.Equal(*got, n.agent().Configuration) {
		t.Errorf("%+v", got)
	}
}

func TestActivate(t *testing.T) {
	n := newNode(t)
	n.importAll(n.archive("1.0.109"), n.archive("1.0.110"))
	for _, tt := range []struct {
		version, action, id, active string
	}{
		{"1.0.109", "activated", "1.0.109", "1.0.109"},
		{"1.0.109", "unchanged", "1.0.109", "1.0.109"},
		{"latest", "activated", "1.0.110", "1.0.110"},
		{"", "unchanged", "1.0.110", "1.0.110"},
		{"1.0.110", "activated", "1.0.110", "1.0.110"}, // from latest to this one
		{"1.0.109", "activated", "1.0.109", "1.0.109"},
	} {
		c := n.activate(tt.version)
		n.wantItems(c, tt.action+" example-solution example-solution-"+tt.id)
		if want := map[string]string{solutionName: tt.active}; !maps.Equal(c.State.Active, want) || !maps.Equal(n.list().Active, want) {
			t.Errorf("activate %q: active %v, want %v", tt.version, c.State.Active, want)
		}
	}
	activate := func(name, version string) protocol.Request {
		return protocol.Request{Activate: &protocol.ActivateRequest{Name: name, Version: version}}
	}
	n.refused(activate("none", "latest"), protocol.ReasonNotFound, `solution "none" is not imported`, "kubectl solution get lists what is; kubectl solution import ARCHIVE adds to it")
	n.refused(activate(solutionName, "1.0.111"), protocol.ReasonNotFound, "version 1.0.111 of Solution example-solution is not imported", "imported versions are: 1.0.109, 1.0.110")
}

func TestLatestFollowsImports(t *testing.T) {
	n := newNode(t)
	n.importAll(n.archive("1.0.109"))
	n.activate("latest")
	c := n.importAll(n.archive("1.0.110"), n.archive("1.0.1-a"))
	if c.State.Active[solutionName] != "1.0.110" || !slices.Equal(c.State.Latest, []string{solutionName}) {
		t.Errorf("active %v, latest %q", c.State.Active, c.State.Latest)
	}
	if !strings.Contains(n.configuration(), "example-solution: latest\n") {
		t.Errorf("configuration\n%s", n.configuration())
	}
}

func TestDeactivate(t *testing.T) {
	n := newNode(t)
	deactivate := func(name string) protocol.Request {
		return protocol.Request{Deactivate: &protocol.DeactivateRequest{Name: name}}
	}
	n.refused(deactivate(solutionName), protocol.ReasonNotFound, `solution "example-solution" is not imported`, "kubectl solution get lists what is")
	iso := n.archive("1.0.101")
	n.importAll(iso)
	n.wantItems(resultOf[protocol.ChangeResult](n, deactivate(solutionName)), "unchanged example-solution")
	n.activate("latest")
	c := resultOf[protocol.ChangeResult](n, deactivate(solutionName))
	n.wantItems(c, "deactivated example-solution")
	if len(c.State.Active) != 0 || strings.Contains(n.configuration(), solutionName+":") {
		t.Errorf("%+v\n%s", c.State.Active, n.configuration())
	}
	// Also where the archive is gone.
	n.activate("1.0.101")
	if err := os.Remove(iso); err != nil {
		t.Fatal(err)
	}
	n.wantItems(resultOf[protocol.ChangeResult](n, deactivate(solutionName)), "deactivated example-solution")
}
