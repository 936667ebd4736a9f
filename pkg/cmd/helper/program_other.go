// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package helper

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/helper/agent"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
)

// NewProgram returns solution-bootstrap.
func NewProgram(_ string, in io.Reader, out, errOut io.Writer, version string) *cobra.Command {
	return NewCommand(in, out, errOut, version)
}

// newMounts returns nil: archives are mounted on Linux only.
func newMounts(config.Configuration) agent.Mounter { return nil }

// unmountAll does nothing.
func unmountAll(context.Context, config.Configuration, bool) (folders, notes []string, err error) {
	return nil, nil, nil
}
