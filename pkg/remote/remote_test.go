// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for address, want := range map[string]Local{"local": {}, "local:/opt/solution-bootstrap": {Program: "/opt/solution-bootstrap"}} {
		got, err := Parse(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if diff := cmp.Diff(Runner(want), got); diff != "" || got.String() != address {
			t.Errorf("%s, as %s:\n%s", address, got, diff)
		}
	}
	for address, want := range map[string]string{
		"ssh://root@node:22": "does not reach a helper by ssh", "pod://ns/name": "does not reach a helper by pod",
		"": "is not one", "ssh:node": "is not one", "node": "is not one", "Local": "is not one",
		"local:": "must be absolute", "local:bin/x": "must be absolute",
	} {
		_, err := Parse(address)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+address+`"`) || !strings.Contains(err.Error(), forms) {
			t.Errorf("%s: error %v does not contain %q", address, err, want)
		}
	}
}

func TestRunErrorText(t *testing.T) {
	for stderr, want := range map[string]string{
		"": "running `x agent`: gone", "\n \n": "running `x agent`: gone", "a\nb\n": "running `x agent`: gone: b",
		"\x07é\x1b]0;t\x07": "running `x agent`: gone:  é ]0;t ", strings.Repeat("é", 1000): "running `x agent`: gone: " + strings.Repeat("é", maxLine) + "…",
	} {
		if got := (&RunError{Command: "x agent", Stderr: stderr, Err: errors.New("gone")}).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	words := []string{"/a-b/c_d.e", "", "a b", "$x", "A=b", "--a=b", "it's", "~", "é", "-", "*"}
	if got, want := quote(words), `/a-b/c_d.e '' 'a b' '$x' 'A=b' --a=b 'it'\''s' '~' 'é' - '*'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
