// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// byFront is how the answer of a front begins, and of net/http does not.
const byFront = "HTTP/1.1 200 OK\r\n" + apiVersionHeader

// plain is a request that a front may answer.
func plain(method, path string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\n\r\n"
}

// frontAnswer is an answer, whether a front made it, and whether it says that it
// is the connection's last.
type frontAnswer struct {
	status int
	header http.Header
	body   []byte
	front  bool
	last   bool
}

// answer reads the next answer.
func (c *client) answer(method string) (a frontAnswer) {
	c.t.Helper()
	begin, err := c.read.Peek(len(byFront))
	if err != nil {
		c.t.Fatal(err)
	}
	a.front = string(begin) == byFront
	response, err := http.ReadResponse(c.read, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	a.status, a.header, a.last = response.StatusCode, response.Header, response.Close
	if a.body, err = io.ReadAll(response.Body); err != nil {
		c.t.Fatal(err)
	}
	return a
}

// A front answers what net/http would, whatever is asked for.
func TestFrontAnswersTheSame(t *testing.T) {
	b := standard(t)
	r := run(t, b.ISO(t))
	r.serving(1)
	manifest := "sha256:" + archivetest.Hex(b.Files()["images/docker/1/manifest.json"])
	for path, want := range map[string]bool{
		"/v2/" + id + "/docker/manifests/1":           true,
		"/v2/" + id + "/docker/manifests/" + manifest: true,
		"/v2/" + id + "/deep/er/oci/manifests/v1.0":   true,
		"/v2/" + id + "/index/manifests/1":            true,
		"/v2/" + id + "/docker/manifests/3":           false,
		"/v2/" + id + "/index/manifests/" + manifest:  false,
		"/v2/" + id + "/docker/manifests/sha256:0":    false,
		"/v2/" + id + "/docker//manifests/1":          false,
		"/v2/" + id + "/none/manifests/1":             false,
		"/v2/none/docker/manifests/1":                 false,
		"/v2/" + id + "/docker/tags/list":             false,
		"/v2/":                                        false, "/healthz": false, "/": false, "//": false, "/v2": false,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			one, other := r.dial(), r.dial()
			one.send(plain(method, path))
			other.send(method + " " + path + " HTTP/1.1\r\nHost: x\r\nX-Not: plain\r\n\r\n")
			got, expected := one.answer(method), other.answer(method)
			if got.front != want || expected.front {
				t.Errorf("%s %s: answered by a front: %t, %t", method, path, got.front, expected.front)
			}
			if _, err := http.ParseTime(got.header.Get("Date")); err != nil || len(got.header["Date"]) != 1 {
				t.Errorf("%s %s: dates %q", method, path, got.header["Date"])
			}
			got.header.Del("Date")
			expected.header.Del("Date")
			if got.status != expected.status || !maps.EqualFunc(got.header, expected.header, slices.Equal) || !bytes.Equal(got.body, expected.body) {
				t.Errorf("%s %s: %+v, and not\n%+v", method, path, got, expected)
			}
		}
	}
}

// Requests that come at once, or in pieces, are answered in their order, also
// where the connection is left to the server between two of them.
func TestFrontLeavesConnections(t *testing.T) {
	iso, blob, data := large(t, "1.0.0")
	r := runWith(t, withMetrics, iso)
	r.serving(1)
	manifest := "/v2/" + id + "/large/manifests/1"
	c := r.dial()
	c.send(plain("GET", manifest) + plain("HEAD", manifest) + plain("GET", manifest) + plain("GET", blob) + plain("GET", manifest))
	var bodies [][]byte
	for i, method := range []string{"GET", "HEAD", "GET", "GET", "GET"} {
		a := c.answer(method)
		if a.status != http.StatusOK || a.front != (i < 3) {
			t.Errorf("answer %d: %d, by a front: %t", i, a.status, a.front)
		}
		bodies = append(bodies, a.body)
	}
	if len(bodies[0]) == 0 || len(bodies[1]) != 0 || !bytes.Equal(bodies[2], bodies[0]) || !bytes.Equal(bodies[3], data) || !bytes.Equal(bodies[4], bodies[0]) {
		t.Errorf("bodies of %d, %d, %d, %d, %d bytes", len(bodies[0]), len(bodies[1]), len(bodies[2]), len(bodies[3]), len(bodies[4]))
	}
	// One that comes in pieces, behind one that does not.
	text := plain("GET", manifest)
	for cut := 1; cut < len(text); cut += 7 {
		c := r.dial()
		c.send(text + text[:cut])
		if a := c.answer("GET"); !a.front || !bytes.Equal(a.body, bodies[0]) {
			t.Errorf("%+v", a)
		}
		c.send(text[cut:])
		if a := c.answer("GET"); a.front || !bytes.Equal(a.body, bodies[0]) {
			t.Errorf("cut at %d: %+v", cut, a)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	// All of them are counted, once.
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	r.eventually("the connections have ended", func() bool { return slices.Contains(r.scrape(), metricsPrefix+"connections 0") })
	pieces := (len(text)-2)/7 + 1
	for _, want := range []string{
		`requests_total{code="200",kind="manifest",method="GET"} ` + itoa(3+2*pieces),
		`requests_total{code="200",kind="manifest",method="HEAD"} 1`,
		`answer_seconds_count{kind="manifest"} ` + itoa(4+2*pieces),
		`sent_bytes_total{kind="manifest"} ` + itoa((3+2*pieces)*len(bodies[0])),
		"requests_in_flight 0",
	} {
		if lines := r.scrape(); !slices.Contains(lines, metricsPrefix+want) {
			t.Errorf("no %s in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	if n := strings.Count(r.log.String(), "msg=request method=GET path="+manifest+" status=200 bytes="+itoa(len(bodies[0]))); n != 3+2*pieces {
		t.Errorf("%d lines in the access log", n)
	}
}

// Connections that only a front has had are bounded as others are.
func TestFrontLimits(t *testing.T) {
	t.Parallel()
	iso := archivetest.New(t).ISO(t)
	manifest := plain("GET", "/v2/"+id+"/example-solution-ui/manifests/1.0.0")
	r := runWith(t, withSoon, iso)
	r.serving(1)
	idle := r.dial()
	for range 3 {
		idle.send(manifest)
		if !idle.answer("GET").front {
			t.Error("a front has not answered")
		}
	}
	idle.ends()
	// Who does not read what was asked for is cut off.
	greedy := r.dial()
	for {
		if err := greedy.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(greedy, strings.Repeat(manifest, 100)); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Error("it is not cut off")
			}
			return
		}
	}
}

// Who says nothing holds the end up for so long only.
func TestFrontDrainEnds(t *testing.T) {
	limits := soon
	limits.header, limits.drain = time.Minute, 100*time.Millisecond
	r := runWith(t, func(s *Server) { s.limits = &limits })
	silent := r.dial()
	r.get("/healthz") // the server has seen both
	r.stop()
	silent.ends()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// Who is being answered by a front when the end comes gets the answer, and is
// not waited for any longer.
func TestFrontDrainsWhileAnswering(t *testing.T) {
	limits := soon
	limits.idle = time.Minute
	f := frontAlone(t, limits, slog.New(slog.DiscardHandler), func(f *front, w net.Conn, _ plainRequest) (bool, error) {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		_, err := io.WriteString(w, "ok")
		return true, err
	})
	c := dialFront(t, f)
	c.send(plain("GET", "/"))
	if err := c.SetReadDeadline(time.Now().Add(limits.idle / 2)); err != nil {
		t.Error(err)
	}
	if data, err := io.ReadAll(c.read); string(data) != "ok" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

// A panic ends one connection, and is told.
func TestFrontPanics(t *testing.T) {
	log := &logBuffer{}
	f := frontAlone(t, soon, slog.New(slog.NewTextHandler(log, nil)), func(_ *front, w net.Conn, r plainRequest) (bool, error) {
		if r.path == "/panic" {
			panic("reason")
		}
		_, err := io.WriteString(w, "ok")
		return true, err
	})
	for _, path := range []string{"/panic", "/other"} {
		c := dialFront(t, f)
		c.send(plain("GET", path))
		if data, err := io.ReadAll(c.read); path == "/other" && string(data) != "ok" {
			t.Errorf("%q, %v", data, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(log.String(), "level=ERROR msg=panic client=127.0.0.1:") || !strings.Contains(log.String(), "reason=reason") {
		t.Errorf("the log\n%s", log)
	}
}

// frontAlone is a front for one connection at a time, without a server behind
// it, that answers as it is told.
func frontAlone(t *testing.T, limits limits, log *slog.Logger, answer func(*front, net.Conn, plainRequest) (bool, error)) *front {
	t.Helper()
	connections := newConnections(1, slog.New(slog.DiscardHandler))
	list, err := listen(t.Context(), "", []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	var f *front
	f = newFront(connections.bound(list[0]), connections, limits, func(w net.Conn, r plainRequest) (bool, error) { return answer(f, w, r) }, log)
	t.Cleanup(f.finish)
	t.Cleanup(func() { f.Close() })
	return f
}

func dialFront(t *testing.T, f *front) *client {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{conn, t, bufio.NewReader(conn)}
}
