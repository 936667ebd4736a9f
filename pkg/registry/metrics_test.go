// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

func withMetrics(s *Server) { s.Metrics = []string{"127.0.0.1:0"} }

// metricsPattern is how the log tells where metrics are.
var metricsPattern = regexp.MustCompile(`msg="listening for metrics" address=(\S+)`)

// scrape returns our own metrics, but for the histogram's buckets and sums, and
// for kinds that were not asked for, as lines.
func (r *running) scrape() []string {
	r.t.Helper()
	plain := *r
	r.eventually("it listens", func() bool { return metricsPattern.MatchString(r.log.String()) })
	plain.url = "http://" + metricsPattern.FindStringSubmatch(r.log.String())[1]
	status, body := plain.get("/metrics")
	if status != http.StatusOK {
		r.t.Fatalf("status %d, %s", status, body)
	}
	var lines []string
	for line := range strings.Lines(string(body)) {
		name, _, _ := strings.Cut(line, "{")
		if zero := strings.Contains(line, "{kind=") && strings.HasSuffix(line, " 0\n"); zero {
			continue
		}
		if strings.HasPrefix(line, metricsPrefix) && !strings.HasSuffix(name, "_bucket") && !strings.HasSuffix(name, "_sum") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestMetrics(t *testing.T) {
	iso := archivetest.New(t).ISO(t)
	s := runTLS(t, withMetrics, iso, "/none.iso")
	s.serving(1)
	base := "/v2/" + id + "/example-solution-ui"
	for range 2 {
		s.answers(s.client, base+"/manifests/1.0.0", http.StatusOK)
	}
	s.answers(s.client, base+"/manifests/2", http.StatusNotFound)
	s.answers(s.client, base+"/tags/list", http.StatusMethodNotAllowed, func(r *http.Request) { r.Method = "PROPFIND" })
	s.answers(s.client, "/v2/_catalog", http.StatusOK, func(r *http.Request) { r.Header.Set("Connection", "close") })
	s.answers(s.client, "/any/path", http.StatusNotFound)
	a, err := s.do(s.client, base+"/manifests/1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	certificate := s.server.access.certificate.get().Leaf.NotAfter.Unix()
	want := []string{
		`solution_bootstrap_answer_seconds_count{kind="catalog"} 1`,
		`solution_bootstrap_answer_seconds_count{kind="manifest"} 4`,
		`solution_bootstrap_answer_seconds_count{kind="other"} 1`,
		`solution_bootstrap_answer_seconds_count{kind="tags"} 1`,
		`solution_bootstrap_archive_served{id="",path="/none.iso"} 0`,
		`solution_bootstrap_archive_served{id="` + id + `",path="` + iso + `"} 1`,
		`solution_bootstrap_archives{state="served"} 1`,
		`solution_bootstrap_archives{state="unavailable"} 1`,
		`solution_bootstrap_certificate_not_after_timestamp_seconds ` + strconv.FormatFloat(float64(certificate), 'g', -1, 64),
		`solution_bootstrap_configuration_ok 1`,
		`solution_bootstrap_connections 0`,
		`solution_bootstrap_connections_limit 4096`,
		`solution_bootstrap_problems 1`,
		`solution_bootstrap_requests_in_flight 0`,
		`solution_bootstrap_requests_total{code="200",kind="catalog",method="GET"} 1`,
		`solution_bootstrap_requests_total{code="200",kind="manifest",method="GET"} 3`,
		`solution_bootstrap_requests_total{code="404",kind="manifest",method="GET"} 1`,
		`solution_bootstrap_requests_total{code="404",kind="other",method="GET"} 1`,
		`solution_bootstrap_requests_total{code="405",kind="tags",method="other"} 1`,
	}
	var got []string
	// Requests are counted, and connections end, after the client has its answer.
	s.eventually("all is counted", func() bool {
		got = slices.DeleteFunc(s.scrape(), func(line string) bool { return strings.HasPrefix(line, metricsPrefix+"sent_bytes") })
		return cmp.Equal(want, got)
	}, func() string { return cmp.Diff(want, got) })
	unknown := len(`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"the repository has no such manifest"}]}`)
	if line := fmt.Sprintf(`solution_bootstrap_sent_bytes_total{kind="manifest"} %d`, 3*len(a.body)+unknown); !slices.Contains(s.scrape(), line) {
		t.Errorf("no %s in %q", line, s.scrape())
	}
	write(t, s.file, []byte("kind: Other"))
	s.eventually("the configuration is bad", func() bool { return slices.Contains(s.scrape(), "solution_bootstrap_configuration_ok 0") })
}

// Metrics are nowhere else, and nothing else is there.
func TestMetricsAlone(t *testing.T) {
	r := runWith(t, withMetrics)
	r.scrape()
	if status, _ := r.get("/metrics"); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	r.url = "http://" + metricsPattern.FindStringSubmatch(r.log.String())[1]
	for path, want := range map[string]int{"/v2/": 404, "/": 404, "/healthz": 404, "/metrics": 200, "/metrics/x": 404} {
		if status, _ := r.get(path); status != want {
			t.Errorf("%s: status %d", path, status)
		}
	}
	response, err := http.Post(r.url+"/metrics", "", nil) //nolint:noctx // it ends with the server
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("status %d, %v", response.StatusCode, err)
	}
}

// Whatever clients send, there are only so many series; and the names are as
// Prometheus wants them.
func TestMetricsAreBounded(t *testing.T) {
	f := newFixture(t, archivetest.New(t).ISO(t))
	s := &Server{metrics: newMetrics()}
	follower := &follower{set: f.set}
	s.metrics.registry.MustRegister(&collector{s, follower, newConnections(1, nil)})
	handler := s.handler(follower, f.handler)
	for i := range 200 {
		for _, path := range []string{"/%d", "/v2/%d", "/v2/a/b/%d/c", "/v2/a/b/blobs/%d", "/v2/a%d/b/manifests/c", "/v2/a/b/tags/%d", "/v2/a/b/%%2f%d/list"} {
			r := httptest.NewRequest(http.MethodGet, fmt.Sprintf(path, i), nil)
			r.Method = "M" + itoa(i)
			r.Host = itoa(i)
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	families, err := s.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if n := len(family.GetMetric()); n > 20 {
			t.Errorf("%s has %d series", family.GetName(), n)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// An answer that is broken off is counted.
func TestMetricsOfBrokenAnswers(t *testing.T) {
	m := newMetrics()
	m.begin()
	m.end(kindBlob, http.MethodGet, &exchange{status: http.StatusOK}, false)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == metricsPrefix+"broken_answers_total" {
			for _, got := range family.GetMetric() {
				if is := got.GetLabel()[0].GetValue() == "blob"; is != (got.GetCounter().GetValue() == 1) {
					t.Errorf("%v", got)
				}
			}
			return
		}
	}
	t.Error("it is not counted")
}

func TestKindOfPath(t *testing.T) {
	kinds := map[string]kind{
		"/v2": kindBase, "/v2/": kindBase, "/v2/_catalog": kindCatalog, "/v2/a/b/tags/list": kindTags, "/v2/a/b/tags/other": kindNone,
		"/v2/a/b/manifests/1": kindManifest, "/v2/a/b/c/blobs/sha256:0": kindBlob, "/v2/a/referrers/x": kindReferrers,
		"/v2x": kindNone, "/": kindNone, "": kindNone, "/v2/a": kindNone, "/v2//": kindNone, "/v2/manifests": kindNone, "/healthz": kindNone, "blobs/x": kindNone,
	}
	for path, want := range kinds {
		if got := kindOfPath(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
		// The handler agrees.
		if target, err := parseTarget(path); err == nil && target.kind != want {
			t.Errorf("%s is %v", path, target.kind)
		}
	}
	names := map[string]bool{}
	for _, k := range kinds {
		names[k.String()] = true
	}
	if got := slices.Sorted(maps.Keys(names)); len(got) != 7 || slices.Contains(got, "") {
		t.Errorf("%q", got)
	}
}
