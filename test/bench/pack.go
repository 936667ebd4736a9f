// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os/exec"
)

// pack makes an ISO image of a tree, as archives are made.
func pack(ctx context.Context, iso, dir string) error {
	cmd := exec.CommandContext(ctx, "xorriso", "-as", "mkisofs", "--hardlinks", "-quiet", "-R", "-J", "-joliet-long",
		"-l", "-iso-level", "3", "-uid", "0", "-gid", "0", "-V", "Bench", "-o", iso, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("packing %s: %w\n%s", dir, err, out)
	}
	return nil
}
