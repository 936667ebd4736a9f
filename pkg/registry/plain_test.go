// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestParsePlain(t *testing.T) {
	const line, host = "GET /v2/a-1/b/manifests/1 HTTP/1.1\r\n", "Host: x\r\n"
	for text, want := range map[string]bool{
		line + host: true,
		"HEAD /v2/a-1/b/manifests/sha256:0a HTTP/1.1\r\n" + host:                     true,
		line + "hOST: [::1]:5000\r\nuser-agent: a b/1 (c; d)\r\n":                    true,
		line + host + "Accept: a/b\r\nAccept: c/d, */*\r\nAccept-Encoding: gzip\r\n": true,
		line + host + "Authorization: Basic eDp5\r\nTraceparent: 00-1-2-3\r\n":       true,
		line:                                                                   false, // no host, or two, or none that could be one
		line + host + host:                                                     false,
		line + "Host:\r\n":                                                     false,
		line + "Host: a b\r\n":                                                 false,
		line + "Host: a/b\r\n":                                                 false,
		line + host + "Accept\r\n":                                             false,
		line + host + "Range: bytes=0-1\r\n":                                   false,
		line + host + "If-None-Match: \"x\"\r\n":                               false,
		line + host + "Content-Length: 0\r\n":                                  false,
		line + host + "Transfer-Encoding: chunked\r\n":                         false,
		line + host + "Connection: close\r\n":                                  false,
		line + host + "Expect: 100-continue\r\n":                               false,
		line + host + "X-Other: y\r\n":                                         false,
		line + host + " folded: x\r\n":                                         false,
		line + host + "Accept : x\r\n":                                         false,
		line + host + "Accept: \x00\r\n":                                       false,
		line + host + "Accept: a\tb\r\n":                                       false,
		line + host + "Accept: \xc3\xa4\r\n":                                   false,
		line + host + "Accept: a\nTransfer-Encoding: x\r\n":                    false,
		line + host + "Accept: a\rb\r\n":                                       false,
		line + host + strings.Repeat("x", 1000) + ": y\r\n":                    false,
		"GET /v2/a%2fb/manifests/1 HTTP/1.1\r\n" + host:                        false,
		"GET /v2/a/manifests/1?x HTTP/1.1\r\n" + host:                          false,
		"GET /v2/a/manifests/1#x HTTP/1.1\r\n" + host:                          false,
		"GET /v2/a/ manifests/1 HTTP/1.1\r\n" + host:                           false,
		"GET http://x/v2/a/manifests/1 HTTP/1.1\r\n" + host:                    false,
		"GET  /v2/a/manifests/1 HTTP/1.1\r\n" + host:                           false,
		"GET /v2/a/manifests/1 HTTP/1.0\r\n" + host:                            false,
		"GET /v2/a/manifests/1 HTTP/1.1 \r\n" + host:                           false,
		"GET /v2/a/manifests/1\r\n" + host:                                     false,
		"get /v2/a/manifests/1 HTTP/1.1\r\n" + host:                            false,
		"POST /v2/a/manifests/1 HTTP/1.1\r\n" + host:                           false,
		"\r\n" + line + host:                                                   false,
		strings.ReplaceAll(line+host, "\r\n", "\n"):                            false,
		line + host + "Accept: " + strings.Repeat("x", maxPlainBytes) + "\r\n": false,
	} {
		const next = "GET /"
		r, size, ok := parsePlain([]byte(text + "\r\n" + next))
		if ok != want || ok && (size != len(text)+2 || !strings.HasPrefix(r.path, "/v2/a-1/b/manifests/")) {
			t.Errorf("%q: %v, %+v of %d bytes", text, ok, r, size)
		}
		if _, _, ok := parsePlain([]byte(text + "\r")); ok {
			t.Errorf("%q is not whole", text)
		}
	}
}

// FuzzPlain holds what a front takes for a plain request against what net/http
// reads: it is the same request of the same length, with no body, nothing
// that changes the answer, and no other way to read its path.
func FuzzPlain(f *testing.F) {
	f.Add([]byte("GET /v2/a/b/manifests/1 HTTP/1.1\r\nHost: x\r\nUser-Agent: c\r\nAccept: d\r\n\r\nGET /"))
	f.Add([]byte("HEAD /v2/a/b/manifests/sha256:00 HTTP/1.1\r\nhost: [::1]:1\r\nAuthorization:  x \r\n\r\n"))
	f.Add([]byte("GET /a/../b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"))
	f.Add([]byte("GET // HTTP/1.1\r\nHost: x\r\nAccept\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, size, ok := parsePlain(data)
		if !ok {
			return
		}
		read := bytes.NewReader(data)
		buffered := bufio.NewReader(read)
		r, err := http.ReadRequest(buffered)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if got := len(data) - read.Len() - buffered.Buffered(); got != size {
			t.Errorf("%q: %d bytes, and not %d", data, size, got)
		}
		if r.Method != plain.method || r.URL.Path != plain.path || r.URL.EscapedPath() != plain.path || r.RequestURI != plain.path || r.UserAgent() != plain.agent {
			t.Errorf("%q: %+v, and not %s %s %q", data, plain, r.Method, r.URL, r.UserAgent())
		}
		if r.Proto != "HTTP/1.1" || r.Host == "" || r.Close || r.ContentLength != 0 || r.Body != http.NoBody || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 {
			t.Errorf("%q: %+v", data, r)
		}
		for _, name := range append([]string{"Connection", "Expect", "Upgrade"}, conditions...) {
			if r.Header[name] != nil {
				t.Errorf("%q has %s", data, name)
			}
		}
	})
}
