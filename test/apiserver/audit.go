// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// auditTimeout is for a request that has been answered to be in the audit log: some milliseconds.
const auditTimeout = 20 * time.Second

// Mark is a place in the audit log: all requests that begin later are behind it.
type Mark int64

// Client says whose requests are meant. One that is empty means all but those of Kubernetes' own components and of
// service accounts, whose names begin with "system:".
type Client struct {
	// User is a user's name, that of the impersonated one if there is one.
	User string
	// Agent is what the client's User-Agent header begins with: as a rule the name of the program and a slash.
	Agent string
}

// Write is one request that changes objects.
type Write struct {
	// Verb is create, update, patch, delete or deletecollection.
	Verb string
	// Resource is as kubectl has it, with its group if it has one: deployments.apps. Subresource is status, for example.
	Resource, Subresource string
	// Name is "" for a deletecollection, and Namespace for what is in none.
	Namespace, Name string
	// Code is the HTTP status of the answer: 200 and 201 for what was written.
	Code int
}

// String is a write in one line, as in "patch deployments.apps/status e/operator: 200".
func (w Write) String() string {
	resource, name := w.Resource, w.Name
	if w.Subresource != "" {
		resource += "/" + w.Subresource
	}
	if w.Namespace != "" {
		name = w.Namespace + "/" + name
	}
	return fmt.Sprintf("%s %s %s: %d", w.Verb, resource, name, w.Code)
}

// HasAuditLog reports whether the server was started with [WithAuditLog], and could be.
func (s *Server) HasAuditLog() bool { return s.auditLog != "" }

// Mark returns where the audit log ends now.
func (s *Server) Mark() (Mark, error) {
	if !s.HasAuditLog() {
		return 0, errNoAuditLog
	}
	info, err := os.Stat(s.auditLog)
	if err != nil {
		return 0, fmt.Errorf("looking for the audit log's end: %w", err)
	}
	return Mark(info.Size()), nil
}

var errNoAuditLog = errors.New("this API server has no audit log")

// Writes returns what a client wrote since a mark, in the order in which the requests came. It leaves out dry runs, and
// requests that are a creation in form only, such as the question what one may do. Those that failed are there, with
// their code.
func (s *Server) Writes(ctx context.Context, since Mark, by Client) ([]Write, error) {
	requests, err := s.requests(ctx, since, by)
	if err != nil {
		return nil, err
	}
	var writes []Write
	for _, r := range requests {
		if r.isWrite() && !r.isDryRun() && by.sent(r) {
			writes = append(writes, r.write())
		}
	}
	return writes, nil
}

// Requests returns how many requests a client sent since a mark, reads too. It takes [WithAuditReads].
func (s *Server) Requests(ctx context.Context, since Mark, by Client) (int, error) {
	if s.HasAuditLog() && !s.auditReads {
		return 0, errors.New("this API server's audit log has no reads in it")
	}
	requests, err := s.requests(ctx, since, by)
	if err != nil {
		return 0, err
	}
	count := 0
	for _, r := range requests {
		if by.sent(r) {
			count++
		}
	}
	return count, nil
}

// requests reads the log, again until the client's writes have all been answered in it: the end of a long answer is with
// the client before its line is in the log.
func (s *Server) requests(ctx context.Context, since Mark, by Client) ([]*auditedRequest, error) {
	if !s.HasAuditLog() {
		return nil, errNoAuditLog
	}
	ctx, cancel := context.WithTimeout(ctx, auditTimeout)
	defer cancel()
	for {
		requests, err := readAuditLog(s.auditLog, since)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(requests, func(r *auditedRequest) bool { return !r.answered && r.isWrite() && by.sent(r) })
		if i < 0 {
			return requests, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the end of %s: %w", requests[i].write(), context.Cause(ctx))
		case <-time.After(pollInterval):
		}
	}
}

// sent reports whether a request is one of the client's.
func (c Client) sent(r *auditedRequest) bool {
	if !strings.HasPrefix(r.UserAgent, c.Agent) {
		return false
	}
	user := r.user()
	if c.User != "" {
		return user == c.User
	}
	return !strings.HasPrefix(user, "system:")
}
