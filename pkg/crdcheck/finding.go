// SPDX-License-Identifier: Apache-2.0

// Package crdcheck reports what a change of a CustomResourceDefinition would do
// to the objects that are stored and to the clients that use them.
//
// Its functions are pure: they read no files, ask no API server, and do not
// change their arguments.
package crdcheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Kind is what a finding is about.
type Kind string

// The kinds of findings, the gravest first.
const (
	// StoredVersionRemoved: objects are stored in a version that the new
	// definition does not have. The API server refuses such a change.
	StoredVersionRemoved Kind = "StoredVersionRemoved"
	// ScopeChanged: namespaced objects become cluster-wide, or the other way
	// round. The API server refuses such a change.
	ScopeChanged Kind = "ScopeChanged"
	// NamesChanged: the group, kind or plural name differs. The API server
	// refuses such a change.
	NamesChanged Kind = "NamesChanged"
	// FieldDropped: the API server removes a field from objects that have it.
	FieldDropped Kind = "FieldDropped"
	// ConversionRemoved: a webhook converts objects between versions, and will
	// not any more.
	ConversionRemoved Kind = "ConversionRemoved"
	// ConversionURL: objects are sent to a URL, not to a Service of the cluster,
	// to be converted.
	ConversionURL Kind = "ConversionURL"
	// ServedVersionRemoved: clients that use the version fail.
	ServedVersionRemoved Kind = "ServedVersionRemoved"
	// SubresourceRemoved: clients that use the status or scale subresource fail.
	SubresourceRemoved Kind = "SubresourceRemoved"
	// SchemaTightened: objects that were valid may not be any more, so that they
	// can be read but not written.
	SchemaTightened Kind = "SchemaTightened"
)

func kinds() []Kind {
	return []Kind{
		StoredVersionRemoved, ScopeChanged, NamesChanged, FieldDropped, ConversionRemoved, ConversionURL,
		ServedVersionRemoved, SubresourceRemoved, SchemaTightened,
	}
}

// Finding is one thing that a change of a definition loses or breaks.
type Finding struct {
	Kind Kind
	// Definition is the name of the CustomResourceDefinition.
	Definition string
	// Version is the version concerned, or "" for the whole definition.
	Version string
	// Field is the path of a field as in spec.disks[*].size, with * for any key
	// of a map. In NamesChanged and the like it is a field of the definition.
	Field string
	// Message says what happens, without repeating the fields above.
	Message string
	// Objects are some of the objects concerned, as namespace/name, or name if
	// they are cluster-wide. Only a [Pruner] knows any.
	Objects []string
	// Count is how many objects are concerned.
	Count int
}

// String is the finding in one line.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.Definition)
	if f.Version != "" {
		b.WriteString(" " + f.Version)
	}
	b.WriteString(": ")
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	b.WriteString(f.Message)
	if f.Count > 0 {
		_, _ = fmt.Fprintf(&b, " (%d: %s", f.Count, strings.Join(f.Objects, ", "))
		if f.Count > len(f.Objects) {
			b.WriteString(", …")
		}
		b.WriteString(")")
	}
	return b.String()
}

// sorted orders findings by kind, version and field.
func sorted(findings []Finding) []Finding {
	rank := map[Kind]int{}
	for i, kind := range kinds() {
		rank[kind] = i
	}
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(rank[a.Kind], rank[b.Kind]),
			cmp.Compare(a.Version, b.Version),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return findings
}
