// SPDX-License-Identifier: Apache-2.0

package registry

import "github.com/prometheus/client_golang/prometheus"

// State of what is served, as metrics. Paths and ids are those of solutions.yaml.
var (
	archivesDesc = prometheus.NewDesc(metricsPrefix+"archives",
		"Archives that solutions.yaml lists, by whether they are served or unavailable.", []string{"state"}, nil)
	archiveServedDesc = prometheus.NewDesc(metricsPrefix+"archive_served",
		"1 for an archive that is served, 0 for one that is not; the id of one that cannot be read is not known.", []string{"id", "path"}, nil)
	problemsDesc = prometheus.NewDesc(metricsPrefix+"problems",
		"Problems that /readyz tells of.", nil, nil)
	configurationDesc = prometheus.NewDesc(metricsPrefix+"configuration_ok",
		"1 if solutions.yaml can be used.", nil, nil)
	certificateDesc = prometheus.NewDesc(metricsPrefix+"certificate_not_after_timestamp_seconds",
		"When the certificate in use expires, in seconds since 1970.", nil, nil)
	connectionsDesc = prometheus.NewDesc(metricsPrefix+"connections",
		"Connections to the registry that are open.", nil, nil)
	connectionsLimitDesc = prometheus.NewDesc(metricsPrefix+"connections_limit",
		"How many connections to the registry there may be.", nil, nil)
)

// collector asks for the state when metrics are asked for.
type collector struct {
	server      *Server
	follower    *follower
	connections *connections
}

// Describe is part of prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{archivesDesc, archiveServedDesc, problemsDesc, configurationDesc, certificateDesc, connectionsDesc, connectionsLimitDesc} {
		descs <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	served, unavailable := 0, 0
	for _, a := range c.follower.set.status() {
		if a.served {
			served++
			gauge(archiveServedDesc, 1, a.ID, a.Path)
		} else {
			unavailable++
			gauge(archiveServedDesc, 0, a.ID, a.Path)
		}
	}
	gauge(archivesDesc, float64(served), "served")
	gauge(archivesDesc, float64(unavailable), "unavailable")
	gauge(problemsDesc, float64(len(c.server.problems(c.follower))))
	configured := 1.0
	if c.follower.problem.Load() != nil {
		configured = 0
	}
	gauge(configurationDesc, configured)
	if certificate := c.server.access.certificate.get(); certificate != nil {
		gauge(certificateDesc, float64(certificate.Leaf.NotAfter.Unix()))
	}
	gauge(connectionsDesc, float64(c.connections.open.Load()))
	gauge(connectionsLimitDesc, float64(cap(c.connections.slots)))
}
