// SPDX-License-Identifier: Apache-2.0

package htpasswd

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/crypto/bcrypt"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/test/need"
)

// line is that of a user, with the cheapest hash there is.
func line(t testing.TB, name, password string, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		t.Fatal(err)
	}
	return name + ":" + string(hash) + "\n"
}

func parse(t testing.TB, text string) *Users {
	t.Helper()
	u, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestCheck(t *testing.T) {
	alice := line(t, "alice", "secret", bcrypt.MinCost)
	// All three prefixes stand for the same algorithm.
	bob := strings.Replace(line(t, "bob", "other", bcrypt.MinCost), "$2a$", "$2y$", 1)
	carol := strings.Replace(line(t, "carol", "third", bcrypt.MinCost+1), "$2a$", "$2b$", 1)
	u := parse(t, "# who may read\n\n"+alice+"\r\n"+bob+carol)
	if u.Len() != 3 {
		t.Errorf("%d users", u.Len())
	}
	var c Checker
	// Twice, since what was right is remembered.
	for range 2 {
		for pair, want := range map[[2]string]bool{
			{"alice", "secret"}: true, {"bob", "other"}: true, {"carol", "third"}: true,
			{"alice", "other"}: false, {"bob", "secret"}: false, {"alice", ""}: false, {"Alice", "secret"}: false,
			{"", "secret"}: false, {"", ""}: false, {"alices", "ecret"}: false, {"alice", "secret\x00"}: false,
		} {
			if got, err := c.Check(t.Context(), u, "client", pair[0], pair[1]); got != want || err != nil {
				t.Errorf("%q: %t, %v", pair, got, err)
			}
		}
	}
	if len(u.verified) != 3 || len(c.clients) != 0 {
		t.Errorf("%d are remembered, %d clients", len(u.verified), len(c.clients))
	}
}

// A name that is not known is checked against the hash of another, whose
// password does not let it in.
func TestUnknownName(t *testing.T) {
	u := parse(t, line(t, "alice", "secret", bcrypt.MinCost))
	if u.check("mallory", "secret") || u.known("mallory", "secret") {
		t.Error("let in with the password of another")
	}
}

// The program itself.
func TestHtpasswd(t *testing.T) {
	need.Program(t, "htpasswd")
	for flags, algorithm := range map[string]string{"-nbB": "", "-nbm": "MD5 (apr1)", "-nbs": "SHA-1", "-nbd": "DES (crypt), or not at all", "-nb2": "SHA-256 (crypt)", "-nb5": "SHA-512 (crypt)"} {
		out, err := exec.CommandContext(t.Context(), "htpasswd", flags, "alice", "secret").Output()
		if err != nil {
			t.Fatal(err)
		}
		u, err := Parse(out)
		if algorithm == "" {
			if err != nil || !u.check("alice", "secret") {
				t.Errorf("%v", err)
			}
			continue
		}
		want := `line 1: the password of user "alice" is hashed with ` + algorithm + ", and only bcrypt is accepted"
		if err == nil || err.Error() != want || hint.Of(err) == "" {
			t.Errorf("%s: %v, want %s", flags, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	alice := line(t, "alice", "secret", bcrypt.MinCost)
	hash := strings.TrimSpace(strings.TrimPrefix(alice, "alice:"))
	for text, want := range map[string]string{
		"":                            "there is no user in it",
		"# nobody\n":                  "there is no user in it",
		alice + hash:                  "line 2: it is not of the form name:hash",
		":" + hash:                    "line 1: it is not of the form name:hash",
		alice + alice:                 `line 2: user "alice" is there twice`,
		"\nalice:plain":               `line 2: the password of user "alice" is hashed with nothing that is known, or not at all, and only bcrypt is accepted`,
		"alice:" + hash[:len(hash)-1]: `line 1: the password of user "alice" is hashed with a malformed or old bcrypt, and only bcrypt is accepted`,
		"alice:" + strings.Replace(hash, "$04$", "$15$", 1): `line 1: the password of user "alice" has cost 15, and 14 is the most`,
		"alice:$argon2id$v=19$x":                            `line 1: the password of user "alice" is hashed with Argon2, and only bcrypt is accepted`,
	} {
		_, err := Parse([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if err != nil && (strings.Contains(err.Error()+hint.Of(err), "plain") || strings.Contains(err.Error(), hash[7:])) {
			t.Errorf("the error tells the hash: %v", err)
		}
	}
}

// Wrong passwords wait for one another, and one client can only have a few.
func TestCheckerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := parse(t, line(t, "alice", "secret", bcrypt.MinCost)+line(t, "bob", "other", bcrypt.MinCost))
		var c Checker
		if ok, err := c.Check(t.Context(), u, "a", "bob", "other"); !ok || err != nil {
			t.Fatal(err)
		}
		c.slot <- struct{}{} // a check that goes on for long
		var group sync.WaitGroup
		for range clientChecks {
			group.Go(func() {
				if ok, err := c.Check(t.Context(), u, "a", "alice", "wrong"); ok || err != nil {
					t.Errorf("%t, %v", ok, err)
				}
			})
		}
		synctest.Wait()
		if ok, err := c.Check(t.Context(), u, "a", "alice", "secret"); ok || !errors.Is(err, ErrBusy) {
			t.Errorf("one more of the client: %t, %v", ok, err)
		}
		if ok, err := c.Check(t.Context(), u, "a", "bob", "other"); !ok || err != nil {
			t.Errorf("known already: %t, %v", ok, err)
		}
		group.Go(func() {
			if ok, err := c.Check(t.Context(), u, "b", "alice", "secret"); !ok || err != nil {
				t.Errorf("another client: %t, %v", ok, err)
			}
		})
		synctest.Wait()
		<-c.slot
		group.Wait()
		if len(c.clients) != 0 {
			t.Errorf("%v", c.clients)
		}
	})
}

func TestCheckerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := parse(t, line(t, "alice", "secret", bcrypt.MinCost))
		var c Checker
		c.prepare()
		c.slot <- struct{}{}
		if _, err := c.Check(t.Context(), u, "a", "alice", "secret"); !errors.Is(err, ErrBusy) {
			t.Errorf("waited for long: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Check(ctx, u, "a", "alice", "secret"); !errors.Is(err, context.Canceled) {
			t.Errorf("the client has gone: %v", err)
		}
		if len(c.clients) != 0 {
			t.Errorf("%v", c.clients)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	u := parse(b, line(b, "alice", "secret", 10))
	var c Checker
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if ok, err := c.Check(b.Context(), u, "client", "alice", "secret"); !ok || err != nil {
				b.Fatal(err)
			}
		}
	})
	// These two cost the same, so that nobody learns by it which names there are.
	for _, name := range []string{"alice", "mallory"} {
		b.Run("wrong/"+name, func(b *testing.B) {
			for b.Loop() {
				u.check(name, "wrong")
			}
		})
	}
}
