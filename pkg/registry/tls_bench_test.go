// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// BenchmarkTLS pulls a blob of 64 MiB 1, 4 and 16 times at once over TLS, with
// HTTP/1.1, as the server has it, and with HTTP/2.
func BenchmarkTLS(b *testing.B) {
	builder := archivetest.New(b).WithImage("large", "1", archivetest.LayerSize(benchBytes))
	f := newFixture(b, builder.ISO(b))
	path := ""
	for _, blob := range builder.Blobs("large", "1") {
		if len(builder.Files()[blob]) >= benchBytes {
			path = "/v2/" + id + "/large/blobs/sha256:" + blob[len(blob)-64:]
		}
	}
	ca := newAuthority(b, "servers")
	s := &Server{}
	certificate, key := ca.files(b.TempDir())
	if err := s.access.open(TLSFiles{Certificate: certificate, Key: key}, "", slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	for _, pulls := range []int{1, 4, 16} {
		for _, proto := range []string{"http/1.1", "h2"} {
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(proto, "/", ""), pulls), func(b *testing.B) {
				config := s.access.config()
				config.NextProtos = []string{proto}
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				server := &http.Server{Handler: s.handler(&follower{set: f.set}, f.handler), TLSConfig: config}
				go func() { _ = server.ServeTLS(l, "", "") }()
				defer server.Close()
				client := &http.Client{Transport: &http.Transport{
					DisableCompression: true, ReadBufferSize: 128 << 10, ForceAttemptHTTP2: proto == "h2",
					MaxIdleConnsPerHost: pulls, TLSClientConfig: &tls.Config{RootCAs: ca.pool()},
				}}
				defer client.CloseIdleConnections()
				b.SetBytes(int64(pulls) * benchBytes)
				before := cpuSeconds(b)
				for b.Loop() {
					var group sync.WaitGroup
					for range pulls {
						group.Go(func() {
							if err := pull(b.Context(), client, "https://"+l.Addr().String()+path, 1); err != nil {
								b.Error(err)
							}
						})
					}
					group.Wait()
				}
				gib := float64(b.N) * float64(pulls) * benchBytes / (1 << 30)
				b.ReportMetric((cpuSeconds(b)-before)/gib, "cpu-s/GiB")
			})
		}
	}
}

// BenchmarkLayers answers a manifest without a connection, to tell what is
// around the handler: metrics, the access log and passwords.
func BenchmarkLayers(b *testing.B) {
	f := newFixture(b, archivetest.New(b).ISO(b))
	users := writeUsers(b, "alice", "secret")
	r := httptest.NewRequest(http.MethodGet, "/v2/"+id+"/example-solution-ui/manifests/1.0.0", nil)
	r.SetBasicAuth("alice", "secret")
	for _, tt := range []struct {
		name   string
		server *Server
	}{
		{"bare", &Server{}},
		{"metrics", &Server{metrics: newMetrics()}},
		{"log", &Server{AccessLog: true}},
		{"password", &Server{HTPasswd: users}},
	} {
		s := tt.server
		s.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
		if err := s.access.open(TLSFiles{}, s.HTPasswd, s.Log); err != nil {
			b.Fatal(err)
		}
		handler := s.handler(&follower{set: f.set}, f.handler)
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpuSeconds(b)
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
			b.ReportMetric((cpuSeconds(b)-before)*1e9/float64(b.N), "cpu-ns/op")
		})
	}
}
