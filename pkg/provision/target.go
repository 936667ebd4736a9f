// SPDX-License-Identifier: Apache-2.0

// Package provision installs the helper on a bootstrap node: the program, by
// scripts of package remote, and its service, by that program's own commands.
// Everything is checked before anything is changed there, and every step can be
// repeated.
package provision

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/program"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// Target is a machine on which the helper is installed, or is to be.
type Target struct {
	Shell remote.Shell
	// Progress, where it is set, is told how much of the program is sent.
	Progress func(protocol.Progress)
}

// Change is what became of a file or unit of the machine, or would.
type Change struct {
	Subject string
	Action  string
}

// Probe tells what the machine is. It changes nothing.
func (t Target) Probe(ctx context.Context) (*Node, error) {
	words, err := t.script(ctx, remote.ScriptProbe, "", nil)
	if errors.Is(err, errForced) {
		advice := "install it with another key, or by hand"
		if commands := remote.InstallByHand(t.Shell, program.Name); commands != "" {
			advice += ": " + commands
		}
		return nil, hint.With(err, "%s", advice)
	}
	if err != nil {
		return nil, err
	}
	return parseNode(words)
}

// put sends the program, and puts it in place once it is whole and runs there.
// It returns its version, and the digest of the one that it replaces, "" for
// none.
func (t Target) put(ctx context.Context, p *Program) (version, previous string, err error) {
	file, err := os.Open(p.Path)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	body := &meter{r: io.LimitReader(file, p.Size), total: p.Size, progress: t.Progress}
	defer body.stop()
	words, err := t.script(ctx, remote.ScriptPut, fmt.Sprintf("%s %d", p.Digest, p.Size), body)
	if err != nil {
		return "", "", fmt.Errorf("putting %s in place: %w", remote.ProgramPath, err)
	}
	return strings.Join(words["version"], ""), strings.Join(words["previous"], ""), nil
}

// install has the program there install its service. Besides what it changed,
// it returns what the helper said.
func (t Target) install(ctx context.Context, dryRun bool) ([]Change, []string, error) {
	if dryRun {
		return t.own(ctx, remote.ScriptInstall, "plan")
	}
	return t.own(ctx, remote.ScriptInstall, "apply")
}

// revert puts the program with this digest back, which a put has replaced.
func (t Target) revert(ctx context.Context, digest string) error {
	_, err := t.script(ctx, remote.ScriptRevert, digest, nil)
	return err
}

// settle forgets the program that a put has replaced.
func (t Target) settle(ctx context.Context) error {
	_, err := t.script(ctx, remote.ScriptSettle, "", nil)
	return err
}

// Uninstall removes the service and the program, or tells of the service what
// would be removed. The configuration stays if it was changed, unless it is
// purged.
func (t Target) Uninstall(ctx context.Context, purge, dryRun bool) ([]Change, []string, error) {
	mode := map[[2]bool]string{{false, false}: "keep", {true, false}: "purge", {false, true}: "plan", {true, true}: "plan-purge"}[[2]bool{purge, dryRun}]
	changes, notes, err := t.own(ctx, remote.ScriptUninstall, mode)
	if dryRun && err == nil {
		changes = append(changes, Change{remote.ProgramPath, "removed"})
	}
	return changes, notes, err
}

// own runs a script that has the helper itself do something.
func (t Target) own(ctx context.Context, script remote.Script, mode string) ([]Change, []string, error) {
	words, err := t.script(ctx, script, mode, nil)
	changes, notes := parseSaid(words["said"], strings.HasPrefix(mode, "plan"))
	if err != nil {
		return changes, nil, err // which has what was said
	}
	return changes, notes, nil
}

var changeLine = regexp.MustCompile(`^(?:==> )?(\S+) (created|updated|unchanged|kept|removed|restarted|unmounted)$`)

// parseSaid takes apart what the helper says. A plan has the contents of files
// in it, which are left out.
func parseSaid(said []string, isPlan bool) (changes []Change, notes []string) {
	for _, line := range said {
		found := changeLine.FindStringSubmatch(line)
		switch {
		case isPlan && !strings.HasPrefix(line, "==> "):
		case found != nil:
			changes = append(changes, Change{found[1], found[2]})
		case !isPlan:
			notes = append(notes, line)
		}
	}
	return changes, notes
}

// script runs a script, whose first line of input is given, and returns what it
// answers.
func (t Target) script(ctx context.Context, script remote.Script, line string, body io.Reader) (map[string][]string, error) {
	input := io.Reader(strings.NewReader(line + "\n"))
	if body != nil {
		input = io.MultiReader(input, body)
	}
	a := &answer{}
	words, err := a.explain(t.Shell.Script(ctx, script, input, a))
	if err != nil {
		return words, fmt.Errorf("bootstrap node (%s): %w", t.Shell, err)
	}
	return words, nil
}

// meter tells how much was read, until it is stopped: a script that fails does
// not wait for what is being read.
type meter struct {
	r           io.Reader
	done, total int64

	mu       sync.Mutex
	progress func(protocol.Progress)
}

func (m *meter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.progress = nil
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.done += int64(n)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.progress != nil {
		m.progress(protocol.Progress{Step: "sending " + program.Name, Done: m.done, Total: m.total})
	}
	return n, err
}
