// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// decodeRequest reads a request: a JSON value, and the newline after it where
// the input does not end there. What follows is left in the reader that it
// returns.
func decodeRequest(in io.Reader) (*protocol.Request, io.Reader, error) {
	data, rest, err := readRequest(in)
	if err != nil {
		return nil, nil, err
	}
	// The protocol is looked at first: a request of another version may have
	// fields that this one does not know.
	var version struct{ Protocol int }
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, nil, fmt.Errorf("the request is not JSON: %w", err)
	}
	if version.Protocol != protocol.Version {
		return nil, nil, hint.With(fmt.Errorf("the request is of protocol %d, and this helper speaks protocol %d", version.Protocol, protocol.Version),
			"install the plugins and solution-bootstrap in the same version")
	}
	req := &protocol.Request{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(req); err != nil {
		return nil, nil, fmt.Errorf("reading the request: %w", err)
	}
	if n := operations(req); n != 1 {
		return nil, nil, fmt.Errorf("the request asks for %d operations, and must ask for one", n)
	}
	return req, rest, nil
}

func readRequest(in io.Reader) (json.RawMessage, io.Reader, error) {
	limited := &io.LimitedReader{R: in, N: protocol.MaxRequestBytes + 1}
	dec := json.NewDecoder(limited)
	var data json.RawMessage
	var syntax *json.SyntaxError
	err := dec.Decode(&data)
	switch {
	case err == nil && len(data) <= protocol.MaxRequestBytes:
	case limited.N <= 0:
		return nil, nil, fmt.Errorf("the request is longer than %d bytes", protocol.MaxRequestBytes)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax):
		return nil, nil, fmt.Errorf("the request is not JSON: %w", err)
	default:
		return nil, nil, fmt.Errorf("reading the request: %w", err)
	}
	// The decoder has read ahead.
	rest := bufio.NewReader(io.MultiReader(dec.Buffered(), in))
	end, err := rest.ReadByte()
	for err == nil && (end == ' ' || end == '\t' || end == '\r') {
		end, err = rest.ReadByte()
	}
	if err == nil && end != '\n' {
		return nil, nil, fmt.Errorf("the request goes on with %q after its end", end)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("reading the request: %w", err)
	}
	return data, rest, nil
}

func operations(req *protocol.Request) int {
	n := 0
	for _, field := range reflect.ValueOf(*req).Fields() {
		if field.Kind() == reflect.Pointer && !field.IsNil() {
			n++
		}
	}
	return n
}
