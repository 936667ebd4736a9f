// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"path"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

const (
	crdGroup   = "apiextensions.k8s.io"
	crdVersion = crdGroup + "/v1"
	crdKind    = "CustomResourceDefinition"
)

// crds reads operator/deploy/crds, which an archive may lack.
func (in *inspector) crds() []v1alpha1.CRD {
	entries, ok := in.list(crdsPath)
	if !ok {
		return nil
	}
	var crds []v1alpha1.CRD
	seen := map[string]string{}
	for _, entry := range entries {
		if ext := path.Ext(entry.Name()); entry.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		for _, crd := range in.crdFile(crdsPath + "/" + entry.Name()) {
			if other, found := seen[crd.Name]; found {
				in.errorf(StageActivate, RuleCRDDuplicate, crd.Path, "%s is in %s already", crd.Name, other)
				continue
			}
			seen[crd.Name] = crd.Path
			crds = append(crds, crd)
		}
	}
	return crds
}

// crdFile returns the CRDs of a file; what else is there are samples, whatever
// the file is called.
func (in *inspector) crdFile(file string) []v1alpha1.CRD {
	data, err := in.read(file)
	if !in.readable(file, err) {
		return nil
	}
	documents, err := DecodeDocuments(data)
	if err != nil {
		in.badCRDFile(file, err)
		return nil
	}
	var crds []v1alpha1.CRD
	for _, document := range documents {
		o := object(document)
		if o.text("kind") != crdKind || o.group() != crdGroup {
			continue
		}
		if crd := in.crd(file, o); crd.Name != "" {
			crds = append(crds, crd)
		}
	}
	return crds
}

// badCRDFile reports a file that is no YAML: an error only where older tooling
// would have read it too.
func (in *inspector) badCRDFile(file string, err error) {
	if strings.HasSuffix(file, "_crd.yaml") || strings.HasSuffix(file, "_crd.yml") {
		in.errorf(StageActivate, RuleCRDYAML, file, "%v", err)
		return
	}
	in.warnf(RuleCRDYAML, file, "not read: %v", err)
}

// crd describes and checks one definition.
func (in *inspector) crd(file string, o object) v1alpha1.CRD {
	crd := v1alpha1.CRD{
		Name:       o.text("metadata", "name"),
		Path:       file,
		APIVersion: o.text("apiVersion"),
		Group:      o.text("spec", "group"),
		Kind:       o.text("spec", "names", "kind"),
		Plural:     o.text("spec", "names", "plural"),
		Namespaced: o.text("spec", "scope") == "Namespaced",
		Digest:     v1alpha1.CRDDigest(o),
	}
	stored := 0
	versions, _ := o.value("spec", "versions").([]any)
	for _, v := range versions {
		version, _ := v.(map[string]any)
		name := object(version).text("name")
		crd.Versions = append(crd.Versions, name)
		if version["served"] == true {
			crd.Served = append(crd.Served, name)
		}
		if version["storage"] == true {
			crd.Storage = name
			stored++
		}
	}
	if crd.APIVersion != crdVersion {
		// Older versions have other fields, so nothing more is checked.
		in.errorf(StageActivate, RuleCRDVersion, file, "%s is %s, which Kubernetes 1.22 and later do not serve; it needs %s",
			orUnnamed(crd.Name), crd.APIVersion, crdVersion)
		return crd
	}
	in.checkCRD(file, o, crd, stored)
	in.warnCRD(file, o)
	return crd
}

// warnCRD reports what the API server takes from an archive that is trusted
// only.
func (in *inspector) warnCRD(file string, o object) {
	name := orUnnamed(o.text("metadata", "name"))
	if url := v1alpha1.CRDConversionURL(o); url != "" {
		in.warnf(RuleCRDConversion, file, "%s is converted by %.200s: every object of it is sent there for conversion", name, url)
	}
	if group := v1alpha1.CRDUnapprovedGroup(o); group != "" {
		in.warnf(RuleCRDGroup, file, "%s is in API group %s, which belongs to Kubernetes, and annotation %s is not the URL of an approval but %.100q",
			name, group, v1alpha1.APIApprovedAnnotation, o.text("metadata", "annotations", v1alpha1.APIApprovedAnnotation))
	}
}

// checkCRD checks what the API server, or what relies on Content, would trip
// over.
func (in *inspector) checkCRD(file string, o object, crd v1alpha1.CRD, stored int) {
	for _, field := range []struct{ name, value string }{
		{"metadata.name", crd.Name},
		{"spec.group", crd.Group},
		{"spec.names.kind", crd.Kind},
		{"spec.names.plural", crd.Plural},
	} {
		if field.value == "" {
			in.errorf(StageActivate, RuleCRDFields, file, "%s has no %s", orUnnamed(crd.Name), field.name)
			return
		}
	}
	if scope := o.text("spec", "scope"); scope != "Namespaced" && scope != "Cluster" {
		in.errorf(StageActivate, RuleCRDFields, file, "%s has spec.scope %.60q, which must be Namespaced or Cluster", crd.Name, scope)
	}
	if want := crd.Plural + "." + crd.Group; crd.Name != want {
		in.errorf(StageActivate, RuleCRDName, file, "the name is %q, and must be <spec.names.plural>.<spec.group>, %q", crd.Name, want)
	}
	for _, version := range crd.Versions {
		if version == "" {
			in.errorf(StageActivate, RuleCRDFields, file, "%s has a version without a name", crd.Name)
			return
		}
	}
	switch {
	case len(crd.Versions) == 0:
		in.errorf(StageActivate, RuleCRDFields, file, "%s has no spec.versions", crd.Name)
	case stored != 1:
		in.errorf(StageActivate, RuleCRDStorage, file, "%s has %d versions with storage: true, and must have exactly one", crd.Name, stored)
	}
}

func orUnnamed(name string) string {
	if name == "" {
		return "a CRD without metadata.name"
	}
	return name
}
