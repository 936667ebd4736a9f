// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// VersionKey names a version of a Solution. An id does not: "a" in version
// "b-1" and "a-b" in version "1" have the same.
type VersionKey struct{ Name, Version string }

// SolutionsInput is what a plan for the imported Solutions of a cluster is
// computed from.
type SolutionsInput struct {
	// Node is the bootstrap node as it will be; Changes lead to it.
	Node    Node
	Changes []NodeChange
	// Names are the Solutions that the command is about; what concerns others is
	// left as it is. Nil is for all.
	Names map[string]bool
	// Left are Solutions whose part is refused: they are left as they are, too.
	Left map[string]bool
	// Repair writes again what cannot be read in the cluster.
	Repair bool
	// Deactivated is the Solution that the command deactivates, "" for none.
	Deactivated string
	// Endpoint is the registry's; Bootstrap the helper's address that is to be
	// recorded, "" for none.
	Endpoint, Bootstrap string
	Cluster             ClusterState
	// OperatorObjects are those of OperatorRefs.
	OperatorObjects *Live
	// Documents are the definitions of active versions, where they may have to be
	// applied, and Definitions those of them that exist.
	Documents   map[VersionKey][]*unstructured.Unstructured
	Definitions *Live
	// Findings are what changes of definitions would break, by name.
	Findings map[string][]Finding
	// Objects are the custom resources ("namespace/name") of definitions that
	// may be deleted or lose fields, by name.
	Objects map[string][]string
	Options Options
}

// ClusterState is what a cluster holds of imported Solutions.
type ClusterState struct {
	// Namespace is v1alpha1.Namespace, and Catalog the SolutionsConfigMap in it;
	// nil where they do not exist.
	Namespace, Catalog *unstructured.Unstructured
	Records            map[string][]v1alpha1.SolutionRecord
	// Contents are what is recorded of versions.
	Contents map[VersionKey]*v1alpha1.Content
	// ContentRecords are the ConfigMaps of Contents, and Unreadable the names of
	// those that cannot be read.
	ContentRecords *Live
	Unreadable     []string
	Uses           []Use
	Operators      []Operator
	Definitions    []LiveDefinition
	// ClusterRoles are all that exist; Bindings are all RoleBindings and
	// ClusterRoleBindings, read only where NeedsBindings says so.
	ClusterRoles *Live
	Bindings     []*unstructured.Unstructured
}

// Use is where a version of a Solution runs.
type Use struct {
	Environment, Namespace, Solution, Version string
}

// Operator is an Operator that runs, or was told to.
type Operator struct {
	Environment, Namespace, Solution string
	// Digest is that of the configuration which its Deployment was made for,
	// ConfigDigest that of its ConfigMap; "" where they are not known.
	Digest, ConfigDigest string
}

// content returns what is known of a version, once the plan is carried out.
func (in *SolutionsInput) content(name, version string) *v1alpha1.Content {
	for _, i := range in.Node.Imported {
		if i.Content.Name == name && i.Content.Version == version {
			return i.Content
		}
	}
	return in.Cluster.Contents[VersionKey{name, version}]
}

func (in *SolutionsInput) isAbout(name string) bool {
	return (in.Names == nil || in.Names[name]) && !in.Left[name]
}

func (in *SolutionsInput) deactivates(name string) bool {
	return in.Names == nil || in.Deactivated == name
}

// Active returns the content of the active version of each Solution that the
// command is about, and the names of all of these, sorted. Of a Solution in
// Node.Unresolved it is not known which version is active.
func (in *SolutionsInput) Active() (map[string]*v1alpha1.Content, []string) {
	active := map[string]*v1alpha1.Content{}
	names := map[string]bool{}
	for _, i := range in.Node.Imported {
		if in.isAbout(i.Content.Name) {
			names[i.Content.Name] = true
			if i.Active {
				active[i.Content.Name] = i.Content
			}
		}
	}
	for name := range in.Names {
		names[name] = true
	}
	if in.Names == nil {
		for name := range in.Cluster.Records {
			names[name] = true
		}
		for _, d := range in.Cluster.Definitions {
			names[d.Solution] = true
		}
	}
	maps.DeleteFunc(names, func(name string, _ bool) bool { return in.Left[name] })
	return active, slices.Sorted(maps.Keys(names))
}

// NeedsDocuments returns the versions whose definitions have to be read out of
// their archives: what is deployed may be something else. With compare that is
// every active version.
func (in *SolutionsInput) NeedsDocuments(compare bool) []VersionKey {
	active, names := in.Active()
	var keys []VersionKey
	for _, name := range names {
		if c := active[name]; c != nil && len(c.CRDs) > 0 && (compare || !in.isDeployed(c)) {
			keys = append(keys, VersionKey{c.Name, c.Version})
		}
	}
	return keys
}

// isDeployed reports whether the digests of what is deployed are those of a
// version's definitions.
func (in *SolutionsInput) isDeployed(c *v1alpha1.Content) bool {
	for _, crd := range c.CRDs {
		i := slices.IndexFunc(in.Cluster.Definitions, func(d LiveDefinition) bool { return d.Name == crd.Name })
		if i < 0 {
			return false
		}
		d := in.Cluster.Definitions[i]
		if d.Solution != c.Name || d.Digest == "" || d.Digest != crd.Digest || d.Terminating {
			return false
		}
	}
	return true
}

// ObsoleteDefinitions returns the definitions that no active version has, of
// which the objects have to be counted.
func (in *SolutionsInput) ObsoleteDefinitions() []string {
	active, names := in.Active()
	var obsolete []string
	for _, d := range in.Cluster.Definitions {
		c := active[d.Solution]
		if !slices.Contains(names, d.Solution) || slices.Contains(in.Node.Unresolved, d.Solution) || c != nil && hasDefinition(c, d.Name) {
			continue
		}
		obsolete = append(obsolete, d.Name)
	}
	return obsolete
}

// Solutions returns the plan that makes a cluster match what is imported on the
// bootstrap node, as far as the command is about it.
func Solutions(in SolutionsInput) (*Plan, error) {
	p := &Plan{Node: in.Changes}
	records := in.records()
	removed := in.removed(records)
	in.refuseUsed(p, removed)
	in.keepRefused(p, records)
	in.askForgotten(p, removed)
	p.want(Wanted{Object: SolutionsNamespace(in.Bootstrap), Stage: StageNamespace, Owner: partOf}, namespaceLive(in.Cluster.Namespace), in.Options)
	if err := in.contents(p, records); err != nil {
		return nil, err
	}
	if err := in.clusterRoles(p, records); err != nil {
		return nil, err
	}
	active, names := in.Active()
	d := definitionPlan{p: p, in: &in}
	for _, name := range names {
		if slices.Contains(in.Node.Unresolved, name) || p.IsRefused(Scope{Solution: name}) {
			continue // which version is active is not known, or stays
		}
		if c := active[name]; c != nil {
			d.wantDefinitions(c)
		}
		d.dropDefinitions(name, active)
	}
	if err := in.catalog(p, records); err != nil {
		return nil, err
	}
	in.operators(p, records)
	in.images(p)
	in.warnOthers(p)
	p.Sort()
	return p, nil
}

// namespaceLive returns the namespace as ours: its name says so.
func namespaceLive(namespace *unstructured.Unstructured) *Live {
	if namespace == nil {
		return NewLive()
	}
	ns := namespace.DeepCopy()
	labels := ns.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	if labels[v1alpha1.ManagedByLabel] == "" {
		labels[v1alpha1.ManagedByLabel] = olderManager
	}
	ns.SetLabels(labels)
	return NewLive(ns)
}

// records returns what the cluster is to record of imported versions.
func (in *SolutionsInput) records() map[string][]v1alpha1.SolutionRecord {
	records := map[string][]v1alpha1.SolutionRecord{}
	for name, list := range Records(in.Node, in.Cluster.Records) {
		if in.isAbout(name) {
			records[name] = list
		}
	}
	for name, list := range in.Cluster.Records {
		if !in.isAbout(name) {
			records[name] = list
		}
	}
	return records
}

// removed returns the versions that the cluster is to forget.
func (in *SolutionsInput) removed(records map[string][]v1alpha1.SolutionRecord) []VersionKey {
	var removed []VersionKey
	for _, name := range sortedKeys(in.Cluster.Records) {
		for _, r := range in.Cluster.Records[name] {
			if !hasVersion(records[name], r.Version) {
				removed = append(removed, VersionKey{name, r.Version})
			}
		}
	}
	// The cluster may have lost its record of what is unimported.
	for _, c := range in.Changes {
		for _, u := range in.Cluster.Uses {
			key := VersionKey{u.Solution, u.Version}
			if c.Action == "unimported" && c.ID == v1alpha1.ID(u.Solution, u.Version) && !hasVersion(records[u.Solution], u.Version) && !slices.Contains(removed, key) {
				removed = append(removed, key)
			}
		}
	}
	return removed
}

func hasVersion(records []v1alpha1.SolutionRecord, version string) bool {
	return slices.ContainsFunc(records, func(r v1alpha1.SolutionRecord) bool { return r.Version == version })
}

// refuseUsed refuses to forget a version that an Environment runs.
func (in *SolutionsInput) refuseUsed(p *Plan, removed []VersionKey) {
	for _, key := range removed {
		var where []string
		remedy := ""
		for _, u := range in.Cluster.Uses {
			if u.Solution != key.Name || u.Version != key.Version {
				continue
			}
			text := u.Environment
			command := "kubectl environment delete-solution " + u.Environment
			if u.Namespace != u.Environment {
				text += "/" + u.Namespace
				command += " --namespace " + u.Namespace
			}
			where = append(where, text)
			remedy = cmp.Or(remedy, "first remove it there: "+command+" --solution "+key.Name)
		}
		if len(where) > 0 {
			p.refuse(Scope{Solution: key.Name}, Ref{}, fmt.Sprintf("%s %s is used by Environment %s", key.Name, key.Version, strings.Join(where, ", ")), remedy)
		}
	}
}

// keepRefused leaves what is recorded of refused Solutions: the rest of the plan
// may be carried out without them.
func (in *SolutionsInput) keepRefused(p *Plan, records map[string][]v1alpha1.SolutionRecord) {
	for _, r := range p.Refusals {
		delete(records, r.Scope.Solution)
		if known := in.Cluster.Records[r.Scope.Solution]; known != nil {
			records[r.Scope.Solution] = known
		}
	}
}

// askForgotten asks about versions that the cluster would forget though the
// command does not name them: the configuration of the bootstrap node was lost or
// edited, or it is not the node that the cluster knows.
func (in *SolutionsInput) askForgotten(p *Plan, removed []VersionKey) {
	if in.Names == nil {
		return
	}
	for _, key := range removed {
		for _, r := range in.Cluster.Records[key.Name] {
			isNamed := slices.ContainsFunc(in.Changes, func(c NodeChange) bool {
				return c.isEdit() && (c.ID == v1alpha1.ID(key.Name, key.Version) || c.Subject == r.Archive)
			})
			if r.Version == key.Version && !isNamed {
				p.Destroys = append(p.Destroys, fmt.Sprintf("the bootstrap node does not list %s %s (%s) any more: the cluster would forget it", key.Name, key.Version, r.Archive))
			}
		}
	}
}

// ContentRefs returns the records that are wanted and are not among those that
// were found by their label: something else may have their names.
func (in *SolutionsInput) ContentRefs() []Ref {
	var refs []Ref
	for _, i := range in.Node.Imported {
		r := RefOf(ContentReference(v1alpha1.ContentConfigMapName(i.Content.ID)))
		if in.isAbout(i.Content.Name) && in.Cluster.ContentRecords.Get(r) == nil {
			refs = append(refs, r)
		}
	}
	return refs
}

// contents plans the records of what imported versions hold.
func (in *SolutionsInput) contents(p *Plan, records map[string][]v1alpha1.SolutionRecord) error {
	wanted := map[string]bool{}
	for _, name := range sortedKeys(records) {
		for _, r := range records[name] {
			wanted[v1alpha1.ContentConfigMapName(v1alpha1.ID(name, r.Version))] = true
		}
	}
	seen := map[string]VersionKey{} // by id
	for _, i := range in.Node.Imported {
		key := VersionKey{i.Content.Name, i.Content.Version}
		if !in.isAbout(key.Name) || seen[i.Content.ID] == key {
			continue
		}
		if other, taken := seen[i.Content.ID]; taken {
			p.refuse(Scope{Solution: key.Name}, Ref{}, fmt.Sprintf("%s %s and %s %s have the same id, %s: one of them only can be imported",
				other.Name, other.Version, key.Name, key.Version, i.Content.ID), "")
			continue
		}
		seen[i.Content.ID] = key
		if err := in.wantContent(p, i.Content); err != nil {
			return err
		}
	}
	for _, cm := range in.Cluster.ContentRecords.All() {
		name := cm.GetLabels()[v1alpha1.SolutionLabel]
		isLost := slices.Contains(in.Cluster.Unreadable, cm.GetName())
		if name == "" || wanted[cm.GetName()] || !in.isAbout(name) || isLost && !in.Repair {
			continue
		}
		p.change(Change{
			Action: Delete, Object: RefOf(cm), Scope: Scope{Solution: name},
			Stage: StageCleanup + Stage(1+deletionRank(RefOf(cm))), Live: cm,
		})
	}
	return nil
}

func (in *SolutionsInput) wantContent(p *Plan, c *v1alpha1.Content) error {
	cm, err := ContentConfigMap(c)
	if err != nil {
		return err
	}
	r := RefOf(cm)
	scope := Scope{Solution: c.Name}
	live := in.Cluster.ContentRecords.Get(r)
	recorded := in.Cluster.Contents[VersionKey{c.Name, c.Version}]
	isUnreadable := slices.Contains(in.Cluster.Unreadable, r.Name)
	switch {
	case live != nil && live.GetLabels()[v1alpha1.SolutionLabel] == "": // no record of ours
		p.want(Wanted{Object: cm, Scope: scope, Stage: StageRecord, Owner: partOf}, in.Cluster.ContentRecords, in.Options)
	case live != nil && isUnreadable && !in.Repair:
		p.refuse(scope, r, r.Describe()+" cannot be read", "kubectl solution sync writes it again, from what is imported on the bootstrap node")
	case live != nil && !isUnreadable && recorded == nil:
		p.refuse(scope, r, fmt.Sprintf("%s records another version, whose id is also %s", r.Describe(), c.ID), "")
	case live != nil && (isUnreadable || !sameContent(recorded, c)):
		p.change(Change{Action: Replace, Object: r, Scope: scope, Stage: StageRecord, Method: Apply, Manifest: cm, Live: live, Reason: "its content differs, and is immutable"})
	default:
		p.want(Wanted{Object: cm, Scope: scope, Stage: StageRecord, Owner: partOf}, in.Cluster.ContentRecords, in.Options)
	}
	return nil
}

func sameContent(a, b *v1alpha1.Content) bool {
	x, errX := compactJSON(a)
	y, errY := compactJSON(b)
	return errX == nil && errY == nil && x == y
}

// catalog plans the SolutionsConfigMap. It is written with the resourceVersion
// that was read, so that who changed it meanwhile is not overwritten.
func (in *SolutionsInput) catalog(p *Plan, records map[string][]v1alpha1.SolutionRecord) error {
	desired, err := SolutionsConfigMap(records, in.Endpoint)
	if err != nil {
		return err
	}
	live := in.Cluster.Catalog
	if live != nil {
		cm := live.DeepCopy()
		cm.SetLabels(union(cm.GetLabels(), desired.GetLabels()))
		cm.SetAnnotations(union(cm.GetAnnotations(), desired.GetAnnotations()))
		cm.Object["data"] = desired.Object["data"]
		if data, _ := desired.Object["data"].(map[string]any); len(data) == 0 {
			delete(cm.Object, "data") // as the API server returns it
		}
		desired = cm
	}
	c := PutConfigMap(desired, live, Scope{})
	c.Stage = StageCatalog
	p.change(c)
	return nil
}

// PutConfigMap returns the change that writes a whole ConfigMap, whose
// resourceVersion is that of live. Live is nil where there is none.
func PutConfigMap(cm, live *unstructured.Unstructured, scope Scope) Change {
	c := Change{Action: Create, Object: RefOf(cm), Scope: scope, Stage: StageRecord, Method: Put, Manifest: cm, Live: live}
	if live != nil {
		c.Action, c.Fields = Update, mapFields(cm, live)
		if len(c.Fields) == 0 {
			c.Action, c.Method = None, ""
		}
	}
	return c
}

// mapFields returns in which labels, annotations and data an object differs.
func mapFields(wanted, live *unstructured.Unstructured) []FieldChange {
	var fields []FieldChange
	for _, path := range [][]string{{"metadata", "labels"}, {"metadata", "annotations"}, {"data"}} {
		w, _, _ := unstructured.NestedMap(wanted.Object, path...)
		l, _, _ := unstructured.NestedMap(live.Object, path...)
		for _, key := range slices.Sorted(maps.Keys(unionAny(w, l))) {
			if !equal(w[key], l[key]) {
				fields = append(fields, FieldChange{Path: pathText(append(slices.Clone(path), key)), From: l[key], To: w[key]})
			}
		}
	}
	return fields
}

func unionAny(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	return all
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}

// images notes what is new in the registry.
func (in *SolutionsInput) images(p *Plan) {
	for _, i := range in.Node.Imported {
		c := i.Content
		if !in.isAbout(c.Name) || hasVersion(in.Cluster.Records[c.Name], c.Version) {
			continue
		}
		total := ImageTotal{ID: c.ID, Count: len(c.Images)}
		for _, image := range c.Images {
			total.Bytes += image.Size
		}
		p.Images = append(p.Images, total)
	}
}

// warnOthers tells of Solutions that the command is not about, and that the
// cluster records otherwise than the node has them.
func (in *SolutionsInput) warnOthers(p *Plan) {
	if in.Names == nil {
		return
	}
	records := Records(in.Node, in.Cluster.Records)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(unionRecords(records, in.Cluster.Records))) {
		if !in.isAbout(name) && !sameRecords(records[name], in.Cluster.Records[name]) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the configuration of the bootstrap node was changed by hand for %s; run kubectl solution sync so that the cluster follows", strings.Join(names, ", ")))
	}
}

func unionRecords(a, b map[string][]v1alpha1.SolutionRecord) map[string]bool {
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	return names
}

// sameRecords compares which versions there are, and which one is active.
func sameRecords(a, b []v1alpha1.SolutionRecord) bool {
	return slices.EqualFunc(a, b, func(x, y v1alpha1.SolutionRecord) bool { return x.Version == y.Version && x.Active == y.Active })
}
