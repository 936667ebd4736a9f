// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/helper/agent"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

func TestBadRequests(t *testing.T) {
	const sameVersion = "install the plugins and solution-bootstrap in the same version"
	for name, tt := range map[string]struct{ request, message, hint string }{
		"nothing":          {"", "the request is not JSON: EOF", ""},
		"not JSON":         {"GET / HTTP/1.1\r\n\r\n", "the request is not JSON: invalid character 'G' looking for beginning of value", ""},
		"a list":           {"[]", "the request is not JSON: json: cannot unmarshal array into Go value of type struct { Protocol int }", ""},
		"no protocol":      {`{"list":{}}`, "the request is of protocol 0, and this helper speaks protocol 1", sameVersion},
		"other protocol":   {`{"protocol":2,"list":{"depth":3},"new":true}`, "the request is of protocol 2, and this helper speaks protocol 1", sameVersion},
		"no operation":     {`{"protocol":1}`, "the request asks for 0 operations, and must ask for one", ""},
		"a null operation": {`{"protocol":1,"list":null}`, "the request asks for 0 operations, and must ask for one", ""},
		"two operations":   {`{"protocol":1,"list":{},"read":{}}`, "the request asks for 2 operations, and must ask for one", ""},
		"unknown":          {`{"protocol":1,"delete":{}}`, `reading the request: json: unknown field "delete"`, ""},
		"unknown below":    {`{"protocol":1,"import":{"archives":[],"force":true}}`, `reading the request: json: unknown field "force"`, ""},
		"other type":       {`{"protocol":1,"import":{"archives":"/a.iso"}}`, "reading the request: json: cannot unmarshal string into Go struct field ImportRequest.import.archives of type []string", ""},
		"two requests":     {`{"protocol":1,"list":{}}{"protocol":1,"list":{}}`, "the request goes on with '{' after its end", ""},
		"too long":         {`{"protocol":1,"holder":"` + strings.Repeat("x", protocol.MaxRequestBytes) + `","list":{}}`, "the request is longer than 1048576 bytes", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			agent := &agent.Agent{Configuration: config.Configuration{Root: t.TempDir()}, Version: "1.2.3"}
			if err := agent.Serve(t.Context(), strings.NewReader(tt.request), &out); err == nil {
				t.Error("no error")
			}
			list := parseEvents(t, out.String())
			want := &protocol.Failure{Message: tt.message, Hint: tt.hint, Reason: protocol.ReasonBadRequest}
			if diff := cmp.Diff(want, list[len(list)-1].Error); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

type brokenStream struct{ err error }

func (b brokenStream) Read([]byte) (int, error)  { return 0, b.err }
func (b brokenStream) Write([]byte) (int, error) { return 0, b.err }

func TestBrokenStreams(t *testing.T) {
	broken := brokenStream{errors.New("broken pipe")}
	var out bytes.Buffer
	agent := &agent.Agent{Configuration: config.Configuration{Root: t.TempDir()}, Version: "1.2.3"}
	if err := agent.Serve(t.Context(), broken, &out); !errors.Is(err, broken.err) {
		t.Errorf("reading: %v", err)
	}
	list := parseEvents(t, out.String())
	if got := *list[1].Error; got.Message != "reading the request: broken pipe" || got.Reason != protocol.ReasonBadRequest {
		t.Errorf("%+v", got)
	}
	if err := agent.Serve(t.Context(), strings.NewReader(`{"protocol":1,"list":{}}`), broken); !errors.Is(err, broken.err) {
		t.Errorf("writing: %v", err)
	}
	if err := agent.Refuse(broken, io.ErrUnexpectedEOF); !errors.Is(err, broken.err) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("refusing: %v", err)
	}
}

func TestRefuse(t *testing.T) {
	var out bytes.Buffer
	cause := hint.With(errors.New("no configuration"), "make one")
	if err := (&agent.Agent{Version: "1.2.3"}).Refuse(&out, cause); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	list := parseEvents(t, out.String())
	if diff := cmp.Diff(&protocol.Failure{Message: "no configuration", Hint: "make one", Reason: protocol.ReasonInvalid}, list[1].Error); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
