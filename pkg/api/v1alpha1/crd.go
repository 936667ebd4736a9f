// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// APIApprovedAnnotation carries, on a CustomResourceDefinition in a group of
// Kubernetes, the URL at which the Kubernetes community approved it.
const APIApprovedAnnotation = "api-approved.kubernetes.io"

// CRDConversionURL returns the URL to which the API server sends the objects of
// a CustomResourceDefinition for conversion, and "" if the converter is a
// Service or there is none.
func CRDConversionURL(crd map[string]any) string {
	r := reader{object: crd}
	return r.text("spec", "conversion", "webhook", "clientConfig", "url")
}

// CRDUnapprovedGroup returns the API group of a CustomResourceDefinition if it
// belongs to Kubernetes and the definition has no approval, and else "". An API
// server also takes a text that starts with "unapproved": that is no approval.
func CRDUnapprovedGroup(crd map[string]any) string {
	r := reader{object: crd}
	group := r.text("spec", "group")
	if !IsKubernetesGroup(group) {
		return ""
	}
	approval, err := url.ParseRequestURI(r.text("metadata", "annotations", APIApprovedAnnotation))
	if err == nil && approval.Scheme != "" && approval.Host != "" && !strings.HasPrefix(approval.Scheme, "unapproved") {
		return ""
	}
	return group
}

// IsKubernetesGroup reports whether an API group is reserved for the Kubernetes
// community.
func IsKubernetesGroup(group string) bool {
	return strings.HasSuffix("."+group, ".k8s.io") || strings.HasSuffix("."+group, ".kubernetes.io")
}

// CRDDigest returns the digest of a CustomResourceDefinition, "sha256:" and 64
// hex digits: of its JSON without spaces and with sorted keys, so that it does
// not depend on how the file is written. It is "" for what is no JSON data.
func CRDDigest(crd map[string]any) string {
	data, err := json.Marshal(crd)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// OwnGroups returns the API groups that CRDs define, sorted. Groups of
// Kubernetes are left out: whoever writes a CRD for one does not own it, and
// Kubernetes' own objects may be in it.
func OwnGroups(crds []CRD) []string {
	var groups []string
	for _, crd := range crds {
		if crd.Group != "" && !IsKubernetesGroup(crd.Group) {
			groups = append(groups, crd.Group)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}
