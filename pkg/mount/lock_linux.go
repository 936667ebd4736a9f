// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/atomicfile"
)

const (
	lockTimeout = time.Minute
	lockPoll    = 20 * time.Millisecond // flock(2) has no timeout
)

// lock locks the folder of the mounts until the file that it returns is closed,
// here and by every process that was given it.
func lock(ctx context.Context, base string) (*os.File, error) {
	if err := atomicfile.MakeFolder(base); err != nil {
		return nil, err
	}
	folder, err := os.Open(base)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return folder, nil
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("locking %s: %w", base, err), folder.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("locking %s, where another process mounts: %w", base, context.Cause(ctx)), folder.Close())
		case <-ticker.C:
		}
	}
}
