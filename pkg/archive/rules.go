// SPDX-License-Identifier: Apache-2.0

package archive

// Names of the rules, as in Finding.Rule. They are stable: scripts and
// documentation refer to them. Rules says what each means.
const (
	RuleManifestMissing = "manifest-missing"
	RuleManifestYAML    = "manifest-yaml"
	RuleManifestType    = "manifest-type"
	RuleManifestFields  = "manifest-fields"
	RuleIDReference     = "id-reference"
	RuleNameLength      = "name-length"

	RuleImagesMissing = "images-missing"
	RuleImageManifest = "image-manifest"
	RuleImageName     = "image-name"
	RuleImageVersion  = "image-version"
	RuleImageJSON     = "image-json"
	RuleImageType     = "image-media-type"
	RuleImageChild    = "image-child"
	RuleImageListed   = "image-listed"
	RuleImageUnlisted = "image-unlisted"
	RuleOperatorImage = "operator-image"
	RuleUIImage       = "ui-image"
	RuleUnreferenced  = "unreferenced"

	RuleDescriptorDigest = "descriptor-digest"
	RuleBlobMissing      = "blob-missing"
	RuleBlobForeign      = "blob-foreign"
	RuleBlobSize         = "blob-size"
	RuleBlobDigest       = "blob-digest"

	RuleRoleYAML      = "role-yaml"
	RuleRoleKind      = "role-kind"
	RuleRoleVersion   = "role-version"
	RuleRoleName      = "role-name"
	RuleRoleDuplicate = "role-duplicate"
	RuleRoleReserved  = "role-reserved-name"
	RuleRoleRules     = "role-rules"
	RuleRoleUnknown   = "role-unknown-field"
	RuleRoleDangerous = "role-dangerous"
	RuleRoleAggregate = "role-aggregation"

	RuleCRDYAML      = "crd-yaml"
	RuleCRDVersion   = "crd-version"
	RuleCRDFields    = "crd-fields"
	RuleCRDName      = "crd-name"
	RuleCRDStorage   = "crd-storage"
	RuleCRDDuplicate = "crd-duplicate"

	RuleCRDConversion = "crd-conversion-url"
	RuleCRDGroup      = "crd-unapproved-group"

	RuleUnreadable = "unreadable"
	RuleLimit      = "limit"
)

// Rule describes a rule.
type Rule struct {
	// Name is the stable, kebab-case name of the rule.
	Name string `json:"name"`
	// Meaning says in one line what keeping the rule looks like.
	Meaning string `json:"meaning"`
}

// Rules returns all rules, in the order in which an archive is checked.
func Rules() []Rule {
	return []Rule{
		{RuleManifestMissing, "The archive holds a file manifest.yaml."},
		{RuleManifestYAML, "manifest.yaml is one YAML document, a mapping."},
		{RuleManifestType, "manifest.yaml has the kind and apiVersion of a Solution."},
		{RuleManifestFields, "manifest.yaml has a name that is a DNS label, a version, and fields of the right types."},
		{RuleIDReference, "The id, <name>-<version>, can be a part of an image reference, so that nodes can pull."},
		{RuleNameLength, "<name>-operator fits in a label, 63 characters."},

		{RuleImagesMissing, "The archive holds a directory images."},
		{RuleImageManifest, "Every directory in images leads to directories that hold a manifest.json."},
		{RuleImageName, "images/<name>/<tag> is the name and tag of an image, in lower case."},
		{RuleImageVersion, "The file version beside manifest.json is that of a skopeo dir: layout, version 1."},
		{RuleImageJSON, "An image manifest is JSON of the fields and sizes that its specification allows."},
		{RuleImageType, "An image manifest is a docker schema 2 or OCI manifest, or a list of those."},
		{RuleImageChild, "The manifests that an index leads to are in the archive, for every platform."},
		{RuleImageListed, "The archive holds every image that manifest.yaml lists."},
		{RuleImageUnlisted, "manifest.yaml lists every image that the archive holds, or none."},
		{RuleOperatorImage, "The archive holds the Operator's image that manifest.yaml names."},
		{RuleUIImage, "The archive holds the UI's image that manifest.yaml names."},
		{RuleUnreferenced, "Image directories hold no file that their manifest does not lead to."},

		{RuleDescriptorDigest, "Digests in an image manifest are sha256."},
		{RuleBlobMissing, "The archive holds every config and layer that an image leads to."},
		{RuleBlobForeign, "Layers that an image leaves to be fetched from elsewhere are in the archive."},
		{RuleBlobSize, "Configs, layers and manifests have the size that their image says."},
		{RuleBlobDigest, "Configs, layers and manifests have the digest that their image says."},

		{RuleRoleYAML, "operator/deploy/role.yaml is YAML."},
		{RuleRoleKind, "operator/deploy/role.yaml holds objects of kind Role and ClusterRole, and no other."},
		{RuleRoleVersion, "Roles are of rbac.authorization.k8s.io/v1, the version that Kubernetes serves."},
		{RuleRoleName, "Roles have a name that Kubernetes accepts."},
		{RuleRoleDuplicate, "No two roles have the same kind and name."},
		{RuleRoleReserved, "No role has a name that belongs to Kubernetes, to kubectl solution or to another Solution."},
		{RuleRoleRules, "Roles have rules and labels that Kubernetes accepts."},
		{RuleRoleUnknown, "Roles have no field that Kubernetes does not know."},
		{RuleRoleDangerous, "Roles allow nothing dangerous: no * outside of the archive's own API groups, no escalate, bind or impersonate, no Secrets, no aggregationRule, not every URL."},
		{RuleRoleAggregate, "A ClusterRole with an aggregate-to-* label is only about API groups that CRDs of the archive define."},

		{RuleCRDYAML, "The files operator/deploy/crds/*.yaml are YAML."},
		{RuleCRDVersion, "CRDs are of apiextensions.k8s.io/v1, the version that Kubernetes serves."},
		{RuleCRDFields, "CRDs have a group, kind, plural, scope and versions."},
		{RuleCRDName, "A CRD's name is <plural>.<group>."},
		{RuleCRDStorage, "Exactly one version of a CRD is the stored one."},
		{RuleCRDDuplicate, "No two CRDs have the same name."},
		{RuleCRDConversion, "CRDs send no objects to a URL for conversion."},
		{RuleCRDGroup, "CRDs in an API group of Kubernetes have the URL of an approval."},

		{RuleUnreadable, "The files and directories of the archive can be read."},
		{RuleLimit, "The archive holds no more directories and metadata than is sensible."},
	}
}
