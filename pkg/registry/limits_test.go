// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// soon are limits that a test can wait for.
var soon = limits{
	header: 300 * time.Millisecond, idle: 300 * time.Millisecond, body: 300 * time.Millisecond, stall: 300 * time.Millisecond,
	drain: 10 * time.Second, connections: 4,
}

func withSoon(s *Server) { s.limits = &soon }

// client is a client that sends what it likes.
type client struct {
	net.Conn
	t    *testing.T
	read *bufio.Reader
}

func (r *running) dial() *client {
	r.t.Helper()
	var d net.Dialer
	c, err := d.DialContext(r.t.Context(), "tcp", r.url[strings.Index(r.url, "://")+3:])
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	return &client{c, r.t, bufio.NewReader(c)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// drip sends a piece again and again until the server has ended the connection.
func (c *client) drip(piece string) {
	for {
		if _, err := io.WriteString(c, piece); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// status reads an answer.
func (c *client) status() int {
	c.t.Helper()
	response, err := http.ReadResponse(c.read, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		c.t.Error(err)
	}
	if err := response.Body.Close(); err != nil {
		c.t.Error(err)
	}
	return response.StatusCode
}

// ends waits until the server has ended the connection.
func (c *client) ends() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c.read); errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Error("the connection is still open")
	}
}

const request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	r := runWith(t, withSoon)
	for _, piece := range []string{"X: y\r\n", "x"} {
		c := r.dial()
		c.send("GET /v2/ HTTP/1.1\r\nHost: x\r\n")
		go c.drip(piece)
		c.ends()
	}
	c := r.dial() // says nothing
	c.ends()
	// In the middle of a connection, too.
	c = r.dial()
	c.send(request)
	if status := c.status(); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	go c.drip("G")
	c.ends()
}

func TestSlowHandshake(t *testing.T) {
	t.Parallel()
	s := runTLS(t, withSoon)
	s.dial().ends() // says nothing
	c := s.dial()
	// A handshake record of 256 bytes, whose bytes come one by one.
	c.send("\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03")
	go c.drip("x")
	c.ends()
	s.answers(s.client, "/healthz", http.StatusOK)
}

func TestSlowBody(t *testing.T) {
	t.Parallel()
	r := runWith(t, withSoon)
	for _, headers := range []string{
		"Content-Length: 1000\r\n", "Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n",
		"Content-Length: 1000\r\nExpect: 100-continue\r\n",
	} {
		for method, status := range map[string]int{http.MethodPost: http.StatusMethodNotAllowed, http.MethodGet: http.StatusOK} {
			c := r.dial()
			c.send(method + " /v2/ HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n")
			go c.drip("1")
			if got := c.status(); got != status {
				t.Errorf("%s with %q: status %d, want %d", method, headers, got, status)
			}
			c.ends()
		}
	}
}

// A client that stops reading is cut off.
func TestSlowReading(t *testing.T) {
	t.Parallel()
	iso, path, data := large(t, "1.0.0")
	r := runWith(t, withSoon, iso)
	r.serving(1)
	c := r.dial()
	c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
	r.eventually("it is cut off", func() bool { return strings.Contains(r.log.String(), "status=200") })
	n, err := io.Copy(io.Discard, c)
	if n >= int64(len(data)) {
		t.Errorf("all of it was sent: %d bytes, %v", n, err)
	}
}

// A client that reads on is not cut off, however long it takes in all. The
// system tells the server of room in its buffer, of up to some MiB, only when a
// third of that is free: a client has to take so much in the time for one piece.
func TestSteadyReading(t *testing.T) {
	t.Parallel()
	iso, path, data := large(t, "1.0.0")
	steady := soon
	steady.stall = 3 * time.Second
	r := runWith(t, func(s *Server) { s.limits = &steady }, iso)
	r.serving(1)
	c := r.dial()
	c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
	response, err := http.ReadResponse(c.read, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got bytes.Buffer
	start := time.Now()
	for err == nil {
		_, err = io.CopyN(&got, response.Body, int64(len(data)/50))
		time.Sleep(steady.stall / 40)
	}
	if took := time.Since(start); !errors.Is(err, io.EOF) || !bytes.Equal(got.Bytes(), data) || took < steady.stall {
		t.Errorf("%d bytes in %v, %v", got.Len(), took, err)
	}
}

func TestHeaderFlood(t *testing.T) {
	r := runWith(t, withSoon)
	for _, flood := range []string{strings.Repeat("X: y\r\n", maxHeaderBytes), "X: " + strings.Repeat("y", 2*maxHeaderBytes), strings.Repeat("Range: bytes=0-0\r\n", maxHeaderBytes)} {
		c := r.dial()
		// The server may end the connection before all of it is sent.
		_, _ = io.WriteString(c, "GET /v2/ HTTP/1.1\r\nHost: x\r\n"+flood+"\r\n\r\n")
		response, err := http.ReadResponse(c.read, nil)
		if err != nil {
			continue // a reset, which overtook the answer
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d, %v", response.StatusCode, err)
		}
	}
	if status, _ := r.get("/healthz"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}

// More connections than there may be wait until others end.
func TestManyConnections(t *testing.T) {
	long := soon
	long.header, long.idle = time.Minute, time.Minute
	r := runWith(t, func(s *Server) { s.limits = &long })
	var taken []*client
	for range long.connections {
		c := r.dial()
		c.send(request)
		if status := c.status(); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		taken = append(taken, c)
	}
	next := r.dial()
	next.send(request)
	r.eventually("it is told", func() bool { return strings.Contains(r.log.String(), "no more connections are taken until others end") })
	if err := next.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := next.read.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one too many is answered: %v", err)
	}
	// Those that are there go on.
	taken[1].send(request)
	if status := taken[1].status(); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if err := taken[0].Close(); err != nil {
		t.Fatal(err)
	}
	if err := next.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	next.read.Reset(next)
	if status := next.status(); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if n := strings.Count(r.log.String(), "no more connections"); n != 1 {
		t.Errorf("told %d times", n)
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// The server ends while it takes no connections.
func TestManyConnectionsEnd(t *testing.T) {
	long := soon
	long.header, long.drain = time.Minute, 100*time.Millisecond
	r := runWith(t, func(s *Server) { s.limits = &long })
	for range long.connections {
		r.dial().send("GET ")
	}
	r.eventually("it is told", func() bool { return strings.Contains(r.log.String(), "no more connections") })
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func TestIdleConnection(t *testing.T) {
	t.Parallel()
	r := runWith(t, withSoon)
	c := r.dial()
	for range 3 {
		c.send(request)
		if status := c.status(); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
	c.ends()
}

func TestManyRanges(t *testing.T) {
	b := archivetest.New(t).WithImage("a", "1", archivetest.LayerSize(1<<20))
	r := runWith(t, withSoon, b.ISO(t))
	r.serving(1)
	path := ""
	for _, blob := range b.Blobs("a", "1") {
		if len(b.Files()[blob]) >= 1<<20 {
			path = "/v2/" + id + "/a/blobs/sha256:" + blob[len(blob)-64:]
		}
	}
	for n, want := range map[int]int{1: http.StatusPartialContent, maxRanges: http.StatusPartialContent, maxRanges + 1: http.StatusRequestedRangeNotSatisfiable, 1000: http.StatusRequestedRangeNotSatisfiable} {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf("%d-%d", 2*i, 2*i))
		}
		c := r.dial()
		c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nRange: bytes=" + strings.Join(parts, ",") + "\r\n\r\n")
		if status := c.status(); status != want {
			t.Errorf("%d ranges: status %d, want %d", n, status, want)
		}
	}
	// Of many headers the first counts.
	c := r.dial()
	c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("Range: bytes=0-0\r\n", 500) + "\r\n")
	if status := c.status(); status != http.StatusPartialContent {
		t.Errorf("status %d", status)
	}
	for line := range strings.Lines(r.log.String()) {
		if len(line) > 4*logged {
			t.Errorf("a line of %d bytes in the log", len(line))
		}
	}
}
