// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsPrefix starts the names of all metrics that are our own.
const metricsPrefix = "solution_bootstrap_"

// maxScrapes is how many may ask for metrics at a time, of maxScrapers that
// are connected.
const (
	maxScrapes  = 3
	maxScrapers = 64
)

// answerBuckets are in seconds: a manifest takes some 50 microseconds, a blob
// what the disk takes to move, a password that is new a tenth of a second.
var answerBuckets = []float64{0.0001, 0.00025, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10}

// metrics count requests. Labels have values of small, fixed sets: nothing that
// a client makes up. nil counts nothing.
type metrics struct {
	registry *prometheus.Registry
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	broken   *prometheus.CounterVec
	sent     *prometheus.CounterVec
	answer   *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: metricsPrefix + "requests_in_flight", Help: "Requests that are being answered.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metricsPrefix + "requests_total", Help: "Requests that were answered, by what they are about, method and status.",
		}, []string{"kind", "method", "code"}),
		broken: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metricsPrefix + "broken_answers_total", Help: "Answers that were broken off, since the archive changed or could not be read.",
		}, []string{"kind"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metricsPrefix + "sent_bytes_total", Help: "Bytes of answers, headers left out.",
		}, []string{"kind"}),
		answer: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: metricsPrefix + "answer_seconds", Help: "Time from a request to the beginning of its answer.", Buckets: answerBuckets,
		}, []string{"kind"}),
	}
	m.registry.MustRegister(m.inFlight, m.requests, m.broken, m.sent, m.answer,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// begin counts a request under way.
func (m *metrics) begin() {
	if m != nil {
		m.inFlight.Inc()
	}
}

// end counts a request that has ended, whole or broken off.
func (m *metrics) end(r *http.Request, w *boundedWriter, whole bool) {
	if m == nil {
		return
	}
	m.inFlight.Dec()
	kind := kindOfPath(r.URL.Path).String()
	m.requests.WithLabelValues(kind, methodLabel(r.Method), strconv.Itoa(w.status)).Inc()
	m.sent.WithLabelValues(kind).Add(float64(w.sent))
	m.answer.WithLabelValues(kind).Observe(w.began.Seconds())
	if !whole {
		m.broken.WithLabelValues(kind).Inc()
	}
}

func methodLabel(method string) string {
	if method == http.MethodGet || method == http.MethodHead {
		return method
	}
	return "other"
}

// handler answers /metrics. It does not compress, which would keep hundreds of
// KiB of memory for a few KiB of text.
func (m *metrics) handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		DisableCompression:  true,
		MaxRequestsInFlight: maxScrapes,
	}))
	return mux
}
