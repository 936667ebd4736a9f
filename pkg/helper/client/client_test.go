// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// fakeRunner is a fake: it answers with a fixed output, as a helper that has
// gone wrong might, and ends with an error.
type fakeRunner struct {
	output []string
	err    error
	// asked is the request.
	asked *string
}

func (f fakeRunner) String() string { return "fake" }

func (f fakeRunner) Run(_ context.Context, stdin io.Reader, stdout io.Writer) error {
	request, err := io.ReadAll(stdin)
	if err != nil {
		return err
	}
	if f.asked != nil {
		*f.asked = string(request)
	}
	for _, part := range f.output {
		if _, err := io.WriteString(stdout, part); err != nil {
			return &remote.RunError{Command: "fake", Reason: remote.Canceled, Err: err}
		}
	}
	return f.err
}

const (
	hello  = `{"hello":{"version":"9","protocol":1}}` + "\n"
	result = `{"result":{"configurationPath":"/x","endpoint":"r","archives":[]}}` + "\n"
)

// TestClientOfABadHelper uses a fake Runner, for what the real helper does not
// do.
func TestClientOfABadHelper(t *testing.T) {
	exit := &remote.RunError{Command: "fake agent", Reason: remote.Exit, Err: errors.New("exit status 255"), Stderr: "Connection closed"}
	const broken = "bootstrap node (fake): running `fake`: the helper answered something that is no event: "
	const tryIt = "to see whether the helper works at all, run: fake </dev/null"
	const again = "run the command again: it goes on where this one ended"
	for name, tt := range map[string]struct {
		output     []string
		err        error
		want, hint string
	}{
		"garbage":            {[]string{"Welcome to node 1!\n", hello}, nil, broken + `"Welcome to node 1!"`, noiseAdvice},
		"long garbage":       {[]string{strings.Repeat("g", 200) + "\n"}, nil, broken + `"` + strings.Repeat("g", 80) + `"`, noiseAdvice},
		"garbage after":      {[]string{hello, "\x00\xff\n", result}, nil, broken + `"\x00\xff"`, noiseAdvice},
		"a line without end": {[]string{hello, strings.Repeat("x", MaxEventBytes), "x"}, nil, "bootstrap node (fake): running `fake`: the helper answered with a line longer than 67108864 bytes", tryIt},
		"nothing":            {nil, nil, "bootstrap node (fake): the helper ended without a result", again},
		"no hello":           {[]string{result}, nil, "bootstrap node (fake): running `fake`: the helper did not say hello", noiseAdvice},
		"only hello":         {[]string{hello}, nil, "bootstrap node (fake): the helper ended without a result", again},
		"half a result":      {[]string{hello, strings.TrimSuffix(result, "\n")}, nil, "bootstrap node (fake): the helper ended without a result", again},
		"other protocol": {
			[]string{`{"hello":{"version":"9","protocol":2}}` + "\n", result},
			nil,
			"bootstrap node (fake): running `fake`: the helper (version 9) speaks protocol 2, and this plugin protocol 1", "install the plugins and solution-bootstrap in the same version",
		},
		"result after error":  {[]string{hello, `{"error":{"message":"no"}}` + "\n", result}, nil, "bootstrap node (fake): running `fake`: the helper went on after its last event", tryIt},
		"error after result":  {[]string{hello, result, `{"error":{"message":"no"}}` + "\n"}, nil, "bootstrap node (fake): running `fake`: the helper went on after its last event", tryIt},
		"two results":         {[]string{hello, result, result}, nil, "bootstrap node (fake): running `fake`: the helper went on after its last event", tryIt},
		"result of no state":  {[]string{hello, `{"result":[]}` + "\n"}, nil, "bootstrap node (fake): reading the helper's result: json: cannot unmarshal array into Go value of type protocol.NodeState", ""},
		"exit without a word": {nil, exit, "bootstrap node (fake): running `fake agent`: exit status 255: Connection closed", "to see whether the helper works at all, run: fake agent </dev/null"},
		"exit after a result": {[]string{hello, result}, exit, "bootstrap node (fake): running `fake agent`: exit status 255: Connection closed", "to see whether the helper works at all, run: fake agent </dev/null"},
	} {
		t.Run(name, func(t *testing.T) {
			client := &Client{Runner: fakeRunner{output: tt.output, err: tt.err}}
			state, err := client.List(t.Context(), protocol.ListRequest{})
			if err == nil || err.Error() != tt.want || hint.Of(err) != tt.hint || state != nil {
				t.Errorf("%v, %v, hint %q\nwant %s, hint %q", state, err, hint.Of(err), tt.want, tt.hint)
			}
		})
	}
}

// TestClientReadsEvents uses a fake Runner, for lines that come in pieces.
func TestClientReadsEvents(t *testing.T) {
	asked := ""
	progress := `{"progress":{"step":"checking","done":5,"total":10}}` + "\n"
	var got []protocol.Progress
	client := &Client{
		Runner:   fakeRunner{output: strings.Split(hello+progress+`{"news":{}}`+"\n"+progress+result, ""), asked: &asked},
		Progress: func(p protocol.Progress) { got = append(got, p) },
	}
	state, err := client.List(t.Context(), protocol.ListRequest{Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&protocol.NodeState{ConfigurationPath: "/x", Endpoint: "r", Archives: []protocol.ArchiveState{}}, state); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]protocol.Progress{{Step: "checking", Done: 5, Total: 10}, {Step: "checking", Done: 5, Total: 10}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !strings.HasPrefix(asked, `{"protocol":1,"holder":"`) || !strings.HasSuffix(asked, `"list":{"verify":true}}`+"\n") {
		t.Errorf("asked %s", asked)
	}
	// Who does not want to know of progress need not.
	client = &Client{Runner: fakeRunner{output: []string{hello + progress + result}}}
	if _, err := client.List(t.Context(), protocol.ListRequest{}); err != nil {
		t.Error(err)
	}
}

// TestClientCarriesFailures uses a fake Runner: an error that the helper
// reports counts more than how it ended.
func TestClientCarriesFailures(t *testing.T) {
	failure := `{"error":{"message":"in use","hint":"first this","reason":"InUse"}}` + "\n"
	for _, ended := range []error{nil, &remote.RunError{Command: "fake", Reason: remote.Exit, Err: errors.New("exit status 1")}} {
		client := &Client{Runner: fakeRunner{output: []string{hello, failure}, err: ended}}
		_, err := client.Unimport(t.Context(), protocol.UnimportRequest{Archives: []string{"/a.iso"}})
		var failed *RemoteError
		if !errors.As(err, &failed) || err.Error() != "in use" || hint.Of(err) != "first this" || failed.Reason != protocol.ReasonInUse {
			t.Errorf("error %v, hint %q", err, hint.Of(err))
		}
	}
}

// patientRunner is a fake: a helper that answers once it has seen that its
// input stays open.
type patientRunner struct{ fakeRunner }

func (patientRunner) NeedsOpenStdin() bool { return true }

func (f patientRunner) Run(_ context.Context, stdin io.Reader, stdout io.Writer) error {
	in := bufio.NewReader(stdin)
	line, err := in.ReadString('\n')
	if err != nil || !strings.Contains(line, `"attended":true`) {
		return fmt.Errorf("the request is %q, %w", line, err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := in.ReadByte()
		ended <- err
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("the input has ended: %w", err)
	case <-time.After(50 * time.Millisecond):
	}
	_, err = io.WriteString(stdout, hello+result)
	return err
}

// Where a helper is told by its input that its client is there, it stays open
// until there is an answer.
func TestKeepsStdinOpen(t *testing.T) {
	c := &Client{Runner: patientRunner{}}
	if _, err := c.List(t.Context(), protocol.ListRequest{}); err != nil {
		t.Error(err)
	}
	asked := ""
	c.Runner = fakeRunner{output: []string{hello + result}, asked: &asked}
	if _, err := c.List(t.Context(), protocol.ListRequest{}); err != nil || strings.Contains(asked, "attended") {
		t.Errorf("%s: %v", asked, err)
	}
}

// TestClientWantsWhatItAsksFor uses fake Runners: a caller need not look whether
// the files are those that it has asked for.
func TestClientWantsWhatItAsksFor(t *testing.T) {
	req := protocol.ReadRequest{Archives: []protocol.ReadArchive{{Archive: "/a.iso", Paths: []string{"x", "y"}}, {Archive: "/b.iso"}}}
	for text, ok := range map[string]bool{
		`[{"archive":"/a.iso","files":[{"path":"x","data":"eA=="},{"path":"y","data":""}]},{"archive":"/b.iso","files":[]}]`: true,
		`[{"archive":"/a.iso","files":[{"path":"y","data":""},{"path":"x","data":""}]},{"archive":"/b.iso","files":[]}]`:     false,
		`[{"archive":"/a.iso","files":[{"path":"x","data":""}]},{"archive":"/b.iso","files":[]}]`:                            false,
		`[{"archive":"/b.iso","files":[]},{"archive":"/a.iso","files":[{"path":"x","data":""},{"path":"y","data":""}]}]`:     false,
		`null`: false,
	} {
		c := &Client{Runner: fakeRunner{output: []string{hello, `{"result":{"archives":` + text + "}}\n"}}}
		result, err := c.Read(t.Context(), req)
		if (err == nil) != ok || (result != nil) != ok {
			t.Errorf("%s: %+v, %v", text, result, err)
		}
	}
}
