// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

func TestParseConfiguration(t *testing.T) {
	configuration := func(root, endpoint string, listen ...string) Configuration {
		return Configuration{
			Root: root, Registry: Registry{Endpoint: endpoint, Listen: listen},
			Archives: Archives{Upload: filepath.Join(root, DefaultUploadFolder)},
			Mount:    mount.None,
		}
	}
	const usual = "metalk8s-registry-from-config.invalid"
	for text, want := range map[string]Configuration{
		"":            configuration("/", usual, ":5000"),
		"root: /node": configuration("/node", usual, ":5000"),
		"registry: {endpoint: '192.168.1.10:5000/a/b-c'}": configuration("/", "192.168.1.10:5000/a/b-c", ":5000"),
		"registry: {endpoint: '[::1]:5000'}":              configuration("/", "[::1]:5000", ":5000"),
		"registry: {listen: []}":                          configuration("/", usual, ":5000"),
		"registry: {listen: ['10.0.0.1:80', '[::1]:0']}":  configuration("/", usual, "10.0.0.1:80", "[::1]:0"),
		"archives: {upload: /a, allow: [/b]}": {
			Root: "/", Registry: Registry{Endpoint: usual, Listen: []string{DefaultListen}},
			Archives: Archives{Upload: "/a", Allow: []string{"/b"}},
			Mount:    mount.None,
		},
	} {
		got, err := Parse([]byte(text))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v, -want +got:\n%s", text, err, diff)
		}
	}
	const form = "give it as in an image reference, without a scheme: 192.168.1.10:5000"
	const addresses = `for example ":5000", "192.168.1.10:5000" or "[::1]:5000"`
	for text, want := range map[string]struct{ message, hint string }{
		"root: node":                          {`root: "node" is no absolute path`, ""},
		"registry: {endpoint: 'http://a'}":    {`registry.endpoint: "http://a" is not of the form host[:port][/path]`, form},
		"registry: {endpoint: 'a/'}":          {`registry.endpoint: "a/" is not of the form host[:port][/path]`, form},
		"registry: {endpoint: 'a:5000/Path'}": {`registry.endpoint: "a:5000/Path" is not of the form host[:port][/path]`, form},
		"registry: {listen: ['5000']}":        {`registry.listen: "5000" is not of the form host:port or :port`, addresses},
		"registry: {listen: ['a:70000']}":     {`registry.listen: "a:70000" is not of the form host:port or :port`, addresses},
		"registry: {listen: ['::1:http']}":    {`registry.listen: "::1:http" is not of the form host:port or :port`, addresses},
		"registry: {port: 1}":                 {`error unmarshaling JSON: while decoding JSON: json: unknown field "port"`, ""},
		"archives: {upload: a}":               {`archives: "a" is no absolute path`, ""},
		"archives: {allow: [/a, b]}":          {`archives: "b" is no absolute path`, ""},
		"mount: loop":                         {`mount: "loop" is no way to mount archives`, "it is one of none, kernel and fuse"},
		"unknown: 1":                          {`error unmarshaling JSON: while decoding JSON: json: unknown field "unknown"`, ""},
		"root: [":                             {"error converting YAML to JSON: yaml: line 1: did not find expected node content", ""},
	} {
		_, err := Parse([]byte(text))
		if err == nil || err.Error() != want.message || hint.Of(err) != want.hint {
			t.Errorf("%q: %v, hint %q", text, err, hint.Of(err))
		}
	}
}

func TestLoadConfiguration(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	given, variable, bad, none := write("given.yaml", "root: /given"), write("variable.yaml", "root: /variable"), write("bad.yaml", "root: x"), filepath.Join(folder, "none.yaml")
	t.Setenv(EnvironmentVariable, variable)
	for path, want := range map[string]string{given: "/given", "": "/variable"} {
		c, err := Load(path)
		if err != nil || c.Root != want || c.SolutionsFile().Path != want+"/etc/metalk8s/solutions.yaml" {
			t.Errorf("%q: %+v, %v", path, c, err)
		}
	}
	for path, want := range map[string]string{
		bad:  "reading the helper's configuration " + bad + `: root: "x" is no absolute path`,
		none: "reading the helper's configuration: open " + none + ": no such file or directory",
	} {
		if _, err := Load(path); err == nil || err.Error() != want {
			t.Errorf("%v; want %s", err, want)
		}
		t.Setenv(EnvironmentVariable, path)
		if _, err := Load(""); err == nil || err.Error() != want {
			t.Errorf("from the environment: %v; want %s", err, want)
		}
	}
	if _, err := os.Stat(DefaultPath); err == nil {
		t.Skip("this machine has a configuration of the helper")
	}
	t.Setenv(EnvironmentVariable, "")
	if c, err := Load(""); err != nil || c.Root != "/" {
		t.Errorf("without any: %+v, %v", c, err)
	}
}
