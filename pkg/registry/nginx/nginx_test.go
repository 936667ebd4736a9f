// SPDX-License-Identifier: Apache-2.0

package nginx_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/registry"
	"github.com/metalk8s/kubectl-solution/pkg/registry/nginx"
	"github.com/metalk8s/kubectl-solution/test/need"
)

const id = "example-solution-1.0.0"

func command(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), need.Program(t, name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// list tells what is in an ISO image.
func list(t testing.TB, iso string) *registry.Listing {
	t.Helper()
	a, err := archive.Open(iso)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	l, err := registry.List(a)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// extract unpacks an ISO image.
func extract(t testing.TB, iso, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	command(t, "bsdtar", "-xf", iso, "-C", folder)
	// What was read-only there is read-only here, and is to be removed.
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// locations makes the locations of an ISO image whose tree is at root.
func locations(t testing.TB, iso, root string) string {
	t.Helper()
	text, err := nginx.Locations(list(t, iso), root)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// freePort returns a port that nothing listens on.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// run has nginx serve these locations, and returns its URL.
func run(t testing.TB, locations string) string {
	t.Helper()
	address := net.JoinHostPort("127.0.0.1", freePort(t))
	block, err := nginx.Server{Listen: []string{address}, Locations: locations}.Block()
	if err != nil {
		t.Fatal(err)
	}
	start(t, address, block)
	return "http://" + address
}

// start starts nginx with a server block, once it says that the configuration
// is good, and waits until it answers.
func start(t testing.TB, address, block string) {
	t.Helper()
	program, folder := need.Program(t, "nginx"), t.TempDir()
	var temporary strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, "%s_temp_path %s/%s;\n", name, folder, name)
	}
	config := filepath.Join(folder, "nginx.conf")
	write(t, config, "daemon off;\nmaster_process off;\npid "+folder+"/pid;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n"+
		// What a server may have for all, and registries should not mind.
		"types { text/plain json; }\netag on;\ngzip on;\ngzip_types *;\ngzip_min_length 1;\ncharset utf-8;\nclient_max_body_size 1k;\n"+
		temporary.String()+block+"}\n")
	command(t, "nginx", "-t", "-q", "-e", "stderr", "-c", config)
	cmd := exec.CommandContext(t.Context(), program, "-e", "stderr", "-c", config)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "[alert]") || strings.Contains(line, "[emerg]") {
				t.Error(line)
			}
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		connection, err := net.Dial("tcp", address) //nolint:noctx // on loopback, at once
		if err == nil {
			_ = connection.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}

// ours has pkg/registry serve ISO images, and returns its URL.
func ours(t testing.TB, isos ...string) string {
	t.Helper()
	set := registry.NewSet(slog.New(slog.DiscardHandler))
	set.Update(isos)
	t.Cleanup(set.Close)
	server := httptest.NewServer(registry.NewHandler(set))
	t.Cleanup(server.Close)
	return server.URL
}

// answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request; header is pairs of name and value.
func ask(t testing.TB, method, url string, header ...string) answer {
	t.Helper()
	var body io.Reader
	if method != http.MethodGet && method != http.MethodHead {
		body = strings.NewReader(strings.Repeat("x", 2000))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, data}
}

// standard is an archive with all kinds of images.
func standard(t testing.TB) *archivetest.Builder {
	t.Helper()
	b := archivetest.New(t).
		WithImage("docker", "1", archivetest.Layers("base", "docker")).
		WithImage("docker", "2", archivetest.Layers("base", "docker-2")).
		WithImage("docker", "alias", archivetest.Layers("base", "docker")).
		WithImage("docker/blobs/x", "1").
		WithImage("deep/er/o__c.i", "v1.0_-x", archivetest.OCI(), archivetest.Layers("base", "oci")).
		WithImage("list", "1", archivetest.Index("linux/amd64", "linux/arm64"), archivetest.Layers("base")).
		WithImage("index", "1", archivetest.OCI(), archivetest.Index("linux/amd64", "linux/arm64"), archivetest.Layers("base"))
	// The same manifest under two tags.
	for path, data := range b.Files() {
		if name, found := strings.CutPrefix(path, "images/index/1/"); found {
			b.WithFile("images/index/again/"+name, string(data))
		}
	}
	return b
}

// refer adds an artifact that refers to a manifest.
func refer(b *archivetest.Builder, name, tag string, subject []byte, annotation string) {
	const descriptor = `{"mediaType":"application/vnd.oci.%s.v1+json","digest":"sha256:%s","size":%d}`
	empty := fmt.Sprintf(descriptor, "empty", archivetest.Hex([]byte("{}")), 2)
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x.signature",`+
		`"annotations":{"k":%s},"config":%s,"layers":[%s],"subject":%s}`,
		annotation, empty, empty, fmt.Sprintf(descriptor, "image.manifest", archivetest.Hex(subject), len(subject)))
	dir := "images/" + name + "/" + tag + "/"
	b.WithFile(dir+"manifest.json", manifest).WithFile(dir+"version", archivetest.VersionFile).WithFile(dir+archivetest.Hex([]byte("{}")), "{}")
}
