// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// readBody returns what was answered, which must be what was asked for.
func readBody(resp *http.Response) (string, error) {
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return string(body), err
}

func answersCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: answers URL REGEXP")
	}
	wanted, err := regexp.Compile(args[1])
	ts.Check(err)
	eventually(ts, func() error {
		body, err := fetch(args[0])
		if err == nil && !wanted.MatchString(body) {
			err = fmt.Errorf("%s answers %s", args[0], body)
		}
		return err
	})
}

// asking is a client that does not stop asking.
type asking struct {
	cancel context.CancelFunc
	done   chan struct{}

	count   int
	failed  []string
	matches []string // each once, in the order in which they came
}

func askCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || state(ts).asking != nil {
		ts.Fatalf("usage: ask URL REGEXP, once")
	}
	wanted, err := regexp.Compile(args[1])
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	a := &asking{cancel: cancel, done: make(chan struct{})}
	state(ts).asking = a
	ts.Defer(cancel)
	go func() {
		defer close(a.done)
		for ctx.Err() == nil {
			a.ask(args[0], wanted)
			time.Sleep(10 * time.Millisecond)
		}
	}()
}

func (a *asking) ask(url string, wanted *regexp.Regexp) {
	a.count++
	start := time.Now()
	body, err := fetch(url)
	match := wanted.FindString(body)
	switch {
	case err != nil:
		a.failed = append(a.failed, fmt.Sprintf("at %s: %v", start.Format(time.TimeOnly), err))
	case match == "":
		a.failed = append(a.failed, body)
	case !slices.Contains(a.matches, match):
		a.matches = append(a.matches, match)
	}
}

func askedCommand(ts *testscript.TestScript, neg bool, args []string) {
	a := state(ts).asking
	if neg || len(args) != 1 || a == nil {
		ts.Fatalf("usage: asked FILE, after ask")
	}
	a.cancel()
	<-a.done
	ts.Logf("asked %d times", a.count)
	if len(a.failed) > 0 {
		ts.Fatalf("%d of %d requests failed:\n%s", len(a.failed), a.count, strings.Join(a.failed, "\n"))
	}
	if got, want := strings.Join(a.matches, "\n")+"\n", ts.ReadFile(args[0]); got != want {
		ts.Fatalf("the answers were:\n%s", got)
	}
}
