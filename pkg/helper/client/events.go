// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// Bounds of an answer: a helper that answers without end is stopped.
const (
	// MaxEventBytes bounds one event.
	MaxEventBytes = 64 << 20
	// MaxAnswerBytes bounds all events of an answer. Progress of a check that
	// takes a day is not as much.
	MaxAnswerBytes = 128 << 20
)

// eventReader is the writer that the helper's standard output is copied to.
type eventReader struct {
	progress func(protocol.Progress)
	timer    *silenceTimer
	offers   chan<- protocol.Offer // nil where none is due

	partial []byte // of a line
	total   int64
	hello   *protocol.Hello
	result  json.RawMessage
	failure *protocol.Failure
	err     *answerError
}

// answerError is what is wrong with the output itself.
type answerError struct {
	reason remote.Reason
	err    error
	advice string
}

func (e *answerError) Error() string { return e.err.Error() }

// Write implements io.Writer. An error ends the helper.
func (r *eventReader) Write(p []byte) (int, error) {
	r.timer.pause()
	defer r.timer.heard()
	n := len(p)
	r.total += int64(n)
	for r.err == nil {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		switch {
		case len(r.partial)+len(line) > MaxEventBytes:
			r.err = &answerError{remote.TooLong, fmt.Errorf("the helper answered with a line longer than %d bytes", MaxEventBytes), ""}
		case r.total > MaxAnswerBytes:
			r.err = &answerError{remote.TooLong, fmt.Errorf("the helper answered with more than %d bytes", MaxAnswerBytes), ""}
		}
		if r.err != nil {
			break
		}
		r.partial = append(r.partial, line...)
		if !found {
			return n, nil
		}
		r.err = r.event(r.partial)
		r.partial, p = r.partial[:0], rest
	}
	return 0, r.err
}

const noiseAdvice = "see that nothing else, as a login script, writes to the helper's standard output"

func (r *eventReader) event(line []byte) *answerError {
	var e protocol.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return &answerError{remote.Garbage, fmt.Errorf("the helper answered something that is no event: %.80q", line), noiseAdvice}
	}
	switch {
	case r.result != nil || r.failure != nil:
		return &answerError{remote.Garbage, errors.New("the helper went on after its last event"), ""}
	case e.Hello != nil:
		r.hello = e.Hello
		if e.Hello.Protocol != protocol.Version {
			return &answerError{
				remote.OtherProtocol,
				fmt.Errorf("the helper (version %s) speaks protocol %d, and this plugin protocol %d", e.Hello.Version, e.Hello.Protocol, protocol.Version),
				"install the plugins and solution-bootstrap in the same version",
			}
		}
		r.timer.expect(time.Duration(e.Hello.AliveEvery * float64(time.Second)))
	case r.hello == nil:
		return &answerError{remote.Garbage, errors.New("the helper did not say hello"), noiseAdvice}
	case e.Progress != nil:
		if r.progress != nil {
			r.progress(*e.Progress)
		}
	case e.Offer != nil && r.offers == nil:
		return &answerError{remote.Garbage, errors.New("the helper offers to go on with an upload that there is none of, or for the second time"), ""}
	case e.Offer != nil:
		r.offers <- *e.Offer
		r.offers = nil
	case e.Result != nil:
		r.result = bytes.Clone(e.Result)
	case e.Error != nil:
		r.failure = e.Error
	}
	return nil
}

// explain says of a run that has failed what was wrong with the answer, if
// that was it.
func (r *eventReader) explain(e *remote.RunError) {
	switch {
	case r.err != nil:
		e.Reason, e.Err, e.Advice = r.err.reason, r.err.err, r.err.advice
	case errors.Is(e.Err, errSilent):
		e.Reason, e.Advice = remote.Silent, ""
	case e.Err == nil:
		e.Reason, e.Err = remote.NoResult, errors.New("the helper ended without a result")
		e.Advice = "run the command again: it goes on where this one ended"
	}
}
