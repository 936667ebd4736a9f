// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Plan is everything that a command will do, before it does anything: on the
// bootstrap node and in the cluster. The command line and the page show this
// value, a confirmation is about it, and package apply carries it out.
type Plan struct {
	// Node is what changes on the bootstrap node, in order. It happens before
	// everything else.
	Node []NodeChange `json:"node,omitempty"`
	// Changes are those of the cluster, in the order in which they are made.
	Changes []Change `json:"changes"`
	// Rights are what each Operator gains and loses.
	Rights []RightsChange `json:"rights,omitempty"`
	// Definitions are what happens to CustomResourceDefinitions.
	Definitions []DefinitionChange `json:"definitions,omitempty"`
	// Images are those that nodes can pull once this is done.
	Images []ImageTotal `json:"images,omitempty"`
	// Destroys says what is lost for good; it takes a confirmation.
	Destroys []string `json:"destroys,omitempty"`
	// Refusals are why a part of the plan is not carried out.
	Refusals []Refusal `json:"refusals,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
}

// Action is what happens to an object.
type Action string

// Actions.
const (
	// Create makes an object that does not exist.
	Create Action = "create"
	// Update changes fields of an object.
	Update Action = "update"
	// Replace deletes an object and creates it again, because a field that
	// differs is immutable.
	Replace Action = "replace"
	// Delete removes an object.
	Delete Action = "delete"
	// Keep leaves an object that is no longer wanted; Change.Reason says why.
	Keep Action = "keep"
	// None leaves an object that is as it should be.
	None Action = "none"
)

// Method is how an object is written.
type Method string

// Methods.
const (
	// Apply is server-side apply.
	Apply Method = "apply"
	// Put writes the whole object; it fails where someone else has written
	// since Change.Manifest's resourceVersion.
	Put Method = "put"
	// Patch is a JSON merge patch of the fields in Change.Manifest.
	Patch Method = "patch"
)

// Change is what happens to one object of the cluster.
type Change struct {
	Action Action `json:"action"`
	Object Ref    `json:"object"`
	// Scope is what the change is a part of: when it fails, what follows of the
	// same scope is left out, and the rest goes on.
	Scope Scope `json:"scope,omitzero"`
	// Fields are those that an Update changes.
	Fields []FieldChange `json:"fields,omitempty"`
	// Kept are fields that someone else has set and that stay as they are.
	Kept []KeptField `json:"kept,omitempty"`
	// Reason says why an object is kept, replaced or taken over.
	Reason string `json:"reason,omitempty"`
	// Adopted is the owner that an object is taken over from, "" for none.
	Adopted string `json:"adopted,omitempty"`
	// Method is how Manifest is sent.
	Method Method `json:"method,omitempty"`
	// Force takes fields over from the older tooling, or from the owner in
	// Adopted.
	Force bool `json:"force,omitempty"`
	// Manifest is what is sent.
	Manifest *unstructured.Unstructured `json:"manifest,omitempty"`

	// Stage orders changes: a later stage begins when the earlier is done.
	Stage Stage `json:"-"`
	// Unset are fields that are removed first, whoever owns them.
	Unset [][]string `json:"-"`
	// Wait is what is waited for after the stage.
	Wait Wait `json:"-"`
	// Live is the object as it was read, nil where it does not exist.
	Live *unstructured.Unstructured `json:"-"`
}

// Stage is a step of carrying a plan out.
type Stage int

// Stages, in order. Deletions come in an order of their own, after Cleanup.
const (
	StageNamespace Stage = iota
	StageRecord          // records of imported versions; what an Environment wants
	StageRights          // ServiceAccounts, Roles, ClusterRoles
	StageDefinition
	StageDefinitionDelete
	StageCatalog
	StageBinding // RoleBindings, ConfigMaps
	StageWorkload
	StageCleanup
)

// Wait is what is waited for once a change is made.
type Wait int

// Waits.
const (
	WaitNothing Wait = iota
	// WaitServed waits until a CustomResourceDefinition is served.
	WaitServed
	// WaitGone waits until a deleted object is gone.
	WaitGone
)

// Ref names an object.
type Ref struct {
	Group     string `json:"group,omitempty"`
	Version   string `json:"version,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// RefOf returns the Ref of an object.
func RefOf(u *unstructured.Unstructured) Ref {
	gvk := u.GroupVersionKind()
	return Ref{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Namespace: u.GetNamespace(), Name: u.GetName()}
}

// GroupVersionKind returns the kind of the object.
func (r Ref) GroupVersionKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}
}

// String returns the object as kubectl prints it: <kind>.<group>/<name>.
func (r Ref) String() string {
	kind := strings.ToLower(r.Kind)
	if r.Group != "" {
		kind += "." + r.Group
	}
	return kind + "/" + r.Name
}

// Describe returns the object with its namespace, for a message.
func (r Ref) Describe() string {
	if r.Namespace == "" {
		return r.String()
	}
	return r.String() + " in namespace " + r.Namespace
}

// key tells objects apart: the version of the API is only a way to look at one.
func (r Ref) key() Ref { r.Version = ""; return r }

// Object returns an object of that identity and nothing else.
func (r Ref) Object() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(r.GroupVersionKind())
	u.SetNamespace(r.Namespace)
	u.SetName(r.Name)
	return u
}

// Scope is a part of a plan that succeeds or fails on its own.
type Scope struct {
	Solution  string `json:"solution,omitempty"`
	Namespace string `json:"namespace,omitempty"`
}

// String names the scope, "" for the whole plan.
func (s Scope) String() string {
	switch {
	case s.Solution != "" && s.Namespace != "":
		return "Solution " + s.Solution + " in namespace " + s.Namespace
	case s.Solution != "":
		return "Solution " + s.Solution
	case s.Namespace != "":
		return "namespace " + s.Namespace
	}
	return ""
}

// NodeChange is what happens to one archive or Solution on the bootstrap node.
type NodeChange struct {
	// Subject is the path of an archive, or the name of a Solution.
	Subject string `json:"subject"`
	// ID is that of the version concerned, "" where it is not known.
	ID string `json:"id,omitempty"`
	// Action is "imported", "activated", … or "unchanged".
	Action   string   `json:"action"`
	Warnings []string `json:"warnings,omitempty"`
}

// isEdit reports whether something is done to the configuration. Mounts follow.
func (c NodeChange) isEdit() bool { return c.Action != "mounted" && c.Action != "unmounted" }

// FieldChange is a field that changes. From is absent for a field that is added,
// To for one that is removed.
type FieldChange struct {
	Path string `json:"path"`
	From any    `json:"from,omitempty"`
	To   any    `json:"to,omitempty"`
}

// KeptField is a field that someone else has set to another value than the one
// that would be applied.
type KeptField struct {
	Path    string `json:"path"`
	Manager string `json:"manager"`
	Value   any    `json:"value,omitempty"`
}

// RightsChange is what the Operator of a Solution gains and loses in a
// namespace: rules in a short form.
type RightsChange struct {
	Solution  string   `json:"solution"`
	Namespace string   `json:"namespace"`
	Gains     []string `json:"gains,omitempty"`
	Loses     []string `json:"loses,omitempty"`
	// Dangerous are those of its rights that deserve a second look.
	Dangerous []string `json:"dangerous,omitempty"`
}

// DefinitionChange is what happens to a CustomResourceDefinition.
type DefinitionChange struct {
	Name     string `json:"name"`
	Solution string `json:"solution"`
	Action   Action `json:"action"`
	// From and To are the versions of the API that it serves.
	From []string `json:"from,omitempty"`
	To   []string `json:"to,omitempty"`
	// Objects is how many custom resources there are, -1 where nobody counted.
	Objects int `json:"objects"`
	// Findings are what breaks, or is lost.
	Findings []Finding `json:"findings,omitempty"`
}

// FindingKind is what a Finding means for the change.
type FindingKind string

// Kinds of findings.
const (
	// Loss takes something from objects or clients that exist.
	Loss FindingKind = "loss"
	// Risk lets the definition do something that an administrator should know.
	Risk FindingKind = "risk"
	// Notice is worth a warning.
	Notice FindingKind = "notice"
	// Impossible is what the API server refuses anyway.
	Impossible FindingKind = "impossible"
)

// Finding is one thing that a change of a CustomResourceDefinition breaks.
type Finding struct {
	Kind    FindingKind `json:"kind"`
	Message string      `json:"message"`
	// Objects are some of those that it is about; Count is how many there are.
	Objects []string `json:"objects,omitempty"`
	Count   int      `json:"count,omitempty"`
}

// ImageTotal is what a version brings to the registry.
type ImageTotal struct {
	ID    string `json:"id"`
	Count int    `json:"count"`
	// Bytes counts what several images share once for each.
	Bytes int64 `json:"bytes"`
}

// Refusal is why a part of a plan is not carried out.
type Refusal struct {
	Scope Scope `json:"scope,omitzero"`
	// Object is what it is about, if it is about one.
	Object  Ref    `json:"object,omitzero"`
	Message string `json:"message"`
	// Remedy is what helps, "" where nothing is known.
	Remedy string `json:"remedy,omitempty"`
}

// Add appends what another plan does.
func (p *Plan) Add(other *Plan) {
	p.Node = append(p.Node, other.Node...)
	p.Changes = append(p.Changes, other.Changes...)
	p.Rights = append(p.Rights, other.Rights...)
	p.Definitions = append(p.Definitions, other.Definitions...)
	p.Images = append(p.Images, other.Images...)
	p.Destroys = append(p.Destroys, other.Destroys...)
	p.Refusals = append(p.Refusals, other.Refusals...)
	p.Warnings = append(p.Warnings, other.Warnings...)
}

func (p *Plan) change(c Change) { p.Changes = append(p.Changes, c) }

func (p *Plan) refuse(scope Scope, object Ref, message, remedy string) {
	p.Refusals = append(p.Refusals, Refusal{Scope: scope, Object: object, Message: message, Remedy: remedy})
}

// Sort puts the changes into the order in which they are made.
func (p *Plan) Sort() {
	slices.SortStableFunc(p.Changes, func(a, b Change) int { return cmp.Compare(a.Stage, b.Stage) })
}

// Writes reports whether carrying the change out sends anything.
func (c *Change) Writes() bool { return c.Action != None && c.Action != Keep }

// IsEmpty reports whether the plan changes nothing in the cluster.
func (p *Plan) IsEmpty() bool {
	return !slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Writes() })
}

// IsRefused reports whether a scope, or the whole plan, is refused.
func (p *Plan) IsRefused(scope Scope) bool {
	return slices.ContainsFunc(p.Refusals, func(r Refusal) bool { return r.Scope.covers(scope) })
}

// covers reports whether a scope is another one, or a part of this one.
func (s Scope) covers(other Scope) bool {
	return s == other || s == Scope{} || s.Namespace == "" && s.Solution == other.Solution
}

// WithoutRefused returns the plan without the scopes that are refused. What the
// catalog records of a Solution that is refused stays.
func (p *Plan) WithoutRefused() *Plan {
	rest := *p
	rest.Changes = slices.DeleteFunc(slices.Clone(p.Changes), func(c Change) bool { return p.IsRefused(c.Scope) })
	for i := range rest.Changes {
		if c := &rest.Changes[i]; c.Stage == StageCatalog && c.Writes() {
			p.keepRecords(c)
		}
	}
	return &rest
}

// keepRecords leaves the keys of refused Solutions in the catalog as they are.
func (p *Plan) keepRecords(c *Change) {
	c.Manifest = c.Manifest.DeepCopy()
	live := &unstructured.Unstructured{Object: map[string]any{}}
	if c.Live != nil {
		live = c.Live
	}
	data, _, _ := unstructured.NestedMap(c.Manifest.Object, "data")
	recorded, _, _ := unstructured.NestedMap(live.Object, "data")
	for _, r := range p.Refusals {
		if name := r.Scope.Solution; name != "" && r.Scope.Namespace == "" {
			delete(data, name)
			if text, found := recorded[name]; found {
				data = unionAny(data, map[string]any{name: text})
			}
		}
	}
	if len(data) > 0 {
		c.Manifest.Object["data"] = data
	} else {
		delete(c.Manifest.Object, "data")
	}
	if c.Live == nil {
		return
	}
	if c.Fields = mapFields(c.Manifest, c.Live); len(c.Fields) == 0 {
		c.Action, c.Method = None, ""
	}
}
