// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Without --audit-log nothing of it is there.
func TestNoAudit(t *testing.T) {
	o := testOptions(t, t.TempDir())
	if err := o.writeAuditPolicy(); err != nil {
		t.Fatal(err)
	}
	for _, flag := range apiServerFlags(o, &pki{}) {
		if strings.HasPrefix(flag, "--audit") {
			t.Errorf("the API server gets %s", flag)
		}
	}
	if left, err := os.ReadDir(o.dir); err != nil || len(left) > 0 {
		t.Errorf("wrote %v, %v", left, err)
	}
}

func TestAuditFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	o := testOptions(t, "cluster", "--audit-log", "audit.log")
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	flags := apiServerFlags(o, &pki{})
	for _, want := range []string{
		"--audit-log-path=" + filepath.Join(wd, "audit.log"),
		"--audit-policy-file=" + filepath.Join(wd, "cluster", "audit-policy.yaml"),
		"--audit-log-mode=blocking",
	} {
		if !slices.Contains(flags, want) {
			t.Errorf("without %s: %q", want, flags)
		}
	}
}

// auditEvent is what the test needs of a line.
type auditEvent struct {
	Level, Stage, Verb, RequestURI string
	User                           struct{ Username string }
	ObjectRef                      struct{ Resource, Name string }
	ResponseStatus                 struct{ Code int }
	RequestObject                  struct{ DryRun []string }
}

func auditEvents(t *testing.T, name string) []auditEvent {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var events []auditEvent
	for line := range strings.Lines(string(b)) {
		var e auditEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if e.Stage == "ResponseComplete" {
			events = append(events, e)
		}
	}
	return events
}

func TestAuditLog(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real control plane, 5 s: skipped with -short")
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "audit.log")
	r := startUp(t, filepath.Join(dir, "cluster"), "--port=0", "--etcd-port=0", "--until-stdin-closes", "--audit-log", log)
	r.kubectl(t, "create", "configmap", "kept", "--from-literal=secret=hunter2")
	r.kubectl(t, "get", "configmap", "kept")
	r.kubectl(t, "delete", "configmap", "kept", "--dry-run=server")
	r.kubectl(t, "delete", "configmap", "kept", "--wait=false")

	var got []string
	for _, e := range auditEvents(t, log) {
		if strings.HasPrefix(e.User.Username, "system:") {
			continue
		}
		if e.ObjectRef.Name == "kept" {
			got = append(got, strings.Join(append([]string{e.Level, e.Verb, e.ObjectRef.Resource}, e.RequestObject.DryRun...), " "))
		}
	}
	want := []string{"Metadata create configmaps", "Request delete configmaps All", "Request delete configmaps"}
	if !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
	if b, err := os.ReadFile(log); err != nil || strings.Contains(string(b), "hunter2") || strings.Contains(string(b), `"verb":"get"`) {
		t.Errorf("the log has contents or reads in it, or cannot be read: %v", err)
	}
	if err := r.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	r.end(t)
}
