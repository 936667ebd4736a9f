// SPDX-License-Identifier: Apache-2.0

package util

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Confirm asks before something is destroyed. With yes it does not ask; where
// there is no terminal to answer at, that is an error.
func Confirm(streams genericiooptions.IOStreams, yes bool, consequence string) error {
	if yes {
		return nil
	}
	f, ok := streams.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return hint.With(fmt.Errorf("this needs a confirmation, and there is no terminal to ask at:\n%s", consequence),
			"run the command again with --yes to confirm, or with --dry-run=server to see what would happen")
	}
	fmt.Fprintf(streams.ErrOut, "%s\nContinue? [y/N] ", consequence)
	answer, err := bufio.NewReader(streams.In).ReadString('\n')
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("not confirmed; nothing was changed")
}
