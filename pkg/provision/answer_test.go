// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

func TestAnswer(t *testing.T) {
	ended := &remote.RunError{Reason: remote.Exit, Err: errors.New("exit status 1")}
	lost := &remote.RunError{Reason: remote.Lost, Err: errors.New("the connection was lost")}
	for name, tt := range map[string]struct {
		text       string
		err        error
		want, hint string
	}{
		"nothing wrong":         {"node 1\nversion 1.0\n", nil, "", ""},
		"no answer":             {"", ended, "exit status 1", ""},
		"lost":                  {"node 1\n", lost, "the connection was lost", "run the command again"},
		"lost after a failure":  {"node 1\nfail root \n", lost, "the connection was lost", "run the command again"},
		"ends by itself":        {"node 1\n", ended, "exit status 1", ""},
		"a failure":             {"node 1\nfail root \n", ended, "it takes root", "ssh://root@HOST"},
		"no room":               {"node 1\nfail space 12\n", ended, "there is not enough room in /usr/local/bin: 12 KiB are free", "make room"},
		"not written":           {"node 1\nfail write cat: write error: No space left on device\n", ended, "cat: write error: No space left on device", "has room"},
		"not whole":             {"node 1\nfail digest \n", ended, "did not arrive whole", "again"},
		"no tool":               {"node 1\nfail tool sha256sum\n", ended, "there is no sha256sum", "coreutils"},
		"two at once":           {"node 1\nfail busy \n", ended, "somebody else", "again"},
		"unknown failure":       {"node 1\nfail new reason\n", ended, "the script failed: new reason", ""},
		"the helper's":          {"node 1\nsaid x\nsaid error: a\nsaid   b\nsaid hint: do c\nfail command \n", ended, "the helper says: a\n  b", "do c"},
		"the helper's, no hint": {"node 1\nsaid error: a\nfail command \n", ended, "the helper says: a", ""},
		"a crash":               {"node 1\nsaid panic: x\nfail command \n", ended, "what was run there failed: panic: x", ""},
		"a forced command":      {`{"hello":{"version":"1"}}` + "\n", nil, "this key may ask the helper", ""},
		"a login script":        {"Welcome\nnode 1\n", nil, `something else answers than the script: "Welcome"`, "login script"},
		"nothing at all":        {"", nil, "something else answers than the script", "login script"},
	} {
		a := &answer{}
		if _, err := a.Write([]byte(tt.text)); err != nil {
			t.Fatal(err)
		}
		_, err := a.explain(tt.err)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) || !strings.Contains(hint.Of(err), tt.hint) {
			t.Errorf("%s: %v, hint %q", name, err, hint.Of(err))
		}
	}
}

func TestAnswerIsBounded(t *testing.T) {
	a, line := &answer{}, []byte(strings.Repeat("x", 1<<10)+"\n")
	for range maxAnswer / len(line) {
		if _, err := a.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Write(line); err == nil {
		t.Error("an answer without end is kept")
	}
}

func TestParseNode(t *testing.T) {
	parse := func(text string) (*Node, error) {
		a := &answer{}
		_, _ = a.Write([]byte("node 1\n" + text))
		words, err := a.read()
		if err != nil {
			return nil, err
		}
		return parseNode(words)
	}
	got, err := parse("system Linux\nmachine x86_64\nuser 0\nsystemd yes\nservice yes\nprevious ab\ndigest cd\nversion 1.0 beta\n")
	want := &Node{System: "Linux", Machine: "x86_64", IsRoot: true, HasSystemd: true, HasService: true, Digest: "cd", Version: "1.0 beta", Previous: "ab"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" || got.Check() != nil || !got.IsInstalled() {
		t.Errorf("%v, %s", err, diff)
	}
	// One that is there and does not run.
	got, err = parse("system Linux\nmachine aarch64\nuser 1000\ndigest cd\nversion \n")
	if diff := cmp.Diff(&Node{System: "Linux", Machine: "aarch64", Digest: "cd"}, got); err != nil || diff != "" || got.Check() == nil {
		t.Errorf("%v, %s", err, diff)
	}
	for _, text := range []string{"", "system Linux\nmachine x86_64\n", "system Linux\nmachine x86_64\nuser x\n", "system Linux\nsystem Linux\nmachine x\nuser 0\n"} {
		if got, err := parse(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, n := range []Node{{System: "Darwin", Machine: "arm64", IsRoot: true}, {System: "Linux", Machine: "mips", IsRoot: true}} {
		if n.Check() == nil {
			t.Errorf("%v is taken", n)
		}
	}
}

func TestParseSaid(t *testing.T) {
	said := strings.Split("/etc/a.yaml created\n==> systemctl stop x\n==> /etc/b updated\n/etc/c updated\nan odd line", "\n")
	changes, notes := parseSaid(said, false)
	if got := fmt.Sprint(changes, notes); got != "[{/etc/a.yaml created} {/etc/b updated} {/etc/c updated}] [==> systemctl stop x an odd line]" {
		t.Errorf("%s", got)
	}
	// Lines of files look like changes, and are none.
	changes, notes = parseSaid(said, true)
	if got := fmt.Sprint(changes, notes); got != "[{/etc/b updated}] []" {
		t.Errorf("%s", got)
	}
}

// Only what the new program has done is a reason to put the old one back.
func TestIsProgramsFault(t *testing.T) {
	run := func(reason remote.Reason) error {
		return fmt.Errorf("asking: %w", &remote.RunError{Reason: reason, Err: errors.New("x")})
	}
	for err, want := range map[error]bool{
		run(remote.Exit): true, run(remote.Garbage): true, run(remote.OtherProtocol): true, run(remote.Silent): true,
		run(remote.NotFound): false, run(remote.Lost): false, run(remote.SudoRefused): false, run(remote.Canceled): false,
		errors.New("the helper says: x"):                   true,
		&otherError{errors.New("another version answers")}: false,
	} {
		if isProgramsFault(err) != want {
			t.Errorf("%v: %t", err, !want)
		}
	}
}
