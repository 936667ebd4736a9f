// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// clientArgument has this program be the load generator.
const clientArgument = "client"

// job is what the load generator is to do: to get every path so many times,
// over so many connections that stay open.
type job struct {
	Address     string
	Connections int
	Paths       []string
	Times       int
	// Verify has it compare the digest of each body with the one in its path.
	Verify bool
}

// outcome is what it tells.
type outcome struct {
	Seconds float64
	Bytes   int64
}

// load runs a job in a process of its own.
func load(ctx context.Context, j job) (o outcome, err error) {
	input, err := json.Marshal(j)
	if err != nil {
		return o, err
	}
	self, err := os.Executable()
	if err != nil {
		return o, err
	}
	cmd := exec.CommandContext(ctx, self, clientArgument)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return o, fmt.Errorf("the load generator: %w", err)
	}
	return o, json.Unmarshal(output, &o)
}

// runClient is the load generator.
func runClient(in io.Reader, out io.Writer) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return err
	}
	var next, total atomic.Int64
	var wg sync.WaitGroup
	failures := make([]error, j.Connections)
	start := time.Now()
	for i := range j.Connections {
		wg.Go(func() { failures[i] = j.connection(&next, &total) })
	}
	wg.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(outcome{time.Since(start).Seconds(), total.Load()})
}

// connection gets paths, until none is left, over one connection.
func (j *job) connection(next, total *atomic.Int64) error {
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", j.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	buf := make([]byte, 256<<10)
	for {
		i := int(next.Add(1) - 1)
		if i >= len(j.Paths)*j.Times {
			return nil
		}
		path := j.Paths[i%len(j.Paths)]
		n, err := j.get(conn, path, buf)
		if err != nil {
			return fmt.Errorf("getting %s: %w", path, err)
		}
		total.Add(n)
	}
}

// get sends one request, and reads what it is answered. It does no more than
// that, so that it takes little of a machine that the server is on too.
func (j *job) get(conn net.Conn, path string, buf []byte) (int64, error) {
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: "+j.Address+"\r\n\r\n"); err != nil {
		return 0, err
	}
	have, end := 0, -1
	for end < 0 {
		n, err := conn.Read(buf[have:])
		if err != nil {
			return 0, err
		}
		have += n
		end = bytes.Index(buf[:have], []byte("\r\n\r\n"))
	}
	size, err := contentLength(string(buf[:end]))
	if err != nil {
		return 0, err
	}
	body := io.MultiReader(bytes.NewReader(buf[end+4:have]), io.LimitReader(conn, size-int64(have-end-4)))
	if j.Verify {
		digest := sha256.New()
		n, err := io.Copy(digest, body)
		if got := hex.EncodeToString(digest.Sum(nil)); err == nil && !strings.HasSuffix(path, ":"+got) {
			err = fmt.Errorf("its digest is %s", got)
		}
		return n, err
	}
	left := size - int64(have-end-4)
	for left > 0 {
		n, err := conn.Read(buf[:min(left, int64(len(buf)))])
		left -= int64(n)
		if err != nil {
			return 0, err
		}
	}
	return size, nil
}

// contentLength reads the headers of an answer, which has to be 200.
func contentLength(header string) (int64, error) {
	status, fields, _ := strings.Cut(header, "\r\n")
	if !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return 0, fmt.Errorf("status %s", status)
	}
	for line := range strings.SplitSeq(fields, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "Content-Length") {
			return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, errors.New("no Content-Length")
}

// answers waits until a path has status 200.
func (s *server) answers(ctx context.Context, address, path string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Accept", manifestType)
		response, err := http.DefaultClient.Do(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(response.Status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", s.cmd.Path, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
