// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
)

// auditEvent is what we need of an Event of audit.k8s.io/v1, one line of the log.
type auditEvent struct {
	AuditID, Stage, RequestURI, Verb, UserAgent string

	User             struct{ Username string }
	ImpersonatedUser struct{ Username string }
	ObjectRef        struct{ Resource, Subresource, Namespace, Name, APIGroup string }
	ResponseStatus   struct{ Code int }
	// RequestObject is there for deletions only, which have their options in it.
	RequestObject struct{ DryRun []string }
}

// auditedRequest is a request as the last of its events has it.
type auditedRequest struct {
	auditEvent
	answered bool
}

// readAuditLog returns the requests that began since a mark.
func readAuditLog(name string, since Mark) ([]*auditedRequest, error) {
	log, err := readFrom(name, int64(since))
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	var requests []*auditedRequest
	known := map[string]*auditedRequest{}
	for line := range bytes.Lines(log) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		var e auditEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("reading the audit log: %w in %s", err, line)
		}
		r := known[e.AuditID]
		switch {
		case r == nil && e.Stage != "RequestReceived":
			continue // it began before the mark
		case r == nil:
			r = &auditedRequest{}
			known[e.AuditID] = r
			requests = append(requests, r)
		}
		r.auditEvent = e
		r.answered = e.Stage != "RequestReceived"
	}
	return requests, nil
}

// readFrom reads a file from the first line that begins at an offset or later. A line that was being written when the offset
// was taken began before it.
func readFrom(name string, offset int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(max(offset-1, 0), io.SeekStart); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	if err != nil || offset == 0 {
		return data, err
	}
	_, rest, _ := bytes.Cut(data, []byte("\n"))
	return rest, nil
}

func (r *auditedRequest) user() string {
	if r.ImpersonatedUser.Username != "" {
		return r.ImpersonatedUser.Username
	}
	return r.User.Username
}

// isWrite reports whether a request changes objects if it succeeds. Reviews are questions, and connecting to a pod is
// no write of it.
func (r *auditedRequest) isWrite() bool {
	return slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, r.Verb) &&
		!slices.Contains([]string{"authorization.k8s.io", "authentication.k8s.io"}, r.ObjectRef.APIGroup) &&
		!slices.Contains([]string{"exec", "attach", "portforward", "proxy", "token"}, r.ObjectRef.Subresource)
}

func (r *auditedRequest) isDryRun() bool {
	if len(r.RequestObject.DryRun) > 0 {
		return true
	}
	u, err := url.Parse(r.RequestURI)
	return err == nil && len(u.Query()["dryRun"]) > 0
}

func (r *auditedRequest) write() Write {
	ref := r.ObjectRef
	resource := ref.Resource
	if ref.APIGroup != "" {
		resource += "." + ref.APIGroup
	}
	if resource == "namespaces" {
		ref.Namespace = "" // the API server has a namespace in itself
	}
	return Write{r.Verb, resource, ref.Subresource, ref.Namespace, ref.Name, r.ResponseStatus.Code}
}
