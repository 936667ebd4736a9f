// SPDX-License-Identifier: Apache-2.0

package podexec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// session is one run of the agent, and its streams.
type session struct {
	ctx    context.Context //nolint:containedctx // that of the run, which ends with its streams
	cancel context.CancelCauseFunc
	stdin  io.Reader
	stderr remote.Tail

	mu       sync.Mutex // the streams may outlive the run for a moment
	stdout   io.Writer
	answered bool
	closed   bool
}

func newSession(ctx context.Context, stdin io.Reader, stdout io.Writer) *session {
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	if stdout == nil {
		stdout = io.Discard
	}
	s := &session{stdin: stdin, stdout: stdout}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	return s
}

// errClosed is for what comes after the end.
var errClosed = errors.New("the run has ended")

// Read reads the standard input. An error of it ends the run.
func (s *session) Read(p []byte) (int, error) {
	n, err := s.stdin.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.cancel(fmt.Errorf("reading its input: %w", err))
	}
	return n, err
}

// Write passes the standard output on. An error of it ends the run.
func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errClosed
	}
	s.answered = true
	n, err := s.stdout.Write(p)
	if err != nil {
		s.cancel(fmt.Errorf("writing its output: %w", err))
	}
	return n, err
}

// run runs the command: over a WebSocket, or over SPDY where the server or a
// proxy on the way does not know that.
func (s *session) run(config *rest.Config, client rest.Interface, t target) error {
	defer s.close()
	url := client.Post().Resource("pods").Namespace(t.namespace).Name(t.pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: t.container, Command: command(), Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec).URL()
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", url)
	if err != nil {
		return err
	}
	websocket, err := remotecommand.NewWebSocketExecutor(config, "GET", url.String())
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return err
	}
	return executor.StreamWithContext(s.ctx, remotecommand.StreamOptions{Stdin: s, Stdout: s, Stderr: &s.stderr})
}

func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// Exit statuses: of a shell or runtime for a command that is not there or
// cannot be run, and of a process that SIGKILL ended.
const (
	notRunnable    = 126
	commandMissing = 127
	killed         = 128 + 9
)

// What the API server, kubelet and container runtime say.
var (
	forbiddenPattern   = regexp.MustCompile(`is forbidden: User`)
	missingPattern     = regexp.MustCompile(`executable file not found|no such file or directory|exec format error|permission denied: unknown`)
	containerPattern   = regexp.MustCompile(`container .*(?:not found|is not valid|is not running|not created or running)`)
	unreachablePattern = regexp.MustCompile(`error dialing backend|connection refused|no route to host|i/o timeout|EOF|TLS handshake timeout|no such host`)
)

// diagnose finds out why a run has failed.
func (s *session) diagnose(t target, err error) error {
	e := &remote.RunError{Command: remote.Quote(t.words(command()...)...), Stderr: s.stderr.String(), Err: err}
	pod := fmt.Sprintf("pod %s of namespace %s", t.pod, t.namespace)
	var exit exec.CodeExitError
	isExit := errors.As(err, &exit)
	text := err.Error()
	switch {
	case s.ctx.Err() != nil:
		e.Reason, e.Err = remote.Canceled, context.Cause(s.ctx)
	case isExit && exit.Code == killed:
		e.Reason, e.Advice = remote.Killed, "see whether its memory was too little: kubectl describe pod -n "+t.namespace+" "+t.pod
	case isExit && (s.answered || exit.Code != commandMissing && exit.Code != notRunnable):
		e.Reason = remote.Exit
	case !s.answered && (isExit || missingPattern.MatchString(text)):
		e.Reason, e.Err = remote.NotFound, fmt.Errorf("the helper is not there, or cannot be started (%w)", err)
		e.Advice = fmt.Sprintf("see that container %s of %s has solution-bootstrap on its PATH, or name another one: --bootstrap '%s%s/%s#CONTAINER'",
			t.container, pod, remote.PodScheme, t.namespace, t.pod)
	case s.answered:
		e.Reason, e.Err = remote.Lost, fmt.Errorf("the connection was lost (%w)", err)
	default:
		diagnoseRefusal(e, t)
	}
	return e
}

// diagnoseRefusal says why no command was run at all.
func diagnoseRefusal(e *remote.RunError, t target) {
	text := e.Err.Error()
	switch {
	case apierrors.IsForbidden(e.Err) || forbiddenPattern.MatchString(text):
		e.Reason, e.Advice = remote.Forbidden, fmt.Sprintf(rights, t.namespace)
	case apierrors.IsNotFound(e.Err) && !containerPattern.MatchString(text):
		e.Reason, e.Advice = remote.PodNotFound, "see which there are: kubectl get pods -n "+t.namespace
	case containerPattern.MatchString(text):
		e.Reason, e.Advice = remote.PodNotRunning, fmt.Sprintf("see why: kubectl describe pod -n %s %s", t.namespace, t.pod)
	case unreachablePattern.MatchString(text):
		e.Reason, e.Err = remote.Unreachable, fmt.Errorf("the pod's node, or the API server, cannot be reached (%w)", e.Err)
		e.Advice = fmt.Sprintf("see whether it answers to others: kubectl logs -n %s %s", t.namespace, t.pod)
	default:
		e.Reason = remote.Failed
	}
}
