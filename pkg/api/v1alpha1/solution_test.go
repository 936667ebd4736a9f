// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// manifest returns a whole manifest of metadata's and spec's fields in flow
// style, and further lines.
func manifest(metadata, spec string, lines ...string) string {
	return "apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: Solution\nmetadata: {" + metadata + "}\nspec: {" + spec + "}\n" +
		strings.Join(lines, "\n")
}

const displayKey = "solutions.metalk8s.scality.com/display-name"

// versions are written forms that YAML reads as something else than text.
func TestDecodeSolutionKeepsWrittenForms(t *testing.T) {
	for _, written := range []string{
		"1.0", "1.10", "1", "1.0.0", "1.0.0-dev", "2.10.1-rc.1+b3", "0x10", "1e3", "0o17", "017", "1_000", "yes", "no", "true", "y", "off",
		"2024-01-01", "1.0.0~beta1", "v1.0.0", "12345678901234567890", "1.7976931348623157e309", "nan", "inf",
	} {
		s, err := DecodeSolution([]byte(manifest("name: "+written+", labels: {l: "+written+"}", "version: "+written+
			", operator: {image: {tag: "+written+"}}, customApiGroups: ["+written+"]")))
		// Not all are names.
		if err != nil && strings.Contains(err.Error(), "is no DNS label") {
			s, err = DecodeSolution([]byte(manifest("name: a, labels: {l: "+written+"}", "version: "+written+
				", operator: {image: {tag: "+written+"}}, customApiGroups: ["+written+"]")))
		}
		if err != nil {
			// A tag can hold neither.
			if strings.ContainsAny(written, "+~") && strings.Contains(err.Error(), "is no image tag") {
				continue
			}
			t.Errorf("%s: %v", written, err)
			continue
		}
		metadata, _ := s.Object["metadata"].(map[string]any)
		labels, _ := metadata["labels"].(map[string]any)
		if s.Version != written || s.Operator.Tag != written || s.CustomAPIGroups[0] != written || labels["l"] != written {
			t.Errorf("%s: version %q, tag %q, API group %q, label %q", written, s.Version, s.Operator.Tag, s.CustomAPIGroups[0], labels["l"])
		}
	}
}

func TestDecodeSolution(t *testing.T) {
	tests := map[string]struct {
		text string
		want Solution // Object left out
	}{
		"the least there can be": {manifest("name: a", "version: 1.0.0"), Solution{Name: "a", Version: "1.0.0", DisplayName: "a", UIDeploy: true}},
		"everything": {
			manifest("name: storage, annotations: {"+displayKey+": The Storage}",
				"version: 2.10.1-rc.1+b3, images: ['a:1', 'team/b.c_d:2.0'], operator: {image: {name: op, tag: 3}}, ui: {image: {name: face, tag: 4.0}, deploy: false}, customApiGroups: [a.example.com]"),
			Solution{
				Name: "storage", Version: "2.10.1-rc.1+b3", DisplayName: "The Storage",
				Images:   []ImageName{{"a", "1"}, {"team/b.c_d", "2.0"}},
				Operator: ImageName{"op", "3"}, UI: ImageName{"face", "4.0"}, CustomAPIGroups: []string{"a.example.com"},
			},
		},
		"annotations at the top level": {manifest("name: a", "version: 1", "annotations: {"+displayKey+": Top}"), Solution{Name: "a", Version: "1", DisplayName: "Top", UIDeploy: true}},
		"annotations in both places": {
			manifest("name: a, annotations: {"+displayKey+": In}", "version: 1", "annotations: {"+displayKey+": Top}"),
			Solution{Name: "a", Version: "1", DisplayName: "In", UIDeploy: true},
		},
		"half an image":        {manifest("name: a", "version: 1, operator: {image: {name: op}}, ui: {image: {tag: 2}}"), Solution{Name: "a", Version: "1", DisplayName: "a", Operator: ImageName{Name: "op"}, UI: ImageName{Tag: "2"}, UIDeploy: true}},
		"nulls":                {manifest("name: a, annotations: null", "version: 1, images: null, operator: ~, ui: {image: null, deploy: }"), Solution{Name: "a", Version: "1", DisplayName: "a", UIDeploy: true}},
		"no images at all":     {manifest("name: a", "version: 1, images: []"), Solution{Name: "a", Version: "1", DisplayName: "a", UIDeploy: true}},
		"upper-case image":     {manifest("name: a", "version: 1, images: ['Old_Image:V1']"), Solution{Name: "a", Version: "1", DisplayName: "a", Images: []ImageName{{"Old_Image", "V1"}}, UIDeploy: true}},
		"port in an image":     {manifest("name: a", "version: 1, images: ['a/b:1']"), Solution{Name: "a", Version: "1", DisplayName: "a", Images: []ImageName{{"a/b", "1"}}, UIDeploy: true}},
		"anchors":              {manifest("name: &n a", "version: &v 1.10, operator: {image: {name: *n, tag: *v}}"), Solution{Name: "a", Version: "1.10", DisplayName: "a", Operator: ImageName{"a", "1.10"}, UIDeploy: true}},
		"a merge key":          {manifest("name: a", "version: 1, ui: &u {image: {name: x, tag: y}}, operator: {<<: *u}"), Solution{Name: "a", Version: "1", DisplayName: "a", Operator: ImageName{"x", "y"}, UI: ImageName{"x", "y"}, UIDeploy: true}},
		"byte order mark":      {"\ufeff" + manifest("name: a", "version: 1.0"), Solution{Name: "a", Version: "1.0", DisplayName: "a", UIDeploy: true}},
		"carriage returns":     {strings.ReplaceAll(manifest("name: a", "version: 1.0"), "\n", "\r\n"), Solution{Name: "a", Version: "1.0", DisplayName: "a", UIDeploy: true}},
		"marks of a document":  {"%YAML 1.1\n---\n" + manifest("name: a", "version: 1") + "...\n", Solution{Name: "a", Version: "1", DisplayName: "a", UIDeploy: true}},
		"JSON":                 {`{"apiVersion":"solutions.metalk8s.scality.com/v1alpha1","kind":"Solution","metadata":{"name":"a"},"spec":{"version":"1"}}`, Solution{Name: "a", Version: "1", DisplayName: "a", UIDeploy: true}},
		"as long as it may be": {manifest("name: "+strings.Repeat("a", 63), "version: 1"+strings.Repeat("0", 127)), Solution{Name: strings.Repeat("a", 63), Version: "1" + strings.Repeat("0", 127), DisplayName: strings.Repeat("a", 63), UIDeploy: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := DecodeSolution([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if s.ID() != tt.want.Name+"-"+tt.want.Version {
				t.Errorf("id %s", s.ID())
			}
			s.Object = nil
			if diff := cmp.Diff(tt.want, *s); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What is unknown stays as it is, with the types that YAML gives it.
func TestDecodeSolutionKeepsUnknownFields(t *testing.T) {
	s, err := DecodeSolution([]byte(`# above
apiVersion: solutions.metalk8s.scality.com/v1alpha1
kind: Solution
metadata:
  name: a # beside
  generateName: b
spec: {
  # within
  version: 1.10, replicas: 3, ratio: 0.5, on: true, nothing: , list: [1, two, null], nested: {version: 1.10}, text: "1.10" # after
}
extra:
  block: |2
      indented
    less # no comment
  folded: >-
    one
    two

  'quoted key': "a\tb"
  # below
  big: 12345678901
  empty:
  emptyText: ''
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": APIVersion, "kind": "Solution",
		"metadata": map[string]any{"name": "a", "generateName": "b"},
		"spec": map[string]any{
			"version": "1.10", "replicas": int64(3), "ratio": 0.5, "on": true, "nothing": nil, "list": []any{int64(1), "two", nil},
			"nested": map[string]any{"version": 1.1}, "text": "1.10",
		},
		"extra": map[string]any{"block": "  indented\nless # no comment\n", "folded": "one two", "quoted key": "a\tb", "big": int64(12345678901), "empty": nil, "emptyText": ""},
	}
	if diff := cmp.Diff(want, s.Object); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeSolutionErrors(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		p := "*" + string(c-1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Join([]string{p, p, p, p, p, p, p, p, p}, ",") + "]\n"
	}
	good := manifest("name: a", "version: 1")
	tests := map[string]struct{ text, want string }{
		"empty":              {"", "not a YAML mapping: the file is empty"},
		"only a comment":     {"# nothing\n", "not a YAML mapping: the file is empty"},
		"null":               {"null\n", "not a YAML mapping"},
		"a list":             {"- a\n", "not a YAML mapping"},
		"text":               {"hello", "not a YAML mapping"},
		"no YAML":            {"a: [", "not a YAML mapping: yaml: line 1: did not find expected node content"},
		"tabs":               {"a:\n\tb: c", "not a YAML mapping: yaml: line 2: found character that cannot start any token"},
		"not UTF-8":          {"a: \xff", "not a YAML mapping: yaml: invalid leading UTF-8 octet"},
		"a NUL":              {"a: \x00", "not a YAML mapping: yaml: control characters are not allowed"},
		"an ISO image":       {strings.Repeat("\x00", 40000) + "CD001", "not a YAML mapping: yaml: control characters are not allowed"},
		"two documents":      {good + "---\n" + good, "more than one YAML document"},
		"two, one is bad":    {good + "---\n[", "more than one YAML document"},
		"duplicate key":      {good + "kind: Solution\n", `not a YAML mapping: yaml: unmarshal errors:` + "\n" + `  line 5: mapping key "kind" already defined at line 2`},
		"duplicate below":    {manifest("name: a, name: b", "version: 1"), `not a YAML mapping: yaml: unmarshal errors:` + "\n" + `  line 3: mapping key "name" already defined at line 3`},
		"unknown alias":      {manifest("name: *a", "version: 1"), "not a YAML mapping: yaml: unknown anchor 'a' referenced"},
		"alias of itself":    {good + "a: &a [*a]\n", "not a YAML mapping: yaml: anchor 'a' value contains itself"},
		"alias bomb":         {good + bomb, "not a YAML mapping: yaml: document contains excessive aliasing"},
		"too long":           {good + "# " + strings.Repeat("x", MaxManifestBytes), "524396 bytes long, and a manifest has at most 524288"},
		"other kind":         {strings.Replace(good, "kind: Solution", "kind: Deployment", 1), `kind is "Deployment", and must be "Solution"`},
		"no kind":            {strings.Replace(good, "kind: Solution\n", "", 1), `kind is "", and must be "Solution"`},
		"kind is a list":     {strings.Replace(good, "kind: Solution", "kind: [Solution]", 1), `kind is "", and must be "Solution"`},
		"other apiVersion":   {strings.Replace(good, "/v1alpha1", "/v2", 1), `apiVersion is "solutions.metalk8s.scality.com/v2", and must be "solutions.metalk8s.scality.com/v1alpha1"`},
		"the other file's":   {strings.Replace(good, "solutions.metalk8s", "metalk8s", 1), `apiVersion is "metalk8s.scality.com/v1alpha1", and must be "solutions.metalk8s.scality.com/v1alpha1"`},
		"no name":            {manifest("", "version: 1"), "metadata.name is missing"},
		"name is null":       {manifest("name: null", "version: 1"), "metadata.name is missing"},
		"no metadata":        {strings.Replace(good, "metadata: {name: a}\n", "", 1), "metadata.name is missing"},
		"metadata is text":   {strings.Replace(good, "metadata: {name: a}\n", "metadata: a\n", 1), `metadata must be a mapping, and is "a"`},
		"name is a mapping":  {manifest("name: {a: b}", "version: 1"), `metadata.name must be a string, and is "map[a:b]"`},
		"upper-case name":    {manifest("name: Storage", "version: 1"), `metadata.name "Storage" is no DNS label (RFC 1123): ` + noLabel},
		"name with a dot":    {manifest("name: a.b", "version: 1"), `metadata.name "a.b" is no DNS label (RFC 1123): must not contain dots`},
		"long name":          {manifest("name: "+strings.Repeat("a", 64), "version: 1"), `metadata.name "` + strings.Repeat("a", 64) + `" is no DNS label (RFC 1123): must be no more than 63 characters`},
		"name of a path":     {manifest("name: ../a", "version: 1"), `metadata.name "../a" is no DNS label (RFC 1123): ` + noLabel},
		"no version":         {manifest("name: a", ""), "spec.version is missing"},
		"version is null":    {manifest("name: a", "version: null"), "spec.version is missing"},
		"version is empty":   {manifest("name: a", "version: ''"), "spec.version is missing"},
		"no spec":            {strings.Replace(good, "spec: {version: 1}\n", "", 1), "spec.version is missing"},
		"spec is a list":     {strings.Replace(good, "spec: {version: 1}\n", "spec: []\n", 1), `spec must be a mapping, and is "[]"`},
		"version is a list":  {manifest("name: a", "version: [1]"), `spec.version must be a string, and is "[1]"`},
		"version is latest":  {manifest("name: a", "version: latest"), noVersion("latest")},
		"version of a path":  {manifest("name: a", "version: 1/../2"), noVersion("1/../2")},
		"version in a space": {manifest("name: a", "version: '1 0'"), noVersion("1 0")},
		"version of a dot":   {manifest("name: a", "version: ."), noVersion(".")},
		"version is a flag":  {manifest("name: a", "version: -1"), noVersion("-1")},
		"version of a line":  {manifest("name: a", `version: "1\n2"`), noVersion(`1\n2`)},
		"long version":       {manifest("name: a", "version: 1"+strings.Repeat("0", 128)), noVersion("1" + strings.Repeat("0", 128))},
		"no tag":             {manifest("name: a", "version: 1, images: [a]"), `spec.images: image "a" is not of the form name:tag`},
		"empty tag":          {manifest("name: a", "version: 1, images: ['a:']"), `spec.images: image "a:" is not of the form name:tag`},
		"image of a path":    {manifest("name: a", "version: 1, images: ['../../etc:1']"), `spec.images: "../../etc" is no image name`},
		"tag of a path":      {manifest("name: a", "version: 1, images: ['a:..']"), `spec.images: ".." is no image tag`},
		"image is a number":  {manifest("name: a", "version: 1, images: [1]"), `spec.images: image "1" is not of the form name:tag`},
		"image is a mapping": {manifest("name: a", "version: 1, images: [{a: 1}]"), `spec.images must be a list of strings, and is "[map[a:1]]"`},
		"images is text":     {manifest("name: a", "version: 1, images: 'a:1'"), `spec.images must be a list, and is "a:1"`},
		"operator's name":    {manifest("name: a", "version: 1, operator: {image: {name: /etc, tag: 1}}"), `spec.operator.image: "/etc" is no image name`},
		"operator's tag":     {manifest("name: a", "version: 1, operator: {image: {tag: a b}}"), `spec.operator.image: "a b" is no image tag`},
		"operator is text":   {manifest("name: a", "version: 1, operator: {image: 'a:1'}"), `spec.operator.image must be a mapping, and is "a:1"`},
		"operator before UI": {manifest("name: a", "version: 1, operator: {image: {tag: ' '}}, ui: {image: {tag: ' '}}"), `spec.operator.image: " " is no image tag`},
		"UI's tag":           {manifest("name: a", "version: 1, ui: {image: {tag: '@'}}"), `spec.ui.image: "@" is no image tag`},
		"deploy is text":     {manifest("name: a", "version: 1, ui: {deploy: maybe}"), `spec.ui.deploy must be true or false, and is "maybe"`},
		"groups are text":    {manifest("name: a", "version: 1, customApiGroups: a"), `spec.customApiGroups must be a list, and is "a"`},
		"annotation":         {manifest("name: a, annotations: {"+displayKey+": [1]}", "version: 1"), `metadata.annotations.` + displayKey + ` must be a string, and is "[1]"`},
		"long value":         {manifest("name: ["+strings.Repeat("x,", 100)+"]", "version: 1"), `metadata.name must be a string, and is "[x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeSolution([]byte(tt.text))
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v\nwant  %s", err, tt.want)
			}
			if isYAML := strings.HasPrefix(tt.want, "not a YAML mapping"); errors.Is(err, ErrNoYAML) != isYAML {
				t.Errorf("is ErrNoYAML: %t", !isYAML)
			}
		})
	}
}

// noLabel is what apimachinery says of a name that is no DNS label.
const noLabel = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`

func noVersion(quoted string) string {
	return `spec.version "` + quoted + `" is no version: it starts with a letter or digit, holds only letters, digits and any of . _ + ~ -, is at most 128 long and not "latest"`
}

func TestImageName(t *testing.T) {
	for text, want := range map[string]ImageName{
		"a:1": {"a", "1"}, "registry/a-b__c.d:V_1.0-x": {"registry/a-b__c.d", "V_1.0-x"},
		strings.Repeat("a", 255) + ":" + strings.Repeat("b", 128): {strings.Repeat("a", 255), strings.Repeat("b", 128)},
	} {
		got, err := ParseImageName(text)
		if err != nil || got != want || got.String() != text || got.Validate() != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                             `image "" is not of the form name:tag`,
		":1":                           `image ":1" is not of the form name:tag`,
		"a":                            `image "a" is not of the form name:tag`,
		"a/:1":                         `"a/" is no image name`,
		"a//b:1":                       `"a//b" is no image name`,
		"-a:1":                         `"-a" is no image name`,
		"a:b:1":                        `"a:b" is no image name`,
		"a:-1":                         `"-1" is no image tag`,
		"a:b/c":                        `"b/c" is no image tag`,
		"a@sha256:" + "1":              `"a@sha256" is no image name`,
		strings.Repeat("a", 256) + ":": `image "` + strings.Repeat("a", 256) + `:" is not of the form name:tag`,
	} {
		if _, err := ParseImageName(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
	for image, want := range map[ImageName]string{
		{"", "1"}: `image ":1" has no name or no tag`, {"a", ""}: `image "a:" has no name or no tag`, {"a b", "1"}: `"a b" is no image name`,
		{strings.Repeat("a", 256), "1"}: `"` + strings.Repeat("a", 256) + `" is no image name`, {"a", strings.Repeat("b", 129)}: `"` + strings.Repeat("b", 129) + `" is no image tag`,
	} {
		if err := image.Validate(); err == nil || err.Error() != want {
			t.Errorf("%+v: %v; want %s", image, err, want)
		}
	}
}
