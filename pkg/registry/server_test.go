// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

const configuration = "apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives:\n"

// running is a Server that runs.
type running struct {
	t    *testing.T
	file string // solutions.yaml
	url  string
	log  *logBuffer
	// server is only looked at once it listens.
	server *Server
	stop   context.CancelFunc
	done   chan error
}

var addressPattern = regexp.MustCompile(`msg=listening address=(\S+)`)

// run starts a server, with these archives in its solutions.yaml.
func run(t *testing.T, archives ...string) *running {
	t.Helper()
	return runWith(t, func(*Server) {}, archives...)
}

// runWith has a server that is configured further.
func runWith(t *testing.T, configure func(*Server), archives ...string) *running {
	t.Helper()
	r := &running{t: t, file: filepath.Join(t.TempDir(), "solutions.yaml"), log: &logBuffer{}, done: make(chan error, 1)}
	if len(archives) > 0 {
		r.list(archives...)
	}
	server := Server{
		Listen: []string{"127.0.0.1:0"}, File: solutionsconfig.File{Path: r.file},
		Checked: verified.Folder{Path: t.TempDir()}, Log: slog.New(slog.NewTextHandler(r.log, nil)), AccessLog: true,
	}
	for _, iso := range archives {
		note(t, server.Checked, iso)
	}
	r.server = &server
	configure(&server)
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	go func() { r.done <- server.Run(ctx) }()
	t.Cleanup(r.stop)
	r.eventually("it listens", func() bool {
		m := addressPattern.FindStringSubmatch(r.log.String())
		if m != nil {
			r.url = "http://" + m[1]
		}
		return m != nil
	})
	return r
}

// list writes solutions.yaml.
func (r *running) list(archives ...string) {
	r.t.Helper()
	write(r.t, r.file, []byte(configuration+"- "+strings.Join(archives, "\n- ")+"\n"))
}

// eventually waits for done; details say more of what is amiss.
func (r *running) eventually(what string, done func() bool, details ...func() string) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			for _, more := range details {
				r.t.Log(more())
			}
			r.t.Fatalf("%s: not in half a minute\n%s", what, r.log)
		}
	}
}

// serving waits until so many archives are served.
func (r *running) serving(n int) {
	r.t.Helper()
	r.eventually("archives are served", func() bool { return strings.Count(r.log.String(), "msg=serving id=") >= n })
}

// get returns status and body.
func (r *running) get(path string) (int, []byte) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		r.t.Error(err)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, body
}

func (r *running) readiness() (status int, ready readiness) {
	r.t.Helper()
	status, body := r.get("/readyz")
	if err := json.Unmarshal(body, &ready); err != nil || ready.Ready != (status == http.StatusOK) || ready.Ready != (len(ready.Problems) == 0) {
		r.t.Fatalf("status %d, %s", status, body)
	}
	return status, ready
}

func TestServerFollows(t *testing.T) {
	one, two := archivetest.New(t).ISO(t), archivetest.New(t).WithVersion("2.0.0").ISO(t)
	r := run(t)
	if status, ready := r.readiness(); status != http.StatusOK || len(ready.Archives) != 0 {
		t.Errorf("without solutions.yaml: status %d, %+v", status, ready)
	}
	served := func(version string) bool {
		status, _ := r.get("/v2/example-solution-" + version + "/example-solution-ui/manifests/1.0.0")
		return status == http.StatusOK
	}
	r.list(one)
	r.eventually("one is served", func() bool { return served("1.0.0") })
	r.list(one, two)
	r.eventually("two is served", func() bool { return served("2.0.0") })
	r.list(two)
	r.eventually("one is not served", func() bool { return !served("1.0.0") })
	// A file that cannot be used changes nothing.
	write(t, r.file, []byte("kind: Other\n"))
	r.eventually("the file's problem", func() bool { _, ready := r.readiness(); return !ready.Ready })
	if _, ready := r.readiness(); !served("2.0.0") || len(ready.Problems) != 1 || ready.Problems[0].Path != r.file {
		t.Errorf("%+v", ready)
	}
	r.list(one, two)
	r.eventually("all is well", func() bool { _, ready := r.readiness(); return ready.Ready && len(ready.Archives) == 2 })
	// Damage is seen at once, and mended by another file at that path.
	whole := read(t, one)
	write(t, one, nil)
	if status, ready := r.readiness(); status != http.StatusServiceUnavailable || len(ready.Problems) != 1 || ready.Problems[0].Path != one {
		t.Errorf("damaged: status %d, %+v", status, ready)
	}
	if served("1.0.0") || !served("2.0.0") {
		t.Error("what is damaged is served, or what is not is not")
	}
	write(t, one, whole)
	r.eventually("one is served again", func() bool { return served("1.0.0") })
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// A pull under way when the server ends is finished.
func TestServerDrains(t *testing.T) {
	iso, path, data := large(t, "1.0.0")
	r := run(t, iso)
	r.eventually("it is ready", func() bool { _, ready := r.readiness(); return ready.Ready })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(response.Body, first); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r.eventually("it takes no more connections", func() bool {
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
		return err != nil || c.Close() != nil
	})
	rest, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Equal(append(first, rest...), data) {
		t.Errorf("%v, %d bytes", err, len(rest))
	}
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func TestServerPaths(t *testing.T) {
	r := run(t)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/v2/": 200, "/v2": 200, "/": 404, "/metrics": 404, "/v1/": 404, "/v2x": 404, "/healthz/": 404} {
		if status, body := r.get(path); status != want || !json.Valid(body) {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/healthz", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusMethodNotAllowed || !response.Close {
		t.Errorf("POST: status %d, closes %t, %v", response.StatusCode, response.Close, err)
	}
	r.eventually("the access log", func() bool {
		log := r.log.String()
		return strings.Contains(log, "method=GET path=/metrics status=404 bytes=") && strings.Contains(log, "method=POST path=/healthz status=405")
	})
}

// Headers above the limit are refused, as every server of net/http does.
func TestServerLimits(t *testing.T) {
	r := run(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X", strings.Repeat("x", 2*maxHeaderBytes))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, %v", response.StatusCode, err)
	}
}

func TestServerCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	s := Server{Listen: []string{"127.0.0.1:0", address}, Log: slog.New(slog.DiscardHandler)}
	err = s.Run(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "listening on "+address+": ") || hint.Of(err) == "" {
		t.Errorf("%v, hint %q", err, hint.Of(err))
	}
}
