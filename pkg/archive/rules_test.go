// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// ruleCase is an archive that differs from a valid one, and what is then found:
// a line a finding, without digests and lengths.
type ruleCase struct {
	name  string
	build func(b *archivetest.Builder)
	want  string
}

// What depends on the digests and compression of the test's images.
var (
	hexDigits = regexp.MustCompile(`[0-9a-f]{64}`)
	lengths   = regexp.MustCompile(`[0-9]+ bytes long, and its image says [0-9]+`)
)

// lines writes a report as ruleCase.want has it.
func lines(r archive.Report) string {
	var out []string
	for _, f := range r.Findings {
		stage := ""
		if f.Blocks != "" {
			stage = "(" + string(f.Blocks) + ")"
		}
		line := hexDigits.ReplaceAllString(fmt.Sprintf("%s%s %s %s", f.Severity, stage, f.Rule, f), "<hex>")
		out = append(out, lengths.ReplaceAllString(line, "N bytes long, and its image says N"))
	}
	return strings.Join(out, "\n")
}

func TestRules(t *testing.T) {
	for _, c := range ruleCases() {
		t.Run(c.name, func(t *testing.T) {
			b := archivetest.New(t)
			c.build(b)
			a := archive.New("a.iso", b.FS())
			report, err := a.Verify(t.Context(), archive.VerifyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(c.want), lines(report)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			content, inspected := a.Inspect()
			unusable := strings.Contains(c.want, " manifest-") || strings.Contains(c.want, " unreadable manifest.yaml")
			if (content == nil) != unusable {
				t.Errorf("content is %v", content)
			}
			if !strings.Contains(c.want, archive.RuleBlobDigest) && lines(inspected) != lines(report) {
				t.Errorf("Inspect found\n%s\nand Verify\n%s", lines(inspected), lines(report))
			}
			if regexp.MustCompile(`(?m)^error`).MatchString(c.want) == report.OK() {
				t.Errorf("OK is %v", report.OK())
			}
		})
	}
}

// Every rule has a case that breaks it and no other.
func TestRulesAreTested(t *testing.T) {
	alone := map[string]bool{}
	for _, c := range ruleCases() {
		if want := strings.TrimSpace(c.want); want != "" && !strings.Contains(want, "\n") {
			alone[strings.Fields(want)[1]] = true
		}
	}
	var names []string
	for _, rule := range archive.Rules() {
		if !alone[rule.Name] {
			t.Errorf("no case breaks rule %s alone", rule.Name)
		}
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(rule.Name) || !strings.HasSuffix(rule.Meaning, ".") {
			t.Errorf("rule %q: %q", rule.Name, rule.Meaning)
		}
		names = append(names, rule.Name)
		delete(alone, rule.Name)
	}
	if len(alone) > 0 || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("not in Rules: %v, or a rule is there twice", alone)
	}
}

func ruleCases() []ruleCase {
	return slices.Concat(manifestCases(), imageCases(), descriptorCases(), listCases(), roleCases(), rightsCases(), crdCases(), crdWarningCases(), limitCases())
}

func manifestCases() []ruleCase {
	long := strings.Repeat("n", 55)
	return []ruleCase{
		{"valid", func(*archivetest.Builder) {}, ``},
		{
			"no manifest", func(b *archivetest.Builder) { b.Without("manifest.yaml") },
			`error(import) manifest-missing manifest.yaml: the archive has no such file, and so is no Solution`,
		},
		{
			"manifest is no YAML", func(b *archivetest.Builder) { b.WithManifest("a: [") },
			`error(import) manifest-yaml manifest.yaml: not a YAML mapping: yaml: line 1: did not find expected node content`,
		},
		{
			"manifest is a list", func(b *archivetest.Builder) { b.WithManifest("- a") },
			`error(import) manifest-yaml manifest.yaml: not a YAML mapping`,
		},
		{
			"manifest is empty", func(b *archivetest.Builder) { b.WithManifest("") },
			`error(import) manifest-yaml manifest.yaml: not a YAML mapping: the file is empty`,
		},
		{
			"two manifests", func(b *archivetest.Builder) { b.WithManifest("kind: Solution\n---\nkind: Solution\n") },
			`error(import) manifest-yaml manifest.yaml: more than one YAML document`,
		},
		{
			"aliases without end", func(b *archivetest.Builder) { b.WithManifest(manyAliases()) },
			`error(import) manifest-yaml manifest.yaml: not a YAML mapping: its aliases make it longer than 8388608 bytes, or without end`,
		},
		{
			"kind", func(b *archivetest.Builder) { b.With("Solutions", "kind") },
			`error(import) manifest-type manifest.yaml: kind is "Solutions", and must be "Solution"`,
		},
		{
			"apiVersion", func(b *archivetest.Builder) { b.With("v1", "apiVersion") },
			`error(import) manifest-type manifest.yaml: apiVersion is "v1", and must be "solutions.metalk8s.scality.com/v1alpha1"`,
		},
		{
			"no name", func(b *archivetest.Builder) { b.With(nil, "metadata", "name") },
			`error(import) manifest-fields manifest.yaml: metadata.name is missing`,
		},
		{
			"no version", func(b *archivetest.Builder) { b.With(nil, "spec", "version") },
			`error(import) manifest-fields manifest.yaml: spec.version is missing`,
		},
		{
			"version is a mapping", func(b *archivetest.Builder) { b.With(map[string]any{}, "spec", "version") },
			`error(import) manifest-fields manifest.yaml: spec.version must be a string, and is "map[]"`,
		},
		{"id", func(b *archivetest.Builder) {
			b.WithVersion("2.0.0+b3").With(map[string]any{"tag": "1.0.0"}, "spec", "operator", "image").
				With(map[string]any{"tag": "1.0.0"}, "spec", "ui", "image")
		}, `warning id-reference manifest.yaml: the id example-solution-2.0.0+b3 cannot be a part of an image reference, so nodes cannot pull its images`},
		{"long name", func(b *archivetest.Builder) {
			b.WithName(long)
		}, `error(prepare) name-length manifest.yaml: metadata.name is 55 characters long: ` + long + `-operator is longer than the 63 that a label may have`},
	}
}

// manyAliases is a manifest of 300 KB that would take 20 GB as JSON.
func manyAliases() string {
	return "kind: Solution\na: &a " + strings.Repeat("x", 200<<10) + "\nb: [" + strings.Repeat("*a,", 99) +
		"]\nc: [" + strings.Repeat("*a,x,", 20000) + "]\n"
}

func roleCases() []ruleCase {
	const path = "operator/deploy/role.yaml"
	role := func(text string) func(b *archivetest.Builder) {
		return func(b *archivetest.Builder) { b.WithFile(path, text) }
	}
	return []ruleCase{
		{"no roles", func(b *archivetest.Builder) { b.Without(path) }, ``},
		{"empty roles", role("---\n# nothing\n---\n"), ``},
		{
			"role YAML", role("kind: Role\n---\na: b: c\n"),
			`error(import) role-yaml operator/deploy/role.yaml: document 2: yaml: line 2: mapping values are not allowed in this context`,
		},
		{"role is a text", role("hello"), `error(import) role-yaml operator/deploy/role.yaml: not a YAML mapping`},
		{
			"role kind", role("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n"),
			`error(import) role-kind operator/deploy/role.yaml: document 1 is "ServiceAccount" of "v1", and only Role and ClusterRole of rbac.authorization.k8s.io/v1 may be there`,
		},
		{
			"role group", role("apiVersion: example.com/v1\nkind: Role\nmetadata: {name: a}\n"),
			`error(import) role-kind operator/deploy/role.yaml: document 1 is "Role" of "example.com/v1", and only Role and ClusterRole of rbac.authorization.k8s.io/v1 may be there`,
		},
		{
			"no kind", role("a: b"),
			`error(import) role-kind operator/deploy/role.yaml: document 1 has no kind, and only Role and ClusterRole of rbac.authorization.k8s.io/v1 may be there`,
		},
		{
			"role version", role("apiVersion: rbac.authorization.k8s.io/v1beta1\nkind: Role\nmetadata: {name: a}\n"),
			`error(prepare) role-version operator/deploy/role.yaml: Role "a" is rbac.authorization.k8s.io/v1beta1, which Kubernetes 1.22 and later do not serve; it needs rbac.authorization.k8s.io/v1`,
		},
		{
			"role without a name", role("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n"),
			`error(import) role-name operator/deploy/role.yaml: document 1: the Role has no metadata.name`,
		},
		{
			"role with a bad name", role("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a/b}\n"),
			`error(import) role-name operator/deploy/role.yaml: Role "a/b": a name may not contain '/'`,
		},
		{
			"role twice", role(archivetest.Role + "---\n" + archivetest.Role[:100]),
			`error(import) role-duplicate operator/deploy/role.yaml: Role "example-operator" is there twice`,
		},
	}
}

func crdCases() []ruleCase {
	const dir = "operator/deploy/crds/"
	crd := func(old, new string) func(b *archivetest.Builder) {
		return func(b *archivetest.Builder) {
			if !strings.Contains(archivetest.CRD, old) {
				panic(old)
			}
			b.WithFile(dir+"example_crd.yaml", strings.Replace(archivetest.CRD, old, new, 1))
		}
	}
	const name = "operator/deploy/crds/example_crd.yaml: "
	const full = "examples.example-solution.example.com"
	return []ruleCase{
		{"no CRDs", func(b *archivetest.Builder) { b.Without("operator/deploy/crds") }, ``},
		{"samples", func(b *archivetest.Builder) {
			b.WithFile(dir+"example_cr.yaml", "apiVersion: example-solution.example.com/v1alpha1\nkind: Example\n").
				WithFile(dir+"README.md", "a: [")
		}, ``},
		{
			"CRD YAML", crd("kind: Example", "kind: [Example"),
			`error(activate) crd-yaml ` + name + `yaml: line 9: did not find expected ',' or ']'`,
		},
		{
			"sample YAML", func(b *archivetest.Builder) { b.WithFile(dir+"template.yaml", "a: {{ b }}: c") },
			`warning crd-yaml operator/deploy/crds/template.yaml: not read: yaml: mapping values are not allowed in this context`,
		},
		{
			"CRD version", crd("k8s.io/v1", "k8s.io/v1beta1"),
			`error(activate) crd-version ` + name + full + ` is apiextensions.k8s.io/v1beta1, which Kubernetes 1.22 and later do not serve; it needs apiextensions.k8s.io/v1`,
		},
		{"CRD without a name", crd("  name: "+full, "  labels: {}"), `error(activate) crd-fields ` + name + `a CRD without metadata.name has no metadata.name`},
		{"CRD without a plural", crd("    plural: examples\n", ""), `error(activate) crd-fields ` + name + full + ` has no spec.names.plural`},
		{"CRD scope", crd("Namespaced", "namespaced"), `error(activate) crd-fields ` + name + full + ` has spec.scope "namespaced", which must be Namespaced or Cluster`},
		{"CRD without versions", crd("\n  versions:", "\n  version:"), `error(activate) crd-fields ` + name + full + ` has no spec.versions`},
		{
			"CRD name", crd("name: examples.", "name: example."),
			`error(activate) crd-name ` + name + `the name is "example.example-solution.example.com", and must be <spec.names.plural>.<spec.group>, "` + full + `"`,
		},
		{
			"CRD without storage", crd("storage: true", "storage: false"),
			`error(activate) crd-storage ` + name + full + ` has 0 versions with storage: true, and must have exactly one`,
		},
		{
			"CRD with two storages", crd("versions:\n", "versions:\n  - {name: v1, served: true, storage: true}\n"),
			`error(activate) crd-storage ` + name + full + ` has 2 versions with storage: true, and must have exactly one`,
		},
		{
			"CRD twice", func(b *archivetest.Builder) { b.WithFile(dir+"other.yml", archivetest.CRD) },
			`error(activate) crd-duplicate operator/deploy/crds/other.yml: ` + full + ` is in operator/deploy/crds/example_crd.yaml already`,
		},
	}
}

func limitCases() []ruleCase {
	deep := "images" + strings.Repeat("/d", 17)
	return []ruleCase{
		{
			"too deep", func(b *archivetest.Builder) { b.WithFile(deep+"/manifest.json", "{}") },
			`error(import) limit ` + deep + `: is more than 16 directories deep`,
		},
		{
			"unreadable", func(b *archivetest.Builder) {
				b.Without("operator/deploy/role.yaml").WithFile("operator/deploy/role.yaml/", "")
			},
			`error(import) unreadable operator/deploy/role.yaml: no regular file`,
		},
		{
			"too long", func(b *archivetest.Builder) { b.WithManifest(strings.Repeat(" ", 4<<20+1)) },
			`error(import) unreadable manifest.yaml: 4194305 bytes long, and at most 4194304 are read`,
		},
	}
}
