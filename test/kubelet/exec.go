// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// streamTimeout is for the client to open its streams.
const streamTimeout = 30 * time.Second

// exec serves an exec: the streams of it, and a process.
func (k *Kubelet) exec(w http.ResponseWriter, r *http.Request) {
	if _, err := httpstream.Handshake(r, w, []string{remotecommand.StreamProtocolV4Name}); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	opened := make(chan httpstream.Stream, 4)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, _ <-chan struct{}) error {
		opened <- stream
		return nil
	})
	if conn == nil {
		return // and it has answered
	}
	defer conn.Close()
	streams := map[string]httpstream.Stream{}
	timeout := time.After(streamTimeout)
	for len(streams) < 4 {
		select {
		case stream := <-opened:
			streams[stream.Headers().Get(corev1.StreamType)] = stream
		case <-timeout:
			return
		}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	err := k.run(ctx, r.URL.Query()["command"], streams)
	_ = json.NewEncoder(streams[corev1.StreamTypeError]).Encode(statusOf(err)) // a client that is gone does not read it
	for _, stream := range streams {
		_ = stream.Close()
	}
}

// run runs a command as a process. When the client is gone, its output breaks.
func (k *Kubelet) run(ctx context.Context, command []string, streams map[string]httpstream.Stream) error {
	program, err := k.find(command[0])
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, command[1:]...)
	cmd.Env = append([]string{}, k.env...)
	cmd.Stdout, cmd.Stderr = streams[corev1.StreamTypeStdout], streams[corev1.StreamTypeStderr]
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(stdin, streams[corev1.StreamTypeStdin])
		_ = stdin.Close()
	}()
	return cmd.Wait()
}

// find looks a program up on the PATH of the "container", and words what it does
// not find as containerd with runc does.
func (k *Kubelet) find(name string) (string, error) {
	for _, variable := range k.env {
		if path, found := strings.CutPrefix(variable, "PATH="); found {
			for _, folder := range filepath.SplitList(path) {
				if program, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
					return program, nil
				}
			}
		}
	}
	return "", fmt.Errorf("error executing command in container: failed to exec in container: failed to start exec \"0\": OCI runtime exec failed: "+
		"exec failed: unable to start container process: exec: %q: executable file not found in $PATH: unknown", name)
}

// statusOf is how a kubelet tells how a command has ended.
func statusOf(err error) metav1.Status {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return metav1.Status{Status: metav1.StatusSuccess}
	case !errors.As(err, &exit):
		return apierrors.NewInternalError(err).Status()
	}
	code := exit.ExitCode()
	if code < 0 {
		code = 128 + 9
	}
	return metav1.Status{
		Status: metav1.StatusFailure, Reason: remotecommand.NonZeroExitCodeReason,
		Message: fmt.Sprintf("command terminated with non-zero exit code: exit status %d", code),
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: remotecommand.ExitCodeCauseType, Message: strconv.Itoa(code)}}},
	}
}
