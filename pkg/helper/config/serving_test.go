// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

func TestParseServing(t *testing.T) {
	got, err := Parse([]byte(`
registry:
  endpoint: node:5000
  accessLog: true
  tls: {certificate: /c, key: /k, clientCAs: /a}
  htpasswd: /p
metrics: {listen: ['127.0.0.1:5001', '[::1]:0']}
`))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(nil)
	want.Registry = Registry{
		Endpoint: "node:5000", Listen: []string{":5000"}, AccessLog: true, HTPasswd: "/p",
		TLS: TLS{Certificate: "/c", Key: "/k", ClientCAs: "/a"},
	}
	want.Metrics = Metrics{Listen: []string{"127.0.0.1:5001", "[::1]:0"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" || got.Registry.Scheme() != "https" {
		t.Errorf("%v, %s, -want +got:\n%s", err, got.Registry.Scheme(), diff)
	}
	// What config prints is what it reads.
	text, err := yaml.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(text); err != nil || !cmp.Equal(want, again) {
		t.Errorf("%v\n%s", err, text)
	}
}

// What is not configured is not printed either.
func TestPlainServing(t *testing.T) {
	c, err := Parse([]byte("registry: {endpoint: 'node:5000', tls: {}}\nmetrics: {}\n"))
	if err != nil || c.Registry.Scheme() != "http" {
		t.Errorf("%v, %+v", err, c)
	}
	text, err := yaml.Marshal(c)
	if want := "registry:\n  endpoint: node:5000\n  listen:\n  - :5000\nroot: /\n"; err != nil || !strings.HasSuffix(string(text), want) || strings.Contains(string(text), "metrics") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestParseServingRefuses(t *testing.T) {
	const addresses = `for example ":5000", "192.168.1.10:5000" or "[::1]:5000"`
	for text, want := range map[string]struct{ message, hint string }{
		"registry: {htpasswd: a}":                                    {`registry.htpasswd: "a" is no absolute path`, ""},
		"registry: {tls: {key: /k}}":                                 {"registry.tls: there is a key, and no certificate", ""},
		"registry: {tls: {certificate: /k}}":                         {"registry.tls: there is a certificate, and no key", ""},
		"registry: {tls: {clientCAs: /k}}":                           {"registry.tls: there are clientCAs, which need a certificate and a key", ""},
		"registry: {tls: {certificate: c, key: /k}}":                 {`registry.tls: certificate: "c" is no absolute path`, ""},
		"registry: {tls: {certificate: /c, key: ./k}}":               {`registry.tls: key: "./k" is no absolute path`, ""},
		"registry: {tls: {certificate: /c, key: /k, clientCAs: ca}}": {`registry.tls: clientCAs: "ca" is no absolute path`, ""},
		"registry: {tls: {ca: /k}}":                                  {`error unmarshaling JSON: while decoding JSON: json: unknown field "ca"`, ""},
		"metrics: {listen: ['5001']}":                                {`metrics.listen: "5001" is not of the form host:port or :port`, addresses},
		"metrics: {listen: [':5000']}":                               {`metrics.listen: ":5000" is an address of the registry`, ""},
	} {
		_, err := Parse([]byte(text))
		if err == nil || err.Error() != want.message || hint.Of(err) != want.hint {
			t.Errorf("%q: %v, hint %q", text, err, hint.Of(err))
		}
	}
}
