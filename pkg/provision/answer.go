// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// maxAnswer bounds what a script may answer, in bytes.
const maxAnswer = 256 << 10

// answer is what a script writes. The zero value is ready for use.
type answer struct{ text bytes.Buffer }

func (a *answer) Write(p []byte) (int, error) {
	if a.text.Len()+len(p) > maxAnswer {
		return 0, fmt.Errorf("it is longer than %d KiB", maxAnswer>>10)
	}
	return a.text.Write(p)
}

// read returns the lines, by their first words, or why there are none.
func (a *answer) read() (map[string][]string, error) {
	lines := strings.Split(strings.TrimSuffix(a.text.String(), "\n"), "\n")
	switch {
	case lines[0] == "node 1":
	case strings.HasPrefix(lines[0], `{"hello":`):
		return nil, errForced
	default:
		return nil, hint.With(fmt.Errorf("something else answers than the script: %.100q", lines[0]),
			"see that no login script writes to the standard output")
	}
	words := map[string][]string{}
	for _, line := range lines[1:] {
		word, text, _ := strings.Cut(line, " ")
		words[word] = append(words[word], text)
	}
	if failed := words["fail"]; len(failed) > 0 {
		reason, text, _ := strings.Cut(failed[0], " ")
		return words, failure(reason, strings.TrimSpace(text), words["said"])
	}
	return words, nil
}

// errForced says that a key may do nothing but ask the helper.
var errForced = errors.New("this key may ask the helper, and do nothing else (command= in authorized_keys)")

// failure returns the error that a script reports.
func failure(reason, text string, said []string) error {
	switch reason {
	case "root":
		return hint.With(errors.New("it takes root, and the account there is another"),
			"name one that is root, as ssh://root@HOST, or one that sudo asks for nothing, as ssh+sudo://HOST or local+sudo")
	case "busy":
		return hint.With(errors.New("somebody else is installing it at this moment"), "run the command again when that is done")
	case "space":
		return hint.With(fmt.Errorf("there is not enough room in %s: %s KiB are free", remote.ProgramFolder, text), "make room there, and run the command again")
	case "write":
		return hint.With(fmt.Errorf("writing to %s: %s", remote.ProgramFolder, text), "see that its file system can be written to, and has room")
	case "digest":
		return hint.With(errors.New("the program did not arrive whole; the one that was there, if any, still is"), "run the command again")
	case "run":
		return hint.With(fmt.Errorf("the program does not run there: %s", text),
			"see that %s is not mounted noexec, and that the program is solution-bootstrap", remote.ProgramFolder)
	case "tool":
		return hint.With(fmt.Errorf("there is no %s", text), "install it there (coreutils)")
	case "previous":
		return errors.New("the program that was there before is there no more")
	case "command":
		return ownFailure(said)
	}
	return fmt.Errorf("the script failed: %s %s", reason, text)
}

// ownFailure is an error as the helper prints it, with its hint.
func ownFailure(said []string) error {
	text := strings.Join(said, "\n")
	_, message, found := strings.Cut("\n"+text, "\nerror: ")
	if !found {
		return fmt.Errorf("what was run there failed: %s", text)
	}
	message, advice, _ := strings.Cut(message, "\nhint: ")
	err := fmt.Errorf("the helper says: %s", message)
	if advice == "" {
		return err
	}
	return hint.With(err, "%s", advice)
}

// explain returns why a script did not do what it should, nil where it did.
func (a *answer) explain(err error) (map[string][]string, error) {
	var failed *remote.RunError
	if a.text.Len() == 0 && err != nil {
		return nil, err
	}
	words, said := a.read()
	switch {
	case errors.As(err, &failed) && failed.Reason != remote.Exit:
		return words, err // whatever it could say before
	case said != nil:
		return words, said
	}
	return words, err
}
