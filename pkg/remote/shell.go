// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Shell runs scripts of this package where the helper is, or is to be: they
// install it, and so cannot be requests to it. What a script does is constant.
// Whatever it needs to know is on its standard input, and no part of a command.
type Shell interface {
	// Script runs a script with the machine's sh, as Runner.Run runs the agent.
	// Its answer is described at the Script.
	Script(ctx context.Context, script Script, stdin io.Reader, stdout io.Writer) error
	// String is the address, as --bootstrap takes it.
	String() string
}

// Script names a script of this package. There are no others than these; each
// answers with lines of a word and a text. "node 1" is the first, "fail REASON
// TEXT" the last where something is wrong, and "said TEXT" is a line of the
// helper's own.
type Script string

// The scripts. ProgramPath is the program that they are about.
const (
	// ScriptProbe tells what the machine is, and what is installed there: system
	// and machine (both of uname), user (its id), systemd yes, service yes,
	// digest, version, previous.
	ScriptProbe Script = "probe"
	// ScriptPut takes a line "DIGEST SIZE" and the program, and puts it in
	// place: "previous DIGEST" where it has replaced one, and "version VERSION".
	ScriptPut Script = "put"
	// ScriptInstall takes a line: "apply" has the program install its service,
	// "plan" tell what it would do.
	ScriptInstall Script = "install"
	// ScriptRevert takes a line, the digest of the program that a put has
	// replaced, and puts that back.
	ScriptRevert Script = "revert"
	// ScriptSettle removes the program that a put has replaced.
	ScriptSettle Script = "settle"
	// ScriptUninstall takes a line: "keep" removes service and program, "purge"
	// the configuration too; "plan" and "plan-purge" tell of the service what
	// would be removed.
	ScriptUninstall Script = "uninstall"
)

// ProgramPath is where the scripts install the helper, in ProgramFolder.
const (
	ProgramFolder = "/usr/local/bin"
	ProgramPath   = ProgramFolder + "/" + program
)

var (
	//go:embed prelude.sh
	prelude string
	//go:embed scripts
	scripts embed.FS
)

// text returns what sh is given.
func (s Script) text() (string, error) {
	text, err := scripts.ReadFile("scripts/" + string(s) + ".sh")
	if err != nil {
		return "", fmt.Errorf("there is no script %q", string(s))
	}
	return prelude + string(text), nil
}

// shellWords returns the command that runs what follows.
func shellWords(sudo bool) []string {
	if sudo {
		return append(sudoWords(), "sh")
	}
	return []string{"sh"}
}

var (
	_ Shell = Local{}
	_ Shell = SSH{}
)

// Script runs a script on this machine. See Shell.
func (l Local) Script(ctx context.Context, script Script, stdin io.Reader, stdout io.Writer) error {
	words := shellWords(l.Sudo)
	text, err := script.text()
	if err != nil {
		return &RunError{Command: Quote(words...), Script: script, Reason: NotFound, Err: err}
	}
	p := process{words: append(words, "-c", text), env: plainEnvironment(), grace: l.Grace}
	failed := p.run(ctx, untilDone(ctx, stdin), stdout)
	if failed == nil {
		return nil
	}
	e := &RunError{Command: Quote(words...), Script: script, Stderr: failed.stderr, Reason: failed.reason, Err: failed.err}
	if l.Sudo && diagnoseSudo(e, *failed, "this machine") {
		e.Advice = "have sudo ask before, by running sudo -v on this terminal; or run this as root, with --bootstrap local"
	}
	return e
}

// Script runs a script on the host. See Shell.
func (s SSH) Script(ctx context.Context, script Script, stdin io.Reader, stdout io.Writer) error {
	config, err := writeSSHConfig(s.Mode, s.userConfigs)
	text, textErr := script.text()
	// The host's shell takes its words apart once more.
	words := append([]string{"ssh", "-F", config, "-T"}, s.destination()...)
	shown := Quote(append(words, shellWords(s.Sudo)...)...)
	if err := errors.Join(err, textErr); err != nil {
		return &RunError{Command: shown, Script: script, Reason: NoSSH, Err: err, Advice: privateFolderAdvice}
	}
	p := process{words: append(words, Quote(append(shellWords(s.Sudo), "-c", text)...)), env: plainEnvironment(), grace: s.Grace}
	failed := p.run(ctx, untilDone(ctx, stdin), stdout)
	if failed == nil {
		return nil
	}
	e := &RunError{Command: shown, Script: script, Stderr: failed.stderr, Reason: failed.reason, Err: failed.err}
	s.diagnoseScript(e, *failed)
	return e
}

// untilDone returns what reads as stdin does, and ends when ctx does: so a
// script learns of it, and takes back what it has written aside, before sh is
// killed.
func untilDone(ctx context.Context, stdin io.Reader) io.Reader {
	if stdin == nil {
		return strings.NewReader("")
	}
	return readerFunc(func(b []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, io.EOF
		}
		return stdin.Read(b)
	})
}
