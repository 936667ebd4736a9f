// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"net/http"
	"strings"
)

// plainRequest is a request that asks for all of something, over HTTP/1.1, in
// the plainest way that there is. Nothing in it is escaped.
type plainRequest struct{ method, path, agent string }

// maxPlainBytes is the most that a plain request has: those of clients that pull
// have some 300 bytes.
const maxPlainBytes = 2 << 10

// maxPlainName is the length of the longest of plainHeaders.
const maxPlainName = len("docker-distribution-api-version")

// plainHeader is what a header of a plain request is to us.
type plainHeader int

const (
	headerUnknown plainHeader = iota // nothing that is in a plain request
	headerIgnored
	headerHost
	headerAgent
)

// plainHeaders are those that a plain request may have. None of them changes
// the answer, where everyone may read the registry.
var plainHeaders = map[string]plainHeader{
	"accept": headerIgnored, "accept-encoding": headerIgnored, "accept-language": headerIgnored, "authorization": headerIgnored,
	"docker-distribution-api-version": headerIgnored, "host": headerHost, "traceparent": headerIgnored, "tracestate": headerIgnored,
	"user-agent": headerAgent,
}

// parsePlain reads the request that data begins with, and how many bytes it
// has. It reports false for whatever is not whole, not right or not plain, and
// for what it does not know: that is for net/http to look at. It knows less of
// RFC 9112 than any client makes use of: one way to end a line, names that are in
// plainHeaders, values of printable ASCII, and no body.
func parsePlain(data []byte) (r plainRequest, size int, ok bool) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 || end > maxPlainBytes {
		return r, 0, false
	}
	line, rest, _ := bytes.Cut(data[:end+2], []byte("\r\n"))
	if !r.parseLine(line) {
		return r, 0, false
	}
	hosts := 0
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		switch header, value := parsePlainHeader(line); header {
		case headerUnknown:
			return r, 0, false
		case headerHost:
			if hosts++; !isPlainHost(value) {
				return r, 0, false
			}
		case headerAgent:
			if r.agent == "" {
				r.agent = string(value)
			}
		}
	}
	return r, end + 4, hosts == 1
}

// parseLine reads the first line.
func (r *plainRequest) parseLine(line []byte) bool {
	rest, found := bytes.CutSuffix(line, []byte(" HTTP/1.1"))
	if !found {
		return false
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if path, found := bytes.CutPrefix(rest, []byte(method+" /")); found {
			r.method, rest = method, rest[len(rest)-len(path)-1:]
		}
	}
	for _, c := range rest {
		if !isLetter(c) && !strings.ContainsRune("/:._-", rune(c)) {
			return false
		}
	}
	r.path = string(rest)
	return r.method != ""
}

// parsePlainHeader reads a header line.
func parsePlainHeader(line []byte) (header plainHeader, value []byte) {
	name, value, found := bytes.Cut(line, []byte(":"))
	var lower [maxPlainName]byte
	if !found || len(name) > len(lower) {
		return headerUnknown, nil
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	for _, c := range value {
		if c < ' ' || c > '~' {
			return headerUnknown, nil
		}
	}
	return plainHeaders[string(lower[:len(name)])], bytes.Trim(value, " ")
}

func isPlainHost(host []byte) bool {
	for _, c := range host {
		if !isLetter(c) && !strings.ContainsRune(".:-[]", rune(c)) {
			return false
		}
	}
	return len(host) > 0
}

// isLetter knows letters and digits.
func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
