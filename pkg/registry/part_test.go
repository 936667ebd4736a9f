// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Answers share what there is for their buffers, and one gets no more than it
// can use.
func TestPieces(t *testing.T) {
	var p pieces
	var held []*[]byte
	get := func(answer int64) int {
		held = append(held, p.get(answer))
		return len(*held[len(held)-1])
	}
	for _, c := range []struct {
		answer int64
		want   int
	}{{1, minPieceBytes}, {minPieceBytes * 3, minPieceBytes * 2}, {pieceBytes - 1, pieceBytes / 2}, {1 << 40, pieceBytes}} {
		if got := get(c.answer); got != c.want {
			t.Errorf("for %d bytes: %d, want %d", c.answer, got, c.want)
		}
	}
	sizes := map[int]int{}
	for range 500 {
		sizes[get(1<<40)]++
	}
	want := map[int]int{pieceBytes: 12, pieceBytes / 2: 16, pieceBytes / 4: 32, minPieceBytes: 440}
	if diff := cmp.Diff(want, sizes); diff != "" {
		t.Error(diff)
	}
	for _, buf := range held {
		p.put(buf)
	}
	if p.users.Load() != 0 || get(1<<40) != pieceBytes {
		t.Errorf("%d users afterwards", p.users.Load())
	}
}

// recorder is a listener that notes how much is written to its connections at a
// time.
type recorder struct {
	net.Listener
	mu     sync.Mutex
	writes []int
}

type recorded struct {
	*net.TCPConn
	recorder *recorder
}

func (r *recorder) Accept() (net.Conn, error) {
	conn, err := r.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return recorded{conn.(*net.TCPConn), r}, nil
}

func (c recorded) Write(p []byte) (int, error) {
	c.recorder.mu.Lock()
	c.recorder.writes = append(c.recorder.writes, len(p))
	c.recorder.mu.Unlock()
	return c.TCPConn.Write(p)
}

// ReadFrom is net.TCPConn's, down to the Write above.
func (c recorded) ReadFrom(src io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{c}, src)
}

// A blob goes to the connection in large pieces, whatever is wrapped around the
// answer.
func TestPiecesReachTheConnection(t *testing.T) {
	iso, path, data := large(t, "1.0.0")
	f := newFixture(t, iso)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	record := &recorder{Listener: l}
	server := &http.Server{Handler: (&Server{}).handler(&follower{set: f.set}, f.handler)}
	go func() { _ = server.Serve(record) }()
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v, %d bytes", err, len(got))
	}
	record.mu.Lock()
	defer record.mu.Unlock()
	large := 0
	for _, n := range record.writes {
		if n == pieceBytes {
			large++
		}
	}
	// net/http has the first 512 bytes go with the headers.
	if large != largeBytes/pieceBytes-1 {
		t.Errorf("%d", record.writes)
	}
}
