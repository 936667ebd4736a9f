// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/program"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// Installation puts a program on a machine, has it install its service, and
// sees whether it answers.
type Installation struct {
	Target  Target
	Node    *Node
	Program *Program
	// Client asks the helper once it is installed.
	Client *client.Client
}

// Outcome is what was changed, as far as an installation came.
type Outcome struct {
	Changes []Change
	// Notes are what the helper said besides.
	Notes []string
	// Version is that of the program, "" where that is not known.
	Version string
	// Status is how the helper and its registry are, nil where they were not
	// asked.
	Status *protocol.Status
}

// Plan tells what Run would change. With ask, a helper that is there is asked
// what it would change of its service; the new one may differ.
func (i *Installation) Plan(ctx context.Context, ask bool) (*Outcome, error) {
	o := &Outcome{}
	o.Changes = append(o.Changes, i.programChange())
	if !ask || !i.Node.IsInstalled() {
		return o, nil
	}
	changes, notes, err := i.Target.install(ctx, true)
	o.Changes, o.Notes = append(o.Changes, changes...), notes
	return o, err
}

func (i *Installation) programChange() Change {
	switch {
	case !i.Node.IsInstalled():
		return Change{remote.ProgramPath, "created"}
	case i.Node.Digest == i.Program.Digest:
		return Change{remote.ProgramPath, "unchanged"}
	}
	return Change{remote.ProgramPath, "updated"}
}

// Run makes the installation. Where a program was replaced by one that then
// does not install its service, or does not answer, it is put back. The Outcome
// is what came about, with an error too.
func (i *Installation) Run(ctx context.Context) (*Outcome, error) {
	o := &Outcome{Version: i.Node.Version}
	change, previous := i.programChange(), i.Node.Previous
	if change.Action != "unchanged" {
		var err error
		if o.Version, previous, err = i.Target.put(ctx, i.Program); err != nil {
			return o, err
		}
	}
	o.Changes = append(o.Changes, change)
	if err := i.start(ctx, o); err != nil {
		return o, i.revert(ctx, o, previous, err)
	}
	return o, i.Target.settle(ctx)
}

// start has the program install its service, and sees whether it answers.
func (i *Installation) start(ctx context.Context, o *Outcome) error {
	changes, notes, err := i.Target.install(ctx, false)
	o.Changes, o.Notes = append(o.Changes, changes...), notes
	if err != nil {
		return fmt.Errorf("installing the service: %w", err)
	}
	if o.Status, err = i.Client.Status(ctx); err != nil {
		return fmt.Errorf("the helper is installed, and was not heard of: %w", err)
	}
	if o.Status.Version != o.Version {
		return &otherError{hint.With(fmt.Errorf("version %s is installed, and version %s answers: there is another %s", o.Version, o.Status.Version, program.Name),
			"see which one is found there: command -v %s; remove it, or correct the PATH or the command in authorized_keys", program.Name)}
	}
	return nil
}

// otherError says that it is not the program that was installed that answers.
type otherError struct{ error }

func (e *otherError) Unwrap() error { return e.error }

// revert puts back what was there before the one that failed, if that is to
// blame.
func (i *Installation) revert(ctx context.Context, o *Outcome, previous string, failed error) error {
	if previous == "" || previous == i.Program.Digest || ctx.Err() != nil || !isProgramsFault(failed) {
		return failed
	}
	err := i.Target.revert(ctx, previous)
	if err == nil {
		_, _, err = i.Target.install(ctx, false)
	}
	if err != nil {
		return errors.Join(failed, fmt.Errorf("putting back the program that was there before: %w", err))
	}
	o.Changes = append(o.Changes, Change{remote.ProgramPath, "reverted"})
	return fmt.Errorf("%w\nThe program that was there before is in its place again", failed)
}

// isProgramsFault says that it is not the way to the helper that is to blame.
func isProgramsFault(err error) bool {
	var run *remote.RunError
	var other *otherError
	if errors.As(err, &other) {
		return false
	}
	if !errors.As(err, &run) {
		return true
	}
	switch run.Reason {
	case remote.Exit, remote.Killed, remote.Garbage, remote.TooLong, remote.Silent, remote.OtherProtocol, remote.NoResult:
		return true
	}
	return false
}
