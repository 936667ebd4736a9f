// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// DefinitionAPIVersion is the only one in which Kubernetes 1.22 and later take
// CustomResourceDefinitions.
const DefinitionAPIVersion = "apiextensions.k8s.io/v1"

const definitionKind = "CustomResourceDefinition"

// Definitions returns the CustomResourceDefinitions among documents, as they
// are deployed for a version of a Solution.
func Definitions(c *v1alpha1.Content, documents []map[string]any) ([]*unstructured.Unstructured, error) {
	var definitions []*unstructured.Unstructured
	for _, document := range documents {
		if document["kind"] != definitionKind {
			continue
		}
		u := (&unstructured.Unstructured{Object: document}).DeepCopy()
		if u.GetAPIVersion() != DefinitionAPIVersion {
			return nil, fmt.Errorf("CustomResourceDefinition %s of %s is %s: Kubernetes 1.22 and later need %s", u.GetName(), c.ID, u.GetAPIVersion(), DefinitionAPIVersion)
		}
		prepareDefinition(c, u)
		definitions = append(definitions, u)
	}
	return definitions, nil
}

func prepareDefinition(c *v1alpha1.Content, u *unstructured.Unstructured) {
	unstructured.RemoveNestedField(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	labels, annotations := u.GetLabels(), u.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	labels[v1alpha1.ManagedByLabel] = v1alpha1.FieldManager
	labels[v1alpha1.PartOfLabel] = c.Name
	labels[v1alpha1.VersionLabel] = v1alpha1.VersionLabelValue(c.Version)
	if digest := definitionDigest(c, u.GetName()); digest != "" {
		annotations[v1alpha1.DefinitionDigestAnnotation] = digest
	}
	u.SetLabels(labels)
	u.SetAnnotations(annotations)
	bundle, found, _ := unstructured.NestedString(u.Object, caBundlePath...)
	if found && v1alpha1.IsPlaceholderCABundle(bundle) {
		unstructured.RemoveNestedField(u.Object, caBundlePath...)
	}
}

// definitionDigest returns the digest that a version's content records of a
// definition, "" where it does not.
func definitionDigest(c *v1alpha1.Content, name string) string {
	for _, crd := range c.CRDs {
		if crd.Name == name {
			return crd.Digest
		}
	}
	return ""
}

// isWebhook reports whether a definition converts by a webhook.
func isWebhook(definition *unstructured.Unstructured) bool {
	strategy, _, _ := unstructured.NestedString(definition.Object, "spec", "conversion", "strategy")
	return strategy == "Webhook"
}

// servedVersions returns the versions of the API that a definition serves.
func servedVersions(definition *unstructured.Unstructured) []string {
	if definition == nil {
		return nil
	}
	list, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	var names []string
	for _, item := range list {
		if version, ok := item.(map[string]any); ok {
			name, _ := version["name"].(string)
			if served, _ := version["served"].(bool); served {
				names = append(names, name)
			}
		}
	}
	return names
}

// LiveDefinition is a CustomResourceDefinition that was deployed for a Solution:
// its metadata.
type LiveDefinition struct {
	Name     string
	Solution string
	// Digest is the one of the document that was applied, "" where it is not
	// known.
	Digest      string
	UID         types.UID
	Terminating bool
}

// definitionPlan plans the definitions of Solutions.
type definitionPlan struct {
	p  *Plan
	in *SolutionsInput
}

// wantDefinitions plans the definitions of an active version.
func (d definitionPlan) wantDefinitions(c *v1alpha1.Content) {
	key := VersionKey{c.Name, c.Version}
	documents, read := d.in.Documents[key]
	scope := Scope{Solution: c.Name}
	if !read { // what is deployed is known to be this, by its digest
		for _, crd := range c.CRDs {
			d.p.change(Change{Action: None, Object: DefinitionRef(crd.Name), Scope: scope, Stage: StageDefinition})
		}
		return
	}
	for _, u := range documents {
		d.wantDefinition(c, u, scope)
	}
}

func (d definitionPlan) wantDefinition(c *v1alpha1.Content, u *unstructured.Unstructured, scope Scope) {
	before := len(d.p.Changes)
	wanted := Wanted{Object: u, Scope: scope, Stage: StageDefinition, Wait: WaitServed, Owner: c.Name}
	d.p.want(wanted, d.in.Definitions, d.in.Options)
	if len(d.p.Changes) == before {
		return // refused
	}
	change := &d.p.Changes[before]
	if change.Action == None {
		change.Wait = WaitNothing
	}
	live := change.Live
	if live != nil && isWebhook(live) && !isWebhook(u) {
		// The certificate that an injector has filled in would stay, and
		// make the definition invalid.
		change.Unset = append(change.Unset, []string{"spec", "conversion", "webhook"})
	}
	note := DefinitionChange{
		Name: u.GetName(), Solution: c.Name, Action: change.Action,
		From: servedVersions(live), To: servedVersions(u), Objects: -1, Findings: d.in.Findings[u.GetName()],
	}
	if objects, counted := d.in.Objects[u.GetName()]; counted {
		note.Objects = len(objects)
	}
	if change.Action != None {
		d.p.Definitions = append(d.p.Definitions, note)
		d.judge(note, scope)
	}
}

// judge refuses what a change of a definition would lose, unless it is accepted.
func (d definitionPlan) judge(note DefinitionChange, scope Scope) {
	r := DefinitionRef(note.Name)
	for _, f := range note.Findings {
		message := fmt.Sprintf("CustomResourceDefinition %s: %s", note.Name, f.Message)
		if f.Count > 0 {
			message += fmt.Sprintf(" (%s)", enumerate(f.Objects, f.Count))
		}
		accepted, flag := d.in.Options.AcceptLoss, "--accept-crd-loss "+note.Name
		if f.Kind == Risk {
			accepted, flag = d.in.Options.AcceptRisk, "--accept-crd-risk "+note.Name
		}
		switch {
		case f.Kind == Notice:
			d.p.Warnings = append(d.p.Warnings, message)
		case f.Kind == Impossible:
			d.p.refuse(scope, r, message, "activate a version whose definition has it")
		case slices.Contains(accepted, note.Name):
			d.p.Warnings = append(d.p.Warnings, message)
		default:
			d.p.refuse(scope, r, message, "to accept this: "+flag)
		}
	}
}

// enumerate lists the first few of names, of so many.
func enumerate(names []string, count int) string {
	const most = 5
	if len(names) > most {
		names = names[:most]
	}
	text := strings.Join(names, ", ")
	if rest := count - len(names); rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

// DefinitionRef names a CustomResourceDefinition.
func DefinitionRef(name string) Ref {
	return Ref{Group: "apiextensions.k8s.io", Version: "v1", Kind: definitionKind, Name: name}
}

// dropDefinitions plans what becomes of the definitions of a Solution that its
// active version, if it has one, does not have.
func (d definitionPlan) dropDefinitions(name string, active map[string]*v1alpha1.Content) {
	for _, live := range d.in.Cluster.Definitions {
		if live.Solution != name || isWanted(live.Name, active) {
			continue
		}
		d.dropDefinition(live, active[name] != nil)
	}
}

// isWanted reports whether any active version has a definition: another
// Solution's may be about to take it over.
func isWanted(definition string, active map[string]*v1alpha1.Content) bool {
	for _, c := range active {
		if hasDefinition(c, definition) {
			return true
		}
	}
	return false
}

// dropDefinition deletes a definition that the active version lacks. It stays
// while an Environment runs a version that has it, or objects of it exist,
// unless the Solution is deactivated: then the user is asked.
func (d definitionPlan) dropDefinition(live LiveDefinition, isActive bool) {
	scope := Scope{Solution: live.Solution}
	r := DefinitionRef(live.Name)
	needed := d.neededBy(live)
	objects := d.in.Objects[live.Name]
	switch {
	case live.Terminating:
		if !d.in.deactivates(live.Solution) {
			return // as told when it was deleted
		}
	case !isActive && !d.in.deactivates(live.Solution):
		d.p.Destroys = append(d.p.Destroys, fmt.Sprintf("the bootstrap node does not list Solution %s as active any more: CustomResourceDefinition %s would be deleted",
			live.Solution, live.Name))
	case isActive && len(needed) > 0:
		d.keep(r, scope, "needed by "+strings.Join(needed, ", "))
		return
	case isActive && len(objects) > 0:
		d.keep(r, scope, "has "+count(len(objects), "custom resource")+": "+enumerate(objects, len(objects)))
		return
	}
	if len(objects) > 0 {
		d.p.Destroys = append(d.p.Destroys, fmt.Sprintf("deleting CustomResourceDefinition %s deletes %s and everything %s: %s",
			live.Name, count(len(objects), "custom resource"), owned(len(objects)), enumerate(objects, len(objects))))
	}
	if len(needed) > 0 && !live.Terminating && d.in.deactivates(live.Solution) {
		d.p.Destroys = append(d.p.Destroys, fmt.Sprintf("CustomResourceDefinition %s is needed by %s", live.Name, strings.Join(needed, ", ")))
	}
	u := r.Object()
	u.SetUID(live.UID)
	d.p.change(Change{Action: Delete, Object: r, Scope: scope, Stage: StageDefinitionDelete, Wait: WaitGone, Live: u})
	d.p.Definitions = append(d.p.Definitions, DefinitionChange{Name: live.Name, Solution: live.Solution, Action: Delete, Objects: len(objects)})
}

func (d definitionPlan) keep(r Ref, scope Scope, reason string) {
	d.p.change(Change{Action: Keep, Object: r, Scope: scope, Stage: StageDefinitionDelete, Reason: reason})
}

// neededBy returns the Environments that run a version which has a definition.
func (d definitionPlan) neededBy(live LiveDefinition) []string {
	var names []string
	for _, use := range d.in.Cluster.Uses {
		if use.Solution != live.Solution || use.Namespace == "" {
			continue
		}
		content := d.in.content(use.Solution, use.Version)
		text := fmt.Sprintf("Environment %s, which runs %s %s", use.Environment, use.Solution, use.Version)
		if (content == nil || hasDefinition(content, live.Name)) && !slices.Contains(names, text) {
			names = append(names, text)
		}
	}
	return names
}

// NeedsServed reports whether an Environment runs another version than the one
// of key, which serves a version of a definition.
func (in *SolutionsInput) NeedsServed(key VersionKey, definition, version string) bool {
	return slices.ContainsFunc(in.Cluster.Uses, func(u Use) bool {
		c := in.content(u.Solution, u.Version)
		return u.Solution == key.Name && u.Version != key.Version && c != nil && slices.ContainsFunc(c.CRDs, func(crd v1alpha1.CRD) bool {
			return crd.Name == definition && (slices.Contains(crd.Served, version) || len(crd.Served) == 0 && slices.Contains(crd.Versions, version))
		})
	})
}

func hasDefinition(c *v1alpha1.Content, name string) bool {
	return slices.ContainsFunc(c.CRDs, func(crd v1alpha1.CRD) bool { return crd.Name == name })
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// owned says whose what n objects own is.
func owned(n int) string {
	if n == 1 {
		return "it owns"
	}
	return "they own"
}

// mergePatch returns a JSON merge patch that removes fields.
func mergePatch(paths [][]string) map[string]any {
	patch := map[string]any{}
	for _, path := range paths {
		m := patch
		for _, part := range path[:len(path)-1] {
			child, ok := m[part].(map[string]any)
			if !ok {
				child = map[string]any{}
				m[part] = child
			}
			m = child
		}
		m[path[len(path)-1]] = nil
	}
	return patch
}

// UnsetPatch returns the JSON merge patch that removes Change.Unset. A
// conversion without its webhook has no strategy that needs one.
func (c *Change) UnsetPatch() ([]byte, error) {
	patch := mergePatch(c.Unset)
	if c.Object.Kind == definitionKind {
		if err := unstructured.SetNestedField(patch, "None", "spec", "conversion", "strategy"); err != nil {
			return nil, err
		}
	}
	return json.Marshal(patch)
}
