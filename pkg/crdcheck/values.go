// SPDX-License-Identifier: Apache-2.0

package crdcheck

import (
	"slices"
	"strconv"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/crdify/pkg/config"
	"sigs.k8s.io/crdify/pkg/validations"
	"sigs.k8s.io/crdify/pkg/validations/property"
)

type schemaProps = apiextensionsv1.JSONSchemaProps

// comparators are crdify's, by which OLM judges an upgrade too. OLM also minds
// what is loosened, which breaks no object. crdify's own walk through schemas is
// not for us: it takes seconds for one of 5 MiB, and takes a removed field for
// one whose type changed.
func comparators() []validations.Comparator[schemaProps] {
	all := []interface {
		validations.Comparator[schemaProps]
		validations.Validation
	}{
		&property.Enum{EnumConfig: property.EnumConfig{AdditionPolicy: property.AdditionPolicyAllow}},
		&property.Maximum{}, &property.MaxItems{}, &property.MaxLength{}, &property.MaxProperties{},
		&property.Minimum{}, &property.MinItems{}, &property.MinLength{}, &property.MinProperties{},
		&property.Pattern{PatternConfig: property.PatternConfig{RemovalPolicy: property.PatternRemovalPolicyAllow}},
		&property.Nullable{NullableConfig: property.NullableConfig{AdditionPolicy: property.NullableAdditionPolicyAllow}},
	}
	var list []validations.Comparator[schemaProps]
	for _, comparator := range all {
		comparator.SetEnforcement(config.EnforcementPolicyError)
		list = append(list, comparator)
	}
	return list
}

// values compares what two schemas say of one value, but for its type.
func (r *rules) values(before, after *schemaProps, path string) {
	b, a := *before, *after // comparators clear the fields that they have seen
	for _, comparator := range comparators() {
		result := comparator.Compare(&b, &a)
		for _, message := range result.Errors {
			message = strings.Replace(message, " : ", ": ", 1)
			if !strings.Contains(message, result.Name) {
				message = result.Name + ": " + message
			}
			r.add(path, message)
		}
	}
	r.numbersAndStrings(before, after, path)
	r.lists(before, after, path)
	r.combinations(before, after, path)
}

func (r *rules) numbersAndStrings(before, after *schemaProps, path string) {
	if after.Format != "" && after.Format != before.Format {
		r.add(path, changed("format", before.Format, after.Format))
	}
	if after.ExclusiveMaximum && !before.ExclusiveMaximum {
		r.add(path, "the maximum itself is no longer valid")
	}
	if after.ExclusiveMinimum && !before.ExclusiveMinimum {
		r.add(path, "the minimum itself is no longer valid")
	}
	if from, to := number(before.MultipleOf), number(after.MultipleOf); to != "" && to != from {
		r.add(path, changed("multipleOf", from, to))
	}
}

func (r *rules) lists(before, after *schemaProps, path string) {
	from, to := text(before.XListType), text(after.XListType)
	if (to == "set" || to == "map") && (to != from || !slices.Equal(before.XListMapKeys, after.XListMapKeys)) {
		keys := ""
		if to == "map" {
			keys = " by " + strings.Join(after.XListMapKeys, ", ")
		}
		r.add(path, "items must be unique now"+keys)
	}
}

// combinations are the rules that cannot be compared by parts.
func (r *rules) combinations(before, after *schemaProps, path string) {
	for _, c := range []struct {
		name          string
		before, after []schemaProps
	}{
		{"allOf", before.AllOf, after.AllOf},
		{"anyOf", before.AnyOf, after.AnyOf},
		{"oneOf", before.OneOf, after.OneOf},
		{"not", one(before.Not), one(after.Not)},
	} {
		if len(c.after) > 0 && !after.XIntOrString && !equality.Semantic.DeepEqual(c.before, c.after) {
			r.add(path, "the conditions in "+c.name+" are different")
		}
	}
	for _, validation := range after.XValidations {
		if !slices.ContainsFunc(before.XValidations, func(v apiextensionsv1.ValidationRule) bool { return v.Rule == validation.Rule }) {
			r.add(path, "new rule: "+validation.Rule)
		}
	}
}

func one(s *schemaProps) []schemaProps {
	if s == nil {
		return nil
	}
	return []schemaProps{*s}
}

func number(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'g', -1, 64)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
