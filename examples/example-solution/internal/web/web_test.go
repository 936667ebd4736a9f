// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/examples/example-solution/internal/web"
)

// serve starts Serve on a free port; it returns the address, which only the log
// tells, a function that stops it, and how it ended.
func serve(t *testing.T, handler http.Handler, linger time.Duration) (addr string, stop func(), ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- web.Serve(ctx, "127.0.0.1:0", handler, linger, slog.New(slog.NewJSONHandler(w, nil)))
		w.Close()
	}()
	lines := bufio.NewReader(r)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, lines) //nolint:errcheck // only so that the server is never stuck in its log
	var record struct{ Msg, Address string }
	if err := json.Unmarshal(first, &record); err != nil || record.Msg != "listening" {
		t.Fatalf("first line of the log is %s (%v)", first, err)
	}
	t.Cleanup(cancel)
	return record.Address, cancel, done
}

func get(ctx context.Context, addr string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestServeFinishesWhatRuns(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	addr, stop, ended := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-finish
		fmt.Fprint(w, "finished")
	}), 0)
	answer := make(chan string, 1)
	go func() {
		body, err := get(t.Context(), addr)
		answer <- fmt.Sprint(body, err)
	}()
	<-started
	stop()
	close(finish)
	if got := <-answer; got != "finished<nil>" {
		t.Errorf("the request that ran got %s", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve ended with %v", err)
	}
	if _, err := get(t.Context(), addr); err == nil {
		t.Error("it still answers")
	}
}

func TestServeLingers(t *testing.T) {
	const linger = 500 * time.Millisecond
	addr, stop, ended := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") }), linger)
	stop()
	if got, err := get(t.Context(), addr); got != "here" || err != nil {
		t.Errorf("told to end, it answers %q, %v", got, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve ended with %v", err)
	}
}

func TestServeAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	err = web.Serve(t.Context(), addr, http.NotFoundHandler(), 0, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err == nil || !strings.Contains(err.Error(), "listening on "+addr) {
		t.Errorf("error is %v, want one with the address %s", err, addr)
	}
}
