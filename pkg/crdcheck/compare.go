// SPDX-License-Identifier: Apache-2.0

package crdcheck

import (
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Compare returns what would break clients or stored objects if wanted replaced
// live. It does not look at objects: a field that is dropped may be one that
// none has. A live of nil is a definition that is not there yet.
func Compare(live, wanted *unstructured.Unstructured) ([]Finding, error) {
	c, err := newComparison(live, wanted)
	if err != nil {
		return nil, err
	}
	c.compareConversion()
	if live == nil {
		return sorted(c.findings), nil
	}
	c.compareNames()
	c.compareVersions()
	for _, p := range c.pairs() {
		if err := c.compareSchemas(p); err != nil {
			return nil, err
		}
	}
	return sorted(c.findings), nil
}

// DropsFields reports whether wanted drops fields that live keeps, in any
// version, so that it is worth looking at objects with a [Pruner].
func DropsFields(live, wanted *unstructured.Unstructured) (bool, error) {
	c, err := newComparison(live, wanted)
	if err != nil {
		return false, err
	}
	for _, p := range c.pairs() {
		before, after, err := c.schemas(p)
		if err != nil {
			return false, err
		}
		if len(c.dropped(before, after)) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// VersionToList returns the version in which to list objects of live for a
// [Pruner] of wanted: that in which they are stored if possible, because it
// has all their fields. It is "" if no version is in both.
func VersionToList(live, wanted *unstructured.Unstructured) (string, error) {
	c, err := newComparison(live, wanted)
	if err != nil {
		return "", err
	}
	first := ""
	for _, version := range c.live.Spec.Versions {
		if _, ok := c.wanted.version(version.Name); !ok || !version.Served {
			continue
		}
		if version.Storage {
			return version.Name, nil
		}
		if first == "" {
			first = version.Name
		}
	}
	return first, nil
}

// comparison collects what differs from live to wanted.
type comparison struct {
	live, wanted *definition
	findings     []Finding
}

func newComparison(live, wanted *unstructured.Unstructured) (*comparison, error) {
	c := &comparison{live: &definition{}}
	var err error
	if live != nil {
		if c.live, err = newDefinition(live); err != nil {
			return nil, err
		}
	}
	c.wanted, err = newDefinition(wanted)
	return c, err
}

func (c *comparison) add(kind Kind, version, field, format string, args ...any) {
	c.findings = append(c.findings, Finding{Kind: kind, Definition: c.wanted.Name, Version: version, Field: field, Message: fmt.Sprintf(format, args...)})
}

// compareNames is about what the API server does not let anyone change.
func (c *comparison) compareNames() {
	live, wanted := c.live.Spec, c.wanted.Spec
	if live.Scope != wanted.Scope {
		c.add(ScopeChanged, "", "spec.scope", "changes from %s to %s, which the API server refuses", live.Scope, wanted.Scope)
	}
	for _, name := range []struct{ field, live, wanted string }{
		{"spec.group", live.Group, wanted.Group},
		{"spec.names.kind", live.Names.Kind, wanted.Names.Kind},
		{"spec.names.plural", live.Names.Plural, wanted.Names.Plural},
	} {
		if name.live != name.wanted {
			c.add(NamesChanged, "", name.field, "changes from %s to %s, which the API server refuses", name.live, name.wanted)
		}
	}
}

func (c *comparison) compareConversion() {
	if url := c.wanted.conversionURL(); url != "" && url != c.live.conversionURL() {
		c.add(ConversionURL, "", "spec.conversion.webhook.clientConfig.url", "all objects are sent to %s to be converted", url)
	}
	if c.live.webhook() != nil && c.wanted.webhook() == nil && len(c.live.Spec.Versions) > 1 {
		c.add(ConversionRemoved, "", "spec.conversion", "the webhook no longer converts objects between versions: fields that not all versions have are lost")
	}
}

func (c *comparison) compareVersions() {
	for _, stored := range c.live.Status.StoredVersions {
		if _, ok := c.wanted.version(stored); !ok {
			c.add(StoredVersionRemoved, stored, "", "objects are stored in this version, which the new definition does not have: they could not be read any more")
		}
	}
	for _, live := range c.live.Spec.Versions {
		if !live.Served {
			continue
		}
		wanted, ok := c.wanted.version(live.Name)
		if !ok || !wanted.Served {
			c.add(ServedVersionRemoved, live.Name, "", "no longer served: clients that use this version fail")
			continue
		}
		if s := live.Subresources; s != nil {
			c.compareSubresource(live.Name, "status", s.Status != nil, wanted.Subresources != nil && wanted.Subresources.Status != nil)
			c.compareSubresource(live.Name, "scale", s.Scale != nil, wanted.Subresources != nil && wanted.Subresources.Scale != nil)
		}
	}
}

func (c *comparison) compareSubresource(version, name string, live, wanted bool) {
	if live && !wanted {
		c.add(SubresourceRemoved, version, "", "no longer has the subresource %s: clients that use it fail", name)
	}
}

// pair is a version of live and the one of wanted that takes its place.
type pair struct{ live, wanted string }

// pairs returns those whose schemas differ. Objects of a new storage version are
// those of the former one, unless a webhook makes something else of them.
func (c *comparison) pairs() []pair {
	var all []pair
	for _, version := range c.live.Spec.Versions {
		if _, ok := c.wanted.version(version.Name); ok && (version.Served || c.live.isStored(version.Name)) {
			all = append(all, pair{version.Name, version.Name})
		}
	}
	if storage := (pair{c.live.storageVersion(), c.wanted.storageVersion()}); storage.live != storage.wanted && storage.live != "" && c.wanted.webhook() == nil {
		all = append(all, storage)
	}
	var different []pair
	for _, p := range all {
		if !c.live.hasSchemaOf(p.live, c.wanted, p.wanted) {
			different = append(different, p)
		}
	}
	return different
}

func (c *comparison) schemas(p pair) (before, after *apiextensionsv1.JSONSchemaProps, err error) {
	if before, err = c.live.schema(p.live); err != nil {
		return nil, nil, err
	}
	after, err = c.wanted.schema(p.wanted)
	return before, after, err
}

func (c *comparison) compareSchemas(p pair) error {
	before, after, err := c.schemas(p)
	if err != nil {
		return err
	}
	from := ""
	if p.live != p.wanted {
		from = " (compared with version " + p.live + ", in which objects are stored now)"
	}
	for _, d := range c.dropped(before, after) {
		switch {
		case d.typeDiffers: // a finding of its own
		case d.unnamed:
			c.add(FieldDropped, p.wanted, d.field, "the new schema drops fields that it does not name%s", from)
		default:
			c.add(FieldDropped, p.wanted, d.field, "the new schema does not have this field, and drops it%s", from)
		}
	}
	for _, t := range tightened(before, after) {
		c.add(SchemaTightened, p.wanted, t.field, "%s%s", t.message, from)
	}
	return nil
}

// dropped returns the fields that live keeps and wanted drops.
func (c *comparison) dropped(before, after *apiextensionsv1.JSONSchemaProps) []drop {
	live := rootView(before)
	if c.live.Spec.PreserveUnknownFields {
		live = everything
	}
	var d drops
	d.walk(live, rootView(after), "")
	return d
}
