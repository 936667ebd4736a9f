// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// Options are what the user has decided on purpose.
type Options struct {
	// Adopt are objects to be taken over from their owner.
	Adopt []AdoptTarget
	// AcceptLoss are CustomResourceDefinitions that may lose data or versions.
	AcceptLoss []string
	// AcceptRisk are CustomResourceDefinitions that may send objects elsewhere
	// for conversion, or are in an API group of Kubernetes.
	AcceptRisk []string
}

func (o Options) adopts(r Ref) bool {
	return slices.ContainsFunc(o.Adopt, func(t AdoptTarget) bool { return t.matches(r) })
}

// AdoptTarget is an object that the user names as KIND/NAME or KIND.GROUP/NAME.
type AdoptTarget struct{ kind, group, name string }

// shortNames are kubectl's, for the kinds that are deployed.
var shortNames = map[string]string{
	"cm": "configmap", "crd": "customresourcedefinition", "deploy": "deployment", "ing": "ingress",
	"ns": "namespace", "sa": "serviceaccount", "svc": "service", "ingresses": "ingress",
}

// ParseAdoptTarget reads KIND/NAME.
func ParseAdoptTarget(text string) (AdoptTarget, error) {
	kind, name, found := strings.Cut(text, "/")
	if !found || kind == "" || name == "" {
		return AdoptTarget{}, fmt.Errorf("invalid object %q: must be KIND/NAME, as in deployment/storage-ui", text)
	}
	kind, group, _ := strings.Cut(strings.ToLower(kind), ".")
	if long, known := shortNames[kind]; known {
		kind = long
	}
	return AdoptTarget{kind: strings.TrimSuffix(kind, "s"), group: group, name: name}, nil
}

func (t AdoptTarget) matches(r Ref) bool {
	kind := strings.TrimSuffix(strings.ToLower(r.Kind), "s")
	return t.kind == kind && t.name == r.Name && (t.group == "" || t.group == r.Group)
}

// want adds to the plan what makes a live object as wanted, or why that is
// refused.
func (p *Plan) want(w Wanted, live *Live, options Options) {
	c := Change{
		Action: Create, Object: RefOf(w.Object), Scope: w.Scope, Stage: w.Stage, Wait: w.Wait,
		Method: Apply, Manifest: w.Object, Live: live.Get(RefOf(w.Object)),
	}
	if owner := p.wantedBy(c.Object); owner != "" && owner != w.Owner {
		p.refuse(w.Scope, c.Object, c.Object.Describe()+" is deployed for Solution "+owner, "")
		return
	}
	if c.Live == nil {
		p.change(c)
		return
	}
	if c.Live.GetDeletionTimestamp() != nil {
		p.refuse(w.Scope, c.Object, c.Object.Describe()+" is being deleted", waitRemedy(c.Object))
		return
	}
	claim := ClaimOf(c.Live, w.Owner)
	if claim == Foreign {
		if message, remedy := refuseForeign(c.Live, w, options); message != "" {
			p.refuse(w.Scope, c.Object, message, remedy)
			return
		}
		c.Adopted = OwnerName(c.Live)
	}
	if field := immutableDiffers(w.Object, c.Live); field != "" {
		c.Action = Replace
		c.Reason = field + " differs, and is immutable"
		p.change(c)
		return
	}
	if claim == Foreign && hasMore(w.Object, c.Live) {
		c.Action = Replace
		c.Reason = "its pods have containers or volumes of its owner, which would stay"
		p.change(c)
		return
	}
	if conflicts := c.compare(w, claim, options.adopts(c.Object)); len(conflicts) > 0 {
		p.refuse(w.Scope, c.Object, c.Object.Describe()+": "+strings.Join(conflicts, "; "),
			fmt.Sprintf("to overwrite: --adopt %s/%s", strings.ToLower(c.Object.Kind), c.Object.Name))
		return
	}
	p.change(c)
}

// waitRemedy returns the command that waits until an object is gone.
func waitRemedy(r Ref) string {
	remedy := "wait until it is gone: kubectl wait --for=delete " + r.String()
	if r.Namespace != "" {
		remedy += " --namespace " + r.Namespace
	}
	return remedy
}

// refuseForeign says why an object of someone else is not written, "" where it
// is to be taken over.
func refuseForeign(live *unstructured.Unstructured, w Wanted, options Options) (message, remedy string) {
	r := RefOf(live)
	owner := OwnerName(live)
	message = fmt.Sprintf("%s exists, and belongs to %s", r.Describe(), owner)
	kind := strings.ToLower(r.Kind)
	field := immutableDiffers(w.Object, live)
	switch {
	case isKubernetesOwn(live):
		return message, "no command changes it: ask the vendor to rename the role in the archive"
	case field != "":
		namespace := ""
		if r.Namespace != "" {
			namespace = " --namespace " + r.Namespace
		}
		return message + "; its " + field + " is immutable, so it cannot be taken over",
			fmt.Sprintf("if nobody needs it, delete it: kubectl delete %s %s%s", kind, r.Name, namespace)
	case options.adopts(r):
		return "", ""
	}
	return message, fmt.Sprintf("to take it over: --adopt %s/%s", kind, r.Name)
}

// immutableDiffers returns the field that differs and cannot be changed, "" for
// none.
func immutableDiffers(wanted, live *unstructured.Unstructured) string {
	var path []string
	isImmutable, _ := live.Object["immutable"].(bool)
	switch {
	case isImmutable:
		path = []string{"data"}
	case wanted.GetKind() == "Deployment":
		path = []string{"spec", "selector"}
	case wanted.GetKind() == bindingKind:
		path = []string{"roleRef"}
	default:
		return ""
	}
	w, _, _ := unstructured.NestedFieldNoCopy(wanted.Object, path...)
	l, _, _ := unstructured.NestedFieldNoCopy(live.Object, path...)
	if equal(w, l) {
		return ""
	}
	return pathText(path)
}

// hasMore reports whether the pods of a live Deployment have containers or volumes
// besides those that are wanted.
func hasMore(wanted, live *unstructured.Unstructured) bool {
	if wanted.GetKind() != "Deployment" {
		return false
	}
	return slices.ContainsFunc([]string{"containers", "initContainers", "volumes"}, func(field string) bool {
		w, _, _ := unstructured.NestedSlice(wanted.Object, "spec", "template", "spec", field)
		l, _, _ := unstructured.NestedSlice(live.Object, "spec", "template", "spec", field)
		return slices.ContainsFunc(l, func(item any) bool {
			name := itemName(item, []string{"name"})
			return !slices.ContainsFunc(w, func(other any) bool { return itemName(other, []string{"name"}) == name })
		})
	})
}

// compare decides whether a live object has to be updated, in which fields, and
// which of them stay as someone else has set them. It returns fields that others
// have set and that may not be overwritten: none where the object is to be taken
// over.
func (c *Change) compare(w Wanted, claim Claim, adopted bool) (conflicts []string) {
	c.Action, c.Method = None, ""
	older := olderManagers(c.Live, claim)
	for _, d := range differences(w.Object, c.Live) {
		var all []string
		if _, isMap := d.to.(map[string]any); !isMap || d.from != nil { // the fields of a missing map are nobody's
			all = owners(c.Live, d.path, d.from == nil)
		}
		others := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(older, name) })
		switch {
		case d.to != nil && isTheirs(c.Object, d.path, claim) && (len(others) > 0 || d.from != nil && !isOurs(c.Live, d.path)):
			// Scaling to 0 leaves replicas without an owner.
			c.Kept = append(c.Kept, KeptField{Path: pathText(d.path), Manager: strings.Join(append(others, "someone else")[:1], ""), Value: d.from})
			c.Manifest = without(c.Manifest, d.path)
			continue
		case len(others) > 0 && d.to != nil && !adopted && !isOwnAnnotation(d.path):
			conflicts = append(conflicts, fmt.Sprintf("field %s is %s, set by %s", pathText(d.path), abbreviate(d.from), strings.Join(others, ", ")))
			continue
		}
		c.Fields = append(c.Fields, FieldChange{Path: pathText(d.path), From: d.from, To: d.to})
		c.Force = c.Force || claim != Ours || len(others) < len(all) || len(others) > 0 && (adopted || isOwnAnnotation(d.path)) || hasUpdated(c.Live, d.path)
	}
	if len(c.Fields) > 0 {
		c.Action, c.Method = Update, Apply
	}
	return conflicts
}

// isOwnAnnotation reports whether a field is an annotation of this project, which
// nobody else has a say in.
func isOwnAnnotation(path []string) bool {
	return len(path) == 3 && path[0] == "metadata" && path[1] == "annotations" && strings.HasPrefix(path[2], v1alpha1.Group+"/")
}

// isTheirs reports whether a field is one that others rightly set: the number
// of replicas, the certificate of a conversion webhook that an injector fills
// in, rules that the cluster aggregates.
func isTheirs(r Ref, path []string, claim Claim) bool {
	switch {
	case r.Kind == "Deployment":
		return slices.Equal(path, []string{"spec", "replicas"}) && claim != Foreign
	case r.Kind == definitionKind:
		return slices.Equal(path, caBundlePath)
	}
	return false
}

var caBundlePath = []string{"spec", "conversion", "webhook", "clientConfig", "caBundle"}

// olderManagers returns the field managers of the older tooling: those that set
// its labels. Of what was taken over from it they own fields, and two of the
// labels, for good.
func olderManagers(live *unstructured.Unstructured, claim Claim) []string {
	marks := []string{olderVersionLabel}
	if live.GetLabels()[heritageLabel] == olderManager {
		marks = append(marks, heritageLabel)
	}
	switch claim {
	case Older:
		marks = append(marks, v1alpha1.ManagedByLabel)
	case Foreign:
		return nil
	}
	var names []string
	for _, label := range marks {
		names = append(names, owners(live, []string{"metadata", "labels", label}, false)...)
	}
	return names
}

// isOurs reports whether this project owns a field.
func isOurs(live *unstructured.Unstructured, path []string) bool {
	return slices.ContainsFunc(managedFields(live), func(m managed) bool {
		return m.manager == v1alpha1.FieldManager && m.fields.owns(live.Object, path)
	})
}

// hasUpdated reports whether this project has set a field by something else
// than server-side apply, which counts as another manager.
func hasUpdated(live *unstructured.Unstructured, path []string) bool {
	return slices.ContainsFunc(managedFields(live), func(m managed) bool {
		return m.manager == v1alpha1.FieldManager && m.operation != "Apply" && m.fields.owns(live.Object, path)
	})
}

// without returns a copy of an object without a field.
func without(u *unstructured.Unstructured, path []string) *unstructured.Unstructured {
	u = u.DeepCopy()
	unstructured.RemoveNestedField(u.Object, path...)
	return u
}

// abbreviate writes a value for a message.
func abbreviate(v any) string {
	const most = 60
	text := []rune(compact(v))
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}

// remove adds the deletion of a live object to the plan. One that is not the
// Solution's, or is being deleted already, is left.
func (p *Plan) remove(live *unstructured.Unstructured, owner string, scope Scope, reason string) {
	if ClaimOf(live, owner) == Foreign || live.GetDeletionTimestamp() != nil {
		return
	}
	r := RefOf(live)
	p.change(Change{Action: Delete, Object: r, Scope: scope, Stage: StageCleanup + Stage(1+deletionRank(r)), Reason: reason, Live: live})
}
