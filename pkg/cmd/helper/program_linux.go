// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/helper/agent"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// NewProgram returns what a program called by this name is: solution-bootstrap,
// or what mount(8) calls to mount an archive.
func NewProgram(name string, in io.Reader, out, errOut io.Writer, version string) *cobra.Command {
	if filepath.Base(name) == mount.HelperName {
		return newMountHelper(in, out, errOut)
	}
	return NewCommand(in, out, errOut, version)
}

// newMounts returns what mounts archives as the configuration says.
func newMounts(c config.Configuration) agent.Mounter { return mount.New(c.Root, c.Mount) }

// unmountAll undoes all mounts of a node, and returns their folders, and what
// people should know of it.
func unmountAll(ctx context.Context, c config.Configuration, dryRun bool) (folders, notes []string, err error) {
	outcomes, err := mount.New(c.Root, c.Mount).Remove(ctx, dryRun)
	for _, o := range outcomes {
		if o.Err != nil {
			err = errors.Join(err, fmt.Errorf("unmounting %s: %w", o.Dir, o.Err))
			continue
		}
		folders, notes = append(folders, o.Dir), append(notes, o.Notes...)
	}
	return folders, notes, err
}
