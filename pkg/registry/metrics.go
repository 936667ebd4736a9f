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
	kinds    [kinds]kindMetrics
}

// kindMetrics are those of one kind: to look them up for each request would
// cost as much as to count.
type kindMetrics struct {
	sent, broken prometheus.Counter
	answer       prometheus.Observer
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
	}
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: metricsPrefix + "sent_bytes_total", Help: "Bytes of answers, headers left out.",
	}, []string{"kind"})
	broken := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: metricsPrefix + "broken_answers_total", Help: "Answers that were broken off, since the archive changed or could not be read.",
	}, []string{"kind"})
	answer := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: metricsPrefix + "answer_seconds", Help: "Time from a request to the beginning of its answer.", Buckets: answerBuckets,
	}, []string{"kind"})
	for k := range m.kinds {
		name := kind(k).String()
		m.kinds[k] = kindMetrics{sent.WithLabelValues(name), broken.WithLabelValues(name), answer.WithLabelValues(name)}
	}
	m.registry.MustRegister(m.inFlight, m.requests, sent, broken, answer,
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
func (m *metrics) end(kind kind, method string, x *exchange, whole bool) {
	if m == nil {
		return
	}
	m.inFlight.Dec()
	m.requests.WithLabelValues(kind.String(), methodLabel(method), strconv.Itoa(x.status)).Inc()
	of := &m.kinds[kind]
	of.sent.Add(float64(x.sent))
	of.answer.Observe(x.began.Seconds())
	if !whole {
		of.broken.Inc()
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
