// SPDX-License-Identifier: Apache-2.0

package main

import "path/filepath"

// The rules of the audit policy, first match wins. All are of level Metadata, but for deletions: whether one is a dry
// run is said in its body, not in its URL.
//
// No stage is left out. The backend writes each line while the request waits, but an answer that is larger than the
// server's buffer is on its way before its line: who reads the log sees from a RequestReceived that there is more to
// come.
const (
	auditWrites = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Request
  verbs: [delete, deletecollection]
- level: Metadata
  verbs: [create, update, patch]
`
	auditOthers = "- level: Metadata\n"
	auditNone   = "- level: None\n"
)

// auditPolicyFile is the API server's audit policy.
func auditPolicyFile(dir string) string { return filepath.Join(dir, "audit-policy.yaml") }

// writeAuditPolicy is for --audit-log.
func (o *options) writeAuditPolicy() error {
	if o.auditLog == "" {
		return nil
	}
	policy := auditWrites + auditNone
	if o.auditReads {
		policy = auditWrites + auditOthers
	}
	return writeFile(auditPolicyFile(o.dir), []byte(policy))
}

// auditFlags are the API server's. One file is kept, however large: whoever reads it remembers where it was.
func (o *options) auditFlags() []string {
	if o.auditLog == "" {
		return nil
	}
	return []string{
		"--audit-policy-file=" + auditPolicyFile(o.dir),
		"--audit-log-path=" + o.auditLog,
		"--audit-log-mode=blocking",
		"--audit-log-maxsize=1000000",
	}
}
