// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func needAuditLog(t *testing.T) *Server {
	t.Helper()
	s := Need(t)
	if !s.HasAuditLog() {
		t.Skip("this server keeps no audit log")
	}
	return s
}

// clientOf is the administrator's by another name.
func clientOf(t *testing.T, s *Server, agent string, as rest.ImpersonationConfig) *kubernetes.Clientset {
	t.Helper()
	config := rest.CopyConfig(s.Config)
	config.UserAgent, config.Impersonate = agent, as
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func mark(t *testing.T, s *Server) Mark {
	t.Helper()
	m, err := s.Mark()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checkWrites compares writes as text, one a line.
func checkWrites(t *testing.T, s *Server, since Mark, by Client, want ...string) {
	t.Helper()
	writes, err := s.Writes(t.Context(), since, by)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range writes {
		got = append(got, w.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("writes by %+v: -want +got:\n%s", by, diff)
	}
}

func TestWrites(t *testing.T) {
	s := needAuditLog(t)
	ctx := t.Context()
	const agent = "writer/1.0"
	client := clientOf(t, s, agent, rest.ImpersonationConfig{})
	maps := client.CoreV1().ConfigMaps("default")
	since := mark(t, s)
	dry := []string{metav1.DryRunAll}
	cm := func(name string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"audit": "test"}}}
	}
	patch := []byte(`{"data":{"a":"b"}}`)
	steps := []func() error{
		func() error { _, err := maps.Create(ctx, cm("dry"), metav1.CreateOptions{DryRun: dry}); return err },
		func() error { _, err := maps.Create(ctx, cm("written"), metav1.CreateOptions{}); return err },
		func() error { _, err := maps.Update(ctx, cm("written"), metav1.UpdateOptions{}); return err },
		func() error {
			_, err := maps.Patch(ctx, "written", types.MergePatchType, patch, metav1.PatchOptions{DryRun: dry})
			return err
		},
		func() error {
			_, err := maps.Patch(ctx, "written", types.MergePatchType, patch, metav1.PatchOptions{})
			return err
		},
		func() error { _, err := maps.Get(ctx, "written", metav1.GetOptions{}); return err },
		func() error { return maps.Delete(ctx, "written", metav1.DeleteOptions{DryRun: dry}) },
		func() error { return maps.Delete(ctx, "written", metav1.DeleteOptions{}) },
		func() error {
			if err := maps.Delete(ctx, "written", metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
				return fmt.Errorf("deleting it twice: %w", err)
			}
			return nil
		},
		func() error {
			return maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "audit=test"})
		},
		func() error {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: "/", Verb: "get"}}}
			_, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			return err
		},
		func() error {
			_, err := client.CoreV1().Namespaces().Patch(ctx, "default", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{}, "status")
			return err
		},
		func() error {
			roles := client.RbacV1().ClusterRoles()
			_, err := roles.Patch(ctx, "view", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{})
			return err
		},
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	want := []string{
		"create configmaps default/written: 201",
		"update configmaps default/written: 200",
		"patch configmaps default/written: 200",
		"delete configmaps default/written: 200",
		"delete configmaps default/written: 404",
		"deletecollection configmaps default/: 200",
		"patch namespaces/status default: 200",
		"patch clusterroles.rbac.authorization.k8s.io view: 200",
	}
	checkWrites(t, s, since, Client{Agent: agent}, want...)
	checkWrites(t, s, since, Client{Agent: "another/"})
	checkWrites(t, s, mark(t, s), Client{Agent: agent})
	if n, err := s.Requests(ctx, since, Client{Agent: agent}); n != len(steps) || err != nil {
		t.Errorf("%d requests, %v; want %d", n, err, len(steps))
	}
	if n, err := s.Requests(ctx, since, Client{Agent: "another/"}); n != 0 || err != nil {
		t.Errorf("%d requests of another client, %v", n, err)
	}
}

func TestWritesByUser(t *testing.T) {
	s := needAuditLog(t)
	since := mark(t, s)
	for i, user := range []string{"audited", "system:serviceaccount:default:audited"} {
		client := clientOf(t, s, "impersonator/1.0", rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}})
		cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("audited-%d", i)}}
		if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), cm, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	checkWrites(t, s, since, Client{User: "audited"}, "create configmaps default/audited-0: 201")
	checkWrites(t, s, since, Client{User: "system:serviceaccount:default:audited"}, "create configmaps default/audited-1: 201")
	checkWrites(t, s, since, Client{Agent: "impersonator/"}, "create configmaps default/audited-0: 201")
}

// Long answers are with the client before they are in the log.
func TestWritesAreComplete(t *testing.T) {
	s := needAuditLog(t)
	const agent = "long/1.0"
	client := clientOf(t, s, agent, rest.ImpersonationConfig{})
	data := map[string]string{"a": strings.Repeat("long ", 100_000)}
	for i := range 20 {
		since := mark(t, s)
		name := fmt.Sprintf("long-%d", i)
		if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		checkWrites(t, s, since, Client{Agent: agent}, "create configmaps default/"+name+": 201")
	}
}

// event is a line of a log.
func event(id, stage, verb string) string {
	return fmt.Sprintf(`{"kind":"Event","auditID":%q,"stage":%q,"requestURI":"/api/v1/namespaces/e/pods","verb":%q,"user":{"username":"u"},"userAgent":"a/1","objectRef":{"resource":"pods","namespace":"e","name":%q},"responseStatus":{"code":200}}`, id, stage, verb, id) + "\n"
}

func logServer(t *testing.T, lines ...string) *Server {
	t.Helper()
	name := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return &Server{auditLog: name}
}

func TestWritesWaitForAnswers(t *testing.T) {
	begun, answered := event("1", "RequestReceived", "create"), event("1", "ResponseComplete", "create")
	s := logServer(t, begun, answered[:20])
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Writes(ctx, 0, Client{}); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "create pods e/1") {
		t.Errorf("without an answer: %v", err)
	}
	if w, err := s.Writes(t.Context(), 0, Client{Agent: "another/"}); len(w) > 0 || err != nil {
		t.Errorf("waiting for another client: %v, %v", w, err)
	}
	wait := make(chan error, 1)
	go func() {
		time.Sleep(3 * pollInterval)
		wait <- os.WriteFile(s.auditLog, []byte(begun+answered), 0o600)
	}()
	checkWrites(t, s, 0, Client{}, "create pods e/1: 200")
	if err := <-wait; err != nil {
		t.Error(err)
	}
}

func TestRequestsFromBeforeTheMark(t *testing.T) {
	before := event("1", "RequestReceived", "create")
	s := logServer(t, before, event("1", "ResponseComplete", "create"), event("2", "RequestReceived", "delete"), event("3", "RequestReceived", "get"), event("2", "Panic", "delete"))
	s.auditReads = true
	checkWrites(t, s, Mark(len(before)), Client{}, "delete pods e/2: 200")
	if n, err := s.Requests(t.Context(), Mark(len(before)), Client{}); n != 2 || err != nil {
		t.Errorf("%d requests, %v; want 2", n, err)
	}
}

func TestWithoutAuditLog(t *testing.T) {
	s := &Server{}
	_, errMark := s.Mark()
	_, errWrites := s.Writes(t.Context(), 0, Client{})
	_, errRequests := s.Requests(t.Context(), 0, Client{})
	for _, err := range []error{errMark, errWrites, errRequests} {
		if !errors.Is(err, errNoAuditLog) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := logServer(t).Requests(t.Context(), 0, Client{}); err == nil || !strings.Contains(err.Error(), "no reads") {
		t.Errorf("without reads: %v", err)
	}
	if _, err := logServer(t, "nonsense\n").Writes(t.Context(), 0, Client{}); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("no log: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		with []Option
		want options
	}{
		{nil, options{}},
		{[]Option{WithAuditLog()}, options{auditLog: true}},
		{[]Option{WithAuditReads(), WithAuditLog()}, options{auditLog: true, auditReads: true}},
	} {
		if got := newOptions(slices.Clone(tt.with)); got != tt.want {
			t.Errorf("%+v, want %+v", got, tt.want)
		}
	}
}
