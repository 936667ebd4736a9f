// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"fmt"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// What a Runner may be able to do besides. Callers ask the functions of this
// file, and never which Runner it is.
type (
	localRunner       interface{ IsLocal() bool }
	interactiveRunner interface{ Interactive() Runner }
	strictRunner      interface{ Strict() Runner }
	trustedRunner     interface {
		Trusted(namespaces []string) error
	}
	openStdinRunner interface{ NeedsOpenStdin() bool }
	installedRunner interface{ Installed() (Runner, error) }
	manualInstaller interface{ InstallByHand(file string) string }
)

// IsLocal reports whether the helper runs on this machine, so that paths here
// are paths there.
func IsLocal(r Runner) bool {
	l, ok := r.(localRunner)
	return ok && l.IsLocal()
}

// Interactive returns a Runner that may ask on the terminal, and whether there
// is one: else it returns r.
func Interactive(r Runner) (Runner, bool) {
	if i, ok := r.(interactiveRunner); ok {
		return i.Interactive(), true
	}
	return r, false
}

// Strict returns a Runner that asks nothing and goes to no host that is not
// known, for an address that the user has not given.
func Strict(r Runner) Runner {
	if s, ok := r.(strictRunner); ok {
		return s.Strict()
	}
	return r
}

// Trusted returns an error for a way that is taken only where the user has
// named it. Who may make pods in one of namespaces is trusted anyway.
func Trusted(r Runner, namespaces ...string) error {
	if t, ok := r.(trustedRunner); ok {
		return t.Trusted(namespaces)
	}
	return nil
}

// NeedsOpenStdin reports whether the agent cannot tell by its output that nobody
// reads it any more: its standard input has to stay open until it has answered.
func NeedsOpenStdin(r Runner) bool {
	s, ok := r.(openStdinRunner)
	return ok && s.NeedsOpenStdin()
}

// NewShell returns what runs scripts where the helper is, or is to be.
func NewShell(r Runner) (Shell, error) {
	if s, ok := r.(Shell); ok {
		return s, nil
	}
	return nil, fmt.Errorf("bootstrap address %q: there is no shell", r)
}

// Installed returns a Runner of the helper that the scripts install.
func Installed(r Runner) (Runner, error) {
	if i, ok := r.(installedRunner); ok {
		return i.Installed()
	}
	return r, nil
}

// InstallByHand returns the commands with which a person installs a program of
// this machine where a Shell is, "" where that takes no more than here.
func InstallByHand(s Shell, file string) string {
	if i, ok := s.(manualInstaller); ok {
		return i.InstallByHand(file)
	}
	return ""
}

var (
	_ localRunner       = Local{}
	_ trustedRunner     = Local{}
	_ installedRunner   = Local{}
	_ interactiveRunner = SSH{}
	_ strictRunner      = SSH{}
	_ manualInstaller   = SSH{}
)

// IsLocal is for remote.IsLocal.
func (Local) IsLocal() bool { return true }

// Trusted is for remote.Trusted: no other program than the usual one, and no
// other user.
func (l Local) Trusted([]string) error {
	if l.Program != "" || l.Sudo {
		return errors.New("it names a program of this machine, or sudo on it")
	}
	return nil
}

// Installed is for remote.Installed.
func (l Local) Installed() (Runner, error) {
	if l.Program != "" {
		return nil, hint.With(fmt.Errorf("bootstrap address %q names a program, and installed is %s", l, ProgramPath),
			"use --bootstrap local or local+sudo")
	}
	l.Program = ProgramPath
	return l, nil
}

// Interactive is for remote.Interactive.
func (s SSH) Interactive() Runner {
	s.Mode = SSHAsk
	return s
}

// Strict is for remote.Strict.
func (s SSH) Strict() Runner {
	s.Mode = SSHStrict
	return s
}
