// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/crdcheck"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// readDefinitions reads the CustomResourceDefinitions that may have to be
// applied or deleted, and what is in their way: documents out of the archives,
// the live ones, and objects of theirs. Where nothing changes, nothing is read.
func (s *Solutions) readDefinitions(ctx context.Context, e edit, in *plan.SolutionsInput) error {
	if err := s.readDocuments(ctx, e, in); err != nil {
		return err
	}
	var refs []plan.Ref
	for _, documents := range in.Documents {
		for _, u := range documents {
			refs = append(refs, plan.RefOf(u))
		}
	}
	var err error
	if in.Definitions, err = s.Cluster.Objects(ctx, refs); err != nil {
		return err
	}
	in.Findings, in.Objects = map[string][]plan.Finding{}, map[string][]string{}
	for key, documents := range in.Documents {
		for _, u := range documents {
			if err := s.findings(ctx, in, key, u); err != nil {
				return err
			}
		}
	}
	return s.countObjects(ctx, in)
}

// readDocuments reads definitions out of archives, in one request.
func (s *Solutions) readDocuments(ctx context.Context, e edit, in *plan.SolutionsInput) error {
	in.Documents = map[plan.VersionKey][]*unstructured.Unstructured{}
	keys := in.NeedsDocuments(e.compare)
	if len(keys) == 0 {
		return nil
	}
	var request protocol.ReadRequest
	var read []plan.Imported
	for _, key := range keys {
		i := slices.IndexFunc(in.Node.Imported, func(i plan.Imported) bool {
			return i.Content.Name == key.Name && i.Content.Version == key.Version
		})
		imported := in.Node.Imported[i]
		files := protocol.ReadArchive{Archive: imported.Archive}
		for _, crd := range imported.Content.CRDs {
			if !slices.Contains(files.Paths, crd.Path) {
				files.Paths = append(files.Paths, crd.Path)
			}
		}
		request.Archives = append(request.Archives, files)
		read = append(read, imported)
	}
	result, err := s.Node.Read(ctx, request)
	if err != nil {
		return err
	}
	for n, i := range read {
		definitions, err := decodeDefinitions(i, result.Archives[n].Files)
		if err != nil {
			return err
		}
		in.Documents[plan.VersionKey{Name: i.Content.Name, Version: i.Content.Version}] = definitions
	}
	return nil
}

func decodeDefinitions(i plan.Imported, files []protocol.File) ([]*unstructured.Unstructured, error) {
	decoded := make([][]*unstructured.Unstructured, len(files))
	var group errgroup.Group
	for n, f := range files {
		group.Go(func() error {
			documents, err := archive.DecodeDocuments(f.Data)
			if err == nil {
				decoded[n], err = plan.Definitions(i.Content, documents)
			}
			if err != nil {
				return fmt.Errorf("%s: %s: %w", i.Archive, f.Path, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(decoded...), nil
}

// findings notes what applying a definition would break.
func (s *Solutions) findings(ctx context.Context, in *plan.SolutionsInput, key plan.VersionKey, wanted *unstructured.Unstructured) error {
	live := in.Definitions.Get(plan.RefOf(wanted))
	found, err := crdcheck.Compare(live, wanted)
	if err != nil {
		return err
	}
	list := make([]plan.Finding, 0, len(found))
	for _, f := range found {
		list = append(list, plan.Finding{Kind: kindOf(in, key, live, f), Message: messageOf(f)})
	}
	if group := v1alpha1.CRDUnapprovedGroup(wanted.Object); group != "" {
		list = append(list, plan.Finding{Kind: plan.Risk, Message: fmt.Sprintf("API group %s belongs to Kubernetes, and the definition has no approval", group)})
	}
	if live != nil {
		dropped, err := s.dropped(ctx, live, wanted)
		if err != nil {
			return err
		}
		list = append(list, dropped...)
	}
	in.Findings[wanted.GetName()] = list
	return nil
}

// dropped looks at the objects of a definition, where it drops fields at all.
func (s *Solutions) dropped(ctx context.Context, live, wanted *unstructured.Unstructured) ([]plan.Finding, error) {
	drops, err := crdcheck.DropsFields(live, wanted)
	if err != nil || !drops {
		return nil, err
	}
	version, err := crdcheck.VersionToList(live, wanted)
	if err != nil || version == "" {
		return nil, err
	}
	pruner, err := crdcheck.NewPruner(wanted, version)
	if err != nil {
		return nil, err
	}
	kind, _ := cluster.ServedResource(live)
	kind.Version = version
	err = s.Cluster.WholeResources(ctx, kind, func(objects []unstructured.Unstructured) error {
		for i := range objects {
			pruner.Look(&objects[i])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []plan.Finding
	for _, f := range pruner.Findings() {
		list = append(list, plan.Finding{Kind: plan.Loss, Message: messageOf(f), Objects: f.Objects, Count: f.Count})
	}
	return list, nil
}

// kindOf tells what a finding means here: a version that is not served any more
// is a loss where an Environment runs a version that has it.
func kindOf(in *plan.SolutionsInput, key plan.VersionKey, live *unstructured.Unstructured, f crdcheck.Finding) plan.FindingKind {
	switch f.Kind {
	case crdcheck.StoredVersionRemoved, crdcheck.ScopeChanged, crdcheck.NamesChanged:
		return plan.Impossible
	case crdcheck.ConversionURL:
		return plan.Risk
	case crdcheck.ServedVersionRemoved:
		if in.NeedsServed(key, live.GetName(), f.Version) {
			return plan.Loss
		}
	}
	return plan.Notice
}

func messageOf(f crdcheck.Finding) string {
	text := f.Message
	if f.Field != "" {
		text = f.Field + ": " + text
	}
	if f.Version != "" {
		text = f.Version + ": " + text
	}
	return text
}

// countObjects lists the custom resources of definitions that would be deleted.
func (s *Solutions) countObjects(ctx context.Context, in *plan.SolutionsInput) error {
	var refs []plan.Ref
	for _, name := range in.ObsoleteDefinitions() {
		refs = append(refs, plan.DefinitionRef(name))
	}
	live, err := s.Cluster.Objects(ctx, refs)
	if err != nil {
		return err
	}
	for _, definition := range live.All() {
		kind, ok := cluster.ServedResource(definition)
		if !ok {
			continue
		}
		items, err := s.Cluster.CustomResources(ctx, kind, "")
		if err != nil {
			return err
		}
		for i := range items {
			name := items[i].Name
			if ns := items[i].Namespace; ns != "" {
				name = ns + "/" + name
			}
			in.Objects[definition.GetName()] = append(in.Objects[definition.GetName()], name)
		}
	}
	return nil
}
