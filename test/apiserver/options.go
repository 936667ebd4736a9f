// SPDX-License-Identifier: Apache-2.0

package apiserver

// Option changes how a server is started.
type Option func(*options)

type options struct {
	auditLog   bool
	auditReads bool
}

// WithAuditLog has the server record what is written, for [Server.Writes]. Only bin/devcluster does; see
// [Server.HasAuditLog].
func WithAuditLog() Option {
	return func(o *options) { o.auditLog = true }
}

// WithAuditReads has the server record every request, for [Server.Requests] too.
func WithAuditReads() Option {
	return func(o *options) { o.auditLog, o.auditReads = true, true }
}

func newOptions(list []Option) options {
	var o options
	for _, option := range list {
		option(&o)
	}
	return o
}
