// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

func TestParse(t *testing.T) {
	for address, want := range map[string]Runner{
		"local":                               Local{},
		"local:/opt/solution-bootstrap":       Local{Program: "/opt/solution-bootstrap"},
		"local+sudo":                          Local{Sudo: true},
		"local+sudo:/opt/solution-bootstrap":  Local{Program: "/opt/solution-bootstrap", Sudo: true},
		"ssh://node":                          SSH{Host: "node"},
		"ssh://admin@node-1.example.com:2222": SSH{User: "admin", Host: "node-1.example.com", Port: 2222},
		"ssh+sudo://a.b-c_d@10.0.0.1":         SSH{User: "a.b-c_d", Host: "10.0.0.1", Sudo: true},
		"ssh://[::1]":                         SSH{Host: "::1"},
		"ssh://root@[fe80::1%eth0]:22":        SSH{User: "root", Host: "fe80::1%eth0", Port: 22},
	} {
		got, err := Parse(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(SSH{})); diff != "" || got.String() != address {
			t.Errorf("%s, as %s:\n%s", address, got, diff)
		}
	}
	for address, want := range map[string]string{
		"": "is not one", "ssh:node": "is not one", "node": "is not one", "Local": "is not one", "pod://x": "is not one", "local?sudo": "is not one",
		"local:": "must be absolute", "local:bin/x": "must be absolute", "local+sudo:": "must be absolute", "sudo+ssh://node": "is not one",
	} {
		_, err := Parse(address)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"`+address+`"`) || hint.Of(err) != Forms {
			t.Errorf("%s: error %v does not contain %q, or has hint %q", address, err, want, hint.Of(err))
		}
	}
}

// What could be an option, more than one word or a part of a command is refused
// wherever it stands.
func TestParseSSHRefuses(t *testing.T) {
	for _, bad := range []string{
		"", " ", "-", "-oProxyCommand=x", "-l", "a b", "a\tb", "a\nb", "a\rb", "a\x00b", "a'b", `a"b`, "$(x)", "`x`", "a;b", "a|b", "a&b", "a>b", "a<b",
		"a\\b", "a*b", "a?b", "a!b", "a#b", "a/b", "a,b", "a=b", "a%b", "a{b}", "a~b", "(a)", "é", "а", ".a", "%h", "a%%b", strings.Repeat("a", 300),
	} {
		for _, address := range []string{"ssh://" + bad, "ssh://user@" + bad, "ssh://" + bad + "@host", "ssh://" + bad + ":22", "ssh://user@host:" + bad, "ssh+sudo://" + bad + "@host"} {
			if s, err := Parse(address); err == nil {
				t.Errorf("%q is %#v", address, s)
			} else if hint.Of(err) == "" || strings.ContainsAny(err.Error(), "\n\r\t\x00") {
				t.Errorf("%q: error %q, hint %q", address, err, hint.Of(err))
			}
		}
	}
	for _, address := range []string{
		"ssh://a@b@c", "ssh://host:0", "ssh://host:65536", "ssh://host:+1", "ssh://host:1:2", "ssh://host/", "ssh://host:22/", "ssh://user:secret@host", "ssh://::1",
		"ssh://[::1", "ssh://::1]", "ssh://[]", "ssh://[host]", "ssh://[127.0.0.1]", "ssh://[::1%-x y]", "ssh://[::1%$(x)]", "ssh://[::1]x", "ssh://[::1]]", "ssh://[[::1]]",
	} {
		if s, err := Parse(address); err == nil {
			t.Errorf("%q is %#v", address, s)
		}
	}
}

// Whatever address is taken, the words for ssh are these.
func FuzzParse(f *testing.F) {
	for _, address := range []string{"local", "ssh://a@b:22", "ssh+sudo://[::1%x]:1", "ssh://-x", "ssh://a@-x", "ssh://a:b"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		runner, err := Parse(address)
		s, isSSH := runner.(SSH)
		if err != nil || !isSSH {
			return
		}
		if again, err := Parse(s.String()); err != nil || !cmp.Equal(again, runner, cmp.AllowUnexported(SSH{})) {
			t.Errorf("%q is %s, and that is %v, %v", address, s, again, err)
		}
		words := s.words("x.conf")
		at := -1
		for i, word := range words {
			if word == "--" {
				at = i
			}
		}
		if at < 0 || strings.HasPrefix(words[at+1], "-") || strings.Join(words[len(words)-2:], " ") != "solution-bootstrap agent" {
			t.Errorf("%q: %q", address, words)
		}
		for _, word := range words {
			if strings.ContainsAny(word, " \t\n\r\x00'\"$`;|&<>\\*?!#(){}~") {
				t.Errorf("%q: %q", address, words)
			}
		}
	})
}

func TestSSHWords(t *testing.T) {
	for want, s := range map[string]SSH{
		"ssh -F x.conf -T -- node solution-bootstrap agent":                               {Host: "node"},
		"ssh -F x.conf -T -p 2222 -- admin@node sudo -n solution-bootstrap agent":         {User: "admin", Host: "node", Port: 2222, Sudo: true},
		"ssh -F x.conf -T -p 22 -- root@fe80::1%eth0 solution-bootstrap agent":            {User: "root", Host: "fe80::1%eth0", Port: 22},
		"ssh -F x.conf -T -- node.example.com sudo -n solution-bootstrap agent":           {Host: "node.example.com", Sudo: true, Mode: SSHStrict},
		"ssh -F x.conf -T -- a_long.name-of-a-user@10.255.255.1 solution-bootstrap agent": {User: "a_long.name-of-a-user", Host: "10.255.255.1"},
	} {
		if got := Quote(s.words("x.conf")...); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
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
	if got, want := Quote(words...), `/a-b/c_d.e '' 'a b' '$x' 'A=b' --a=b 'it'\''s' '~' 'é' - '*'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
