// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// operators plans to tell the Operators that run of the versions that are
// imported. Only their configuration is changed: the version that runs, and with
// what rights, is for those who prepare the Environment.
func (in *SolutionsInput) operators(p *Plan, records map[string][]v1alpha1.SolutionRecord) {
	configs := map[string]map[string]string{}
	for _, o := range in.Cluster.Operators {
		if !in.isAbout(o.Solution) && !in.endpointChanges() {
			continue
		}
		data, known := configs[o.Solution]
		if !known {
			data = in.operatorConfig(o.Solution, records)
			configs[o.Solution] = data
		}
		if data == nil {
			continue // no version lists an image: it would refuse the configuration
		}
		in.tell(p, o, data)
	}
}

func (in *SolutionsInput) endpointChanges() bool {
	return in.Cluster.Catalog != nil && in.Cluster.Catalog.GetAnnotations()[v1alpha1.RegistryEndpointAnnotation] != in.Endpoint
}

// operatorConfig returns the configuration of a Solution's Operators, nil where
// there is none. It is the same in every namespace.
func (in *SolutionsInput) operatorConfig(name string, records map[string][]v1alpha1.SolutionRecord) map[string]string {
	config, err := operatorConfig(name, Versions(name, records[name]), in.Endpoint)
	if err != nil {
		return nil
	}
	encoded, err := config.Encode()
	if err != nil {
		return nil
	}
	return map[string]string{operatorConfigKey: string(encoded)}
}

func (in *SolutionsInput) tell(p *Plan, o Operator, data map[string]string) {
	digest := configDigest(data)
	scope := Scope{Solution: o.Solution, Namespace: o.Namespace}
	cm := Ref{Version: "v1", Kind: "ConfigMap", Namespace: o.Namespace, Name: operatorConfigName(o.Solution)}
	deployment := Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: o.Namespace, Name: operatorName(o.Solution)}
	if o.ConfigDigest == digest {
		p.change(Change{Action: None, Object: cm, Scope: scope, Stage: StageBinding})
	} else {
		u := cm.Object()
		u.SetAnnotations(map[string]string{v1alpha1.ConfigDigestAnnotation: digest})
		u.Object["data"] = map[string]any{operatorConfigKey: data[operatorConfigKey]}
		p.change(in.patch(u, scope, StageBinding))
	}
	if o.Digest == digest {
		p.change(Change{Action: None, Object: deployment, Scope: scope, Stage: StageWorkload})
		return
	}
	u := deployment.Object()
	u.SetAnnotations(map[string]string{v1alpha1.ConfigDigestAnnotation: digest})
	u.Object["spec"] = map[string]any{"template": map[string]any{"metadata": map[string]any{
		"annotations": map[string]any{v1alpha1.ConfigDigestAnnotation: digest},
	}}}
	p.change(in.patch(u, scope, StageWorkload))
}

// OperatorRefs returns the objects of Operators that are to be patched.
func (in *SolutionsInput) OperatorRefs() []Ref {
	p, probe := Plan{}, *in
	probe.operators(&p, in.records())
	var refs []Ref
	for _, c := range p.Changes {
		if c.Writes() {
			refs = append(refs, c.Object)
		}
	}
	return refs
}

// patch returns the change that sets the fields of u.
func (in *SolutionsInput) patch(u *unstructured.Unstructured, scope Scope, stage Stage) Change {
	c := Change{Action: Update, Object: RefOf(u), Scope: scope, Stage: stage, Method: Patch, Manifest: u, Live: u}
	var live map[string]any
	if in.OperatorObjects != nil {
		if o := in.OperatorObjects.Get(c.Object); o != nil {
			c.Live, live = o, o.Object
		}
	}
	for _, key := range []string{"metadata", "data", "spec"} {
		fields, _ := u.Object[key].(map[string]any)
		before, _ := live[key].(map[string]any)
		c.Fields = append(c.Fields, patchedFields([]string{key}, fields, before)...)
	}
	return c
}

// patchedFields returns in which fields a patch differs from what there is.
func patchedFields(path []string, fields, live map[string]any) []FieldChange {
	var changes []FieldChange
	for _, key := range sortedKeys(fields) {
		if len(path) == 1 && path[0] == "metadata" && key != "annotations" {
			continue // which object it is
		}
		inner, isMap := fields[key].(map[string]any)
		before, _ := live[key].(map[string]any)
		switch {
		case isMap:
			changes = append(changes, patchedFields(append(slices.Clone(path), key), inner, before)...)
		case !equal(fields[key], live[key]):
			changes = append(changes, FieldChange{Path: pathText(append(slices.Clone(path), key)), From: live[key], To: fields[key]})
		}
	}
	return changes
}
