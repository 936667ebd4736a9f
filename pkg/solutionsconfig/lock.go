// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/atomicfile"
)

// lockPoll is how often a lock that is held is tried: flock has no timeout.
const lockPoll = 20 * time.Millisecond

// errLocked says that someone else has the lock.
var errLocked = errors.New("locked")

// Lock waits until nobody else has the file locked or ctx ends, whose error
// then names who has it. The lock is on <Path>.lock, which stays; it is gone
// with the process that has it. Holder tells people who that is, such as
// "import of x.iso".
func (f File) Lock(ctx context.Context, holder string) (unlock func() error, err error) {
	return f.LockTelling(ctx, holder, func(string) {})
}

// LockTelling is Lock that tells whom it waits for, when it has to, and again
// when that is somebody else, at most once in a second.
func (f File) LockTelling(ctx context.Context, holder string, waiting func(by string)) (unlock func() error, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("locking %s: %w", f.Path, context.Cause(ctx))
	}
	path := f.Path + ".lock"
	if err := atomicfile.MakeFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("locking %s: %w", f.Path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", f.Path, err)
	}
	if err = waitLock(ctx, file, waiting); err == nil {
		err = writeHolder(file, holder)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", f.Path, err), file.Close())
	}
	return sync.OnceValue(func() error {
		// The lock ends with the only descriptor that has it.
		return errors.Join(file.Truncate(0), file.Close())
	}), nil
}

func waitLock(ctx context.Context, file *os.File, waiting func(by string)) error {
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	seen, told, last := "", "", time.Time{}
	for {
		if err := tryLock(file); !errors.Is(err, errLocked) {
			return err
		}
		// Who has just got the lock may not have written a name yet.
		by := readHolder(file)
		if by == seen && by != told && time.Since(last) > time.Second {
			told, last = by, time.Now()
			waiting(by)
		}
		seen = by
		select {
		case <-ctx.Done():
			return fmt.Errorf("locked by %s: %w", readHolder(file), context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// maxHolder bounds the line that names a holder, in bytes.
const maxHolder = 512

// writeHolder writes one line, before it cuts off what an earlier holder left:
// a reader takes the first line, and finds one at any time.
func writeHolder(file *os.File, holder string) error {
	holder = strings.Join(strings.Fields(holder), " ")
	if len(holder) > maxHolder-64 {
		holder = strings.ToValidUTF8(holder[:maxHolder-64], "") + "…"
	}
	line := fmt.Sprintf("%s (pid %d)\n", holder, os.Getpid())
	if _, err := file.WriteAt([]byte(line), 0); err != nil {
		return err
	}
	if err := file.Truncate(int64(len(line))); err != nil {
		return err
	}
	_ = sign(file) // without it the name is not told
	return nil
}

func readHolder(file *os.File) string {
	data, err := io.ReadAll(io.NewSectionReader(file, 0, maxHolder))
	line, _, whole := strings.Cut(string(data), "\n")
	if err != nil || !whole || !isSigned(file) {
		return "another process"
	}
	return line
}
