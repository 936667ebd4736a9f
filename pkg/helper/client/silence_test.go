// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// silentRunner is a fake: it says what it has to, with pauses, and then nothing
// more until it is ended.
type silentRunner struct {
	output []string
	pause  time.Duration
}

func (silentRunner) String() string { return "fake" }

func (s silentRunner) Run(ctx context.Context, _ io.Reader, stdout io.Writer) error {
	for _, part := range s.output {
		if _, err := io.WriteString(stdout, part); err != nil {
			return &remote.RunError{Command: "fake", Reason: remote.Canceled, Err: err}
		}
		select {
		case <-ctx.Done():
		case <-time.After(s.pause):
		}
	}
	<-ctx.Done()
	return &remote.RunError{Command: "fake", Reason: remote.Canceled, Err: context.Cause(ctx)}
}

const promise = `{"hello":{"version":"9","protocol":1,"aliveEvery":0.05}}` + "\n"

// TestSilentHelper uses a fake Runner: a helper that is silent is given up,
// one that is heard of is not.
func TestSilentHelper(t *testing.T) {
	alive := strings.Split(strings.Repeat(`{"alive":{}}`+"\n", 10), "\n")
	for i := range alive {
		alive[i] += "\n"
	}
	for name, tt := range map[string]struct {
		output []string
		pause  time.Duration
		want   string
	}{
		"at once":          {nil, 0, "nothing was heard of it for 200ms"},
		"after hello":      {[]string{promise}, 0, "nothing was heard of it for 300ms"},
		"in mid line":      {[]string{promise, `{"progress":`}, 0, "nothing was heard of it for 300ms"},
		"after a long day": {append([]string{promise}, alive[:10]...), 100 * time.Millisecond, "nothing was heard of it for 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			client := &Client{Runner: silentRunner{tt.output, tt.pause}, HelloTimeout: 200 * time.Millisecond}
			_, err := client.List(t.Context(), protocol.ListRequest{})
			var failed *remote.RunError
			if !errors.As(err, &failed) || failed.Reason != remote.Silent || !strings.Contains(err.Error(), "bootstrap node (fake): running `fake`: the helper is silent: "+tt.want) || hint.Of(err) == "" {
				t.Errorf("%v, hint %q", err, hint.Of(err))
			}
			if least := time.Duration(len(tt.output)) * tt.pause; time.Since(start) < least {
				t.Errorf("given up after %v, while it was heard of for %v", time.Since(start), least)
			}
		})
	}
}

// A helper that promises nothing may be silent for as long as it likes, and one
// whose events take long to be dealt with is not silent.
func TestPatience(t *testing.T) {
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 500*time.Millisecond, enough)
	defer cancel()
	_, err := (&Client{Runner: silentRunner{output: []string{hello}}, HelloTimeout: 100 * time.Millisecond}).List(ctx, protocol.ListRequest{})
	if !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
	slow := func(protocol.Progress) { time.Sleep(600 * time.Millisecond) }
	progress := `{"progress":{"step":"checking","done":5,"total":10}}` + "\n"
	client := &Client{Runner: fakeRunner{output: []string{promise, progress, result}}, Progress: slow}
	if _, err := client.List(t.Context(), protocol.ListRequest{}); err != nil {
		t.Error(err)
	}
}

// TestUncertain uses fake Runners, for a connection that is lost at one moment
// or another.
func TestUncertain(t *testing.T) {
	lost := &remote.RunError{Command: "ssh node", Reason: remote.Lost, Err: errors.New("the connection was lost")}
	down := &remote.RunError{Command: "ssh node", Reason: remote.Unreachable, Err: errors.New("the host cannot be reached"), Advice: "see that it is up"}
	const again = "run the command again: what was done already is left as it is"
	activate := func(c *Client, dryRun bool) error {
		_, err := c.Activate(t.Context(), protocol.ActivateRequest{Name: "x", DryRun: dryRun})
		return err
	}
	for name, tt := range map[string]struct {
		output     []string
		dryRun     bool
		err        error
		want, hint string
	}{
		"before":        {nil, false, down, "bootstrap node (fake): running `ssh node`: the host cannot be reached", "see that it is up"},
		"in the middle": {[]string{hello}, false, lost, "bootstrap node (fake): running `ssh node`: the connection was lost; the change may have been made, or not", again},
		"no change":     {[]string{hello}, true, lost, "bootstrap node (fake): running `ssh node`: the connection was lost", "run the command again: it goes on from where it was"},
		"no word":       {[]string{hello}, false, nil, "bootstrap node (fake): the helper ended without a result; the change may have been made, or not", "run the command again: it goes on where this one ended"},
		"garbage":       {[]string{hello, "x\n"}, false, nil, "bootstrap node (fake): running `fake`: the helper answered something that is no event: \"x\"; the change may have been made, or not", noiseAdvice},
		"after it all":  {[]string{hello, result}, false, lost, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := activate(&Client{Runner: fakeRunner{output: tt.output, err: tt.err}}, tt.dryRun)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || err.Error() != tt.want || hint.Of(err) != tt.hint {
				t.Errorf("%v, hint %q\nwant %s, hint %q", err, hint.Of(err), tt.want, tt.hint)
			}
		})
	}
}

// TestTooLong uses a fake Runner that answers without end.
func TestTooLong(t *testing.T) {
	line := `{"alive":{}` + strings.Repeat(" ", 1<<20) + "}\n"
	output := []string{hello}
	for range MaxAnswerBytes >> 20 {
		output = append(output, line)
	}
	_, err := (&Client{Runner: fakeRunner{output: output}}).List(t.Context(), protocol.ListRequest{})
	var failed *remote.RunError
	if !errors.As(err, &failed) || failed.Reason != remote.TooLong || !strings.Contains(err.Error(), "with more than 134217728 bytes") {
		t.Error(err)
	}
}
