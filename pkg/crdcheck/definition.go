// SPDX-License-Identifier: Apache-2.0

package crdcheck

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// definition is a CustomResourceDefinition without its schemas, which can be of
// some MiB: they are decoded when they are needed.
type definition struct {
	apiextensionsv1.CustomResourceDefinition
	// schemas are the undecoded spec.versions[*].schema.openAPIV3Schema.
	schemas map[string]any
}

func newDefinition(u *unstructured.Unstructured) (*definition, error) {
	if got, want := u.GetAPIVersion(), apiextensionsv1.SchemeGroupVersion.String(); got != want {
		return nil, fmt.Errorf("CustomResourceDefinition %s is %s: must be %s", u.GetName(), got, want)
	}
	d := &definition{schemas: map[string]any{}}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(d.takeSchemas(u.Object), &d.CustomResourceDefinition); err != nil {
		return nil, fmt.Errorf("reading CustomResourceDefinition %s: %w", u.GetName(), err)
	}
	return d, nil
}

// takeSchemas fills in d.schemas and returns a copy of object without them.
func (d *definition) takeSchemas(object map[string]any) map[string]any {
	spec, _ := object["spec"].(map[string]any)
	versions, ok := spec["versions"].([]any)
	if !ok {
		return object
	}
	versions = slices.Clone(versions)
	for i, item := range versions {
		version, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if schema, ok := version["schema"].(map[string]any); ok {
			name, _ := version["name"].(string)
			d.schemas[name] = schema["openAPIV3Schema"]
			version = maps.Clone(version)
			delete(version, "schema")
			versions[i] = version
		}
	}
	object, spec = maps.Clone(object), maps.Clone(spec)
	object["spec"], spec["versions"] = spec, versions
	return object
}

// schema is that of a version, or an empty one.
func (d *definition) schema(version string) (*apiextensionsv1.JSONSchemaProps, error) {
	s := &apiextensionsv1.JSONSchemaProps{}
	b, err := json.Marshal(d.schemas[version])
	if err == nil {
		err = json.Unmarshal(b, s)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the schema of CustomResourceDefinition %s, version %s: %w", d.Name, version, err)
	}
	return s, nil
}

// hasSchemaOf reports whether the schemas of two versions are the same.
func (d *definition) hasSchemaOf(version string, other *definition, otherVersion string) bool {
	return d.Spec.PreserveUnknownFields == other.Spec.PreserveUnknownFields &&
		reflect.DeepEqual(d.schemas[version], other.schemas[otherVersion])
}

func (d *definition) version(name string) (apiextensionsv1.CustomResourceDefinitionVersion, bool) {
	i := slices.IndexFunc(d.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == name })
	if i < 0 {
		return apiextensionsv1.CustomResourceDefinitionVersion{}, false
	}
	return d.Spec.Versions[i], true
}

// storageVersion is the version in which objects are written from now on.
func (d *definition) storageVersion() string {
	for _, version := range d.Spec.Versions {
		if version.Storage {
			return version.Name
		}
	}
	return ""
}

// isStored reports whether there may be objects that are stored in a version.
func (d *definition) isStored(version string) bool {
	return version == d.storageVersion() || slices.Contains(d.Status.StoredVersions, version)
}

// webhook is what converts objects between versions, or nil where only their
// apiVersion is changed.
func (d *definition) webhook() *apiextensionsv1.WebhookConversion {
	if c := d.Spec.Conversion; c != nil && c.Strategy == apiextensionsv1.WebhookConverter {
		return c.Webhook
	}
	return nil
}

// conversionURL is where objects are sent to be converted, or "" for a Service.
func (d *definition) conversionURL() string {
	if w := d.webhook(); w != nil && w.ClientConfig != nil && w.ClientConfig.URL != nil {
		return *w.ClientConfig.URL
	}
	return ""
}
