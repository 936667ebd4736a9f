// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// What follows a request is left to be read, however the input comes.
func TestRequestLeavesTheRest(t *testing.T) {
	body := strings.Repeat("\x00body\n", 100_000)
	long := `{"protocol":1,"holder":"` + strings.Repeat("x", protocol.MaxRequestBytes-len(`{"protocol":1,"holder":"","list":{}}`)) + `","list":{}}`
	for _, request := range []string{
		`{"protocol":1,"list":{}}` + "\n", `{"protocol":1,"list":{}}` + " \t\r\n", "\n {\n  \"protocol\": 1,\n  \"list\": {}\n}\n", long + "\n",
	} {
		for name, in := range map[string]io.Reader{
			"at once":      strings.NewReader(request + body),
			"in halves":    iotest.HalfReader(strings.NewReader(request + body)),
			"with the end": iotest.DataErrReader(strings.NewReader(request + body)),
			"in two":       io.MultiReader(strings.NewReader(request), strings.NewReader(body)),
		} {
			req, rest, err := decodeRequest(in)
			if err != nil || req.List == nil {
				t.Fatalf("%.40q, %s: %+v, %v", request, name, req, err)
			}
			if got, err := io.ReadAll(rest); err != nil || string(got) != body {
				t.Errorf("%.40q, %s: %d bytes are left, and should be %d: %v", request, name, len(got), len(body), err)
			}
		}
	}
}

// A client that leaves its end open gets an answer, once it has ended the line.
func TestRequestWithoutEnd(t *testing.T) {
	in, client := io.Pipe()
	defer client.Close()
	go func() { _, _ = io.WriteString(client, `{"protocol":1,"configuration":{}}`+"\n") }()
	var out bytes.Buffer
	agent := &Agent{Configuration: config.Configuration{Root: t.TempDir()}, Version: "1.2.3"}
	if err := agent.Serve(t.Context(), in, &out); err != nil || !strings.Contains(out.String(), `{"result":`) {
		t.Errorf("%v, %s", err, &out)
	}
}
