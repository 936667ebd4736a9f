// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"io"
	"reflect"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// plain is a Runner that can do nothing besides.
type plain struct{}

func (plain) Run(context.Context, io.Reader, io.Writer) error { return nil }
func (plain) String() string                                  { return "plain" }

func TestCapabilities(t *testing.T) {
	ssh := SSH{Host: "x", Sudo: true}
	for _, tt := range []struct {
		runner, strict, interactive Runner
		local, asks, trusted, shell bool
	}{
		{plain{}, plain{}, plain{}, false, false, true, false},
		{Local{}, Local{}, Local{}, true, false, true, true},
		{Local{Sudo: true}, Local{Sudo: true}, Local{Sudo: true}, true, false, false, true},
		{ssh, SSH{Host: "x", Sudo: true, Mode: SSHStrict}, SSH{Host: "x", Sudo: true, Mode: SSHAsk}, false, true, true, true},
	} {
		interactive, asks := Interactive(tt.runner)
		shell, err := NewShell(tt.runner)
		if IsLocal(tt.runner) != tt.local || asks != tt.asks || (Trusted(tt.runner) == nil) != tt.trusted || NeedsOpenStdin(tt.runner) ||
			!reflect.DeepEqual(interactive, tt.interactive) || !reflect.DeepEqual(Strict(tt.runner), tt.strict) || (shell != nil) != tt.shell || (err == nil) != tt.shell {
			t.Errorf("%#v: interactive %#v, strict %#v, shell %v, %v", tt.runner, interactive, Strict(tt.runner), shell, err)
		}
	}
}

func TestInstalled(t *testing.T) {
	for want, runner := range map[string]Runner{"plain": plain{}, "ssh://x": SSH{Host: "x"}, "local+sudo:" + ProgramPath: Local{Sudo: true}} {
		if got, err := Installed(runner); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
	_, err := Installed(Local{Program: "/a"})
	if err == nil || err.Error() != `bootstrap address "local:/a" names a program, and installed is /usr/local/bin/solution-bootstrap` || hint.Of(err) == "" {
		t.Errorf("%v, hint %q", err, hint.Of(err))
	}
}
