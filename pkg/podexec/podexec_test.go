// SPDX-License-Identifier: Apache-2.0

package podexec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/podexec"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

func TestParse(t *testing.T) {
	for address, want := range map[string]struct {
		runner podexec.Runner
		text   string
	}{
		"pod://helper":                    {podexec.Runner{Namespace: "metalk8s-solutions", Name: "helper"}, "pod://metalk8s-solutions/helper"},
		"pod://kube-system/helper-node.1": {podexec.Runner{Namespace: "kube-system", Name: "helper-node.1"}, ""},
		"pod://ns/helper#main":            {podexec.Runner{Namespace: "ns", Name: "helper", Container: "main"}, ""},
		"pod://app=helper":                {podexec.Runner{Namespace: "metalk8s-solutions", Selector: "app=helper"}, "pod://metalk8s-solutions/app=helper"},
		"pod://ns/app=helper,!old#main":   {podexec.Runner{Namespace: "ns", Selector: "app=helper,!old", Container: "main"}, "pod://ns/app=helper,!old#main"},
		"pod://app.kubernetes.io/name=x":  {podexec.Runner{Namespace: "metalk8s-solutions", Selector: "app.kubernetes.io/name=x"}, "pod://metalk8s-solutions/app.kubernetes.io/name=x"},
		"pod://ns/a.io/name in (x, y)":    {podexec.Runner{Namespace: "ns", Selector: "a.io/name in (x,y)"}, "pod://ns/a.io/name in (x,y)"},
	} {
		got, err := podexec.Parse(address, nil)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		text := want.text
		if text == "" {
			text = address
		}
		if diff := cmp.Diff(want.runner, got); diff != "" || got.String() != text {
			t.Errorf("%s, as %s:\n%s", address, got, diff)
		}
		if again, err := podexec.Parse(got.String(), nil); err != nil || !cmp.Equal(again, got) {
			t.Errorf("%s: %+v, %v", got, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "-", "-n", "A", "a b", "a\nb", "a'b", `a"b`, "$(x)", "`x`", "a;b", "a|b", "a&b", "../x", "a/b/c", "a=b=c", "a in", "(", "é", "%2e", strings.Repeat("a", 300),
	} {
		for _, address := range []string{"pod://" + bad, "pod://ns/" + bad, "pod://" + bad + "/name", "pod://name#" + bad, "pod://ns/app=" + bad + "/"} {
			if r, err := podexec.Parse(address, nil); err == nil {
				t.Errorf("%q is %#v", address, r)
			} else if hint.Of(err) != remote.Forms || strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("%q: %v, hint %q", address, err, hint.Of(err))
			}
		}
	}
	if _, err := podexec.Parse("ssh://node", nil); err == nil {
		t.Error("ssh://node is a pod")
	}
}
