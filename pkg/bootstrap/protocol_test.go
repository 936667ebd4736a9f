// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

func TestBadRequests(t *testing.T) {
	const sameVersion = "install the plugins and solution-bootstrap in the same version"
	for name, tt := range map[string]struct{ request, message, hint string }{
		"nothing":          {"", "the request is not JSON: EOF", ""},
		"not JSON":         {"GET / HTTP/1.1\r\n\r\n", "the request is not JSON: invalid character 'G' looking for beginning of value", ""},
		"a list":           {"[]", "the request is not JSON: json: cannot unmarshal array into Go value of type struct { Protocol int }", ""},
		"no protocol":      {`{"list":{}}`, "the request is of protocol 0, and this helper speaks protocol 1", sameVersion},
		"other protocol":   {`{"protocol":2,"list":{"depth":3},"new":true}`, "the request is of protocol 2, and this helper speaks protocol 1", sameVersion},
		"no operation":     {`{"protocol":1}`, "the request asks for 0 operations, and must ask for one", ""},
		"a null operation": {`{"protocol":1,"list":null}`, "the request asks for 0 operations, and must ask for one", ""},
		"two operations":   {`{"protocol":1,"list":{},"read":{}}`, "the request asks for 2 operations, and must ask for one", ""},
		"unknown":          {`{"protocol":1,"delete":{}}`, `reading the request: json: unknown field "delete"`, ""},
		"unknown below":    {`{"protocol":1,"import":{"archives":[],"force":true}}`, `reading the request: json: unknown field "force"`, ""},
		"other type":       {`{"protocol":1,"import":{"archives":"/a.iso"}}`, "reading the request: json: cannot unmarshal string into Go struct field ImportRequest.import.archives of type []string", ""},
		"two requests":     {`{"protocol":1,"list":{}}{"protocol":1,"list":{}}`, "the request goes on with '{' after its end", ""},
		"too long":         {`{"protocol":1,"holder":"` + strings.Repeat("x", MaxRequestBytes) + `","list":{}}`, "the request is longer than 1048576 bytes", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			agent := &Agent{Configuration: Configuration{Root: t.TempDir()}, Version: "1.2.3"}
			if err := agent.Serve(t.Context(), strings.NewReader(tt.request), &out); err == nil {
				t.Error("no error")
			}
			list := parseEvents(t, out.String())
			want := &Failure{Message: tt.message, Hint: tt.hint, Reason: ReasonBadRequest}
			if diff := cmp.Diff(want, list[len(list)-1].Error); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

type brokenStream struct{ err error }

func (b brokenStream) Read([]byte) (int, error)  { return 0, b.err }
func (b brokenStream) Write([]byte) (int, error) { return 0, b.err }

func TestBrokenStreams(t *testing.T) {
	broken := brokenStream{errors.New("broken pipe")}
	var out bytes.Buffer
	agent := &Agent{Configuration: Configuration{Root: t.TempDir()}, Version: "1.2.3"}
	if err := agent.Serve(t.Context(), broken, &out); !errors.Is(err, broken.err) {
		t.Errorf("reading: %v", err)
	}
	list := parseEvents(t, out.String())
	if got := *list[1].Error; got.Message != "reading the request: broken pipe" || got.Reason != ReasonBadRequest {
		t.Errorf("%+v", got)
	}
	if err := agent.Serve(t.Context(), strings.NewReader(`{"protocol":1,"list":{}}`), broken); !errors.Is(err, broken.err) {
		t.Errorf("writing: %v", err)
	}
	if err := agent.Refuse(broken, io.ErrUnexpectedEOF); !errors.Is(err, broken.err) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("refusing: %v", err)
	}
}

func TestRefuse(t *testing.T) {
	var out bytes.Buffer
	cause := hint.With(errors.New("no configuration"), "make one")
	if err := (&Agent{Version: "1.2.3"}).Refuse(&out, cause); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	list := parseEvents(t, out.String())
	if diff := cmp.Diff(&Failure{Message: "no configuration", Hint: "make one", Reason: ReasonInvalid}, list[1].Error); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParseConfiguration(t *testing.T) {
	configuration := func(root, endpoint string, listen ...string) Configuration {
		return Configuration{
			Root: root, Registry: RegistryConfiguration{Endpoint: endpoint, Listen: listen},
			Archives: ArchivesConfiguration{Upload: filepath.Join(root, DefaultUploadFolder)},
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
			Root: "/", Registry: RegistryConfiguration{Endpoint: usual, Listen: []string{defaultListen}},
			Archives: ArchivesConfiguration{Upload: "/a", Allow: []string{"/b"}},
			Mount:    mount.None,
		},
	} {
		got, err := ParseConfiguration([]byte(text))
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
		_, err := ParseConfiguration([]byte(text))
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
	t.Setenv(ConfigurationEnvironment, variable)
	for path, want := range map[string]string{given: "/given", "": "/variable"} {
		c, err := LoadConfiguration(path)
		if err != nil || c.Root != want || c.SolutionsFile().Path != want+"/etc/metalk8s/solutions.yaml" {
			t.Errorf("%q: %+v, %v", path, c, err)
		}
	}
	for path, want := range map[string]string{
		bad:  "reading the helper's configuration " + bad + `: root: "x" is no absolute path`,
		none: "reading the helper's configuration: open " + none + ": no such file or directory",
	} {
		if _, err := LoadConfiguration(path); err == nil || err.Error() != want {
			t.Errorf("%v; want %s", err, want)
		}
		t.Setenv(ConfigurationEnvironment, path)
		if _, err := LoadConfiguration(""); err == nil || err.Error() != want {
			t.Errorf("from the environment: %v; want %s", err, want)
		}
	}
	if _, err := os.Stat(ConfigurationPath); err == nil {
		t.Skip("this machine has a configuration of the helper")
	}
	t.Setenv(ConfigurationEnvironment, "")
	if c, err := LoadConfiguration(""); err != nil || c.Root != "/" {
		t.Errorf("without any: %+v, %v", c, err)
	}
}
