// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

const importing = "archive on disk to images pullable"

// measureImport measures the way from an archive on disk to its last image
// pullable, with every digest checked: an import by the agent, which serve
// follows, and skopeo that copies every image into docker-registry. Both
// registries run already, and are empty.
func (b *bench) measureImport(ctx context.Context) error {
	for round := range b.rounds {
		progress("%s, round %d of %d", importing, round+1, b.rounds)
		turns := []func(context.Context, string) error{b.importOurs, b.importRegistry}
		for i := range turns {
			dir := filepath.Join(b.dir, fmt.Sprintf("import-%d-%d", round, i))
			if err := errors.Join(turns[(round+i)%2](ctx, dir), os.RemoveAll(dir)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) importOurs(ctx context.Context, dir string) error {
	c, err := startHelper(ctx, ours, b.helper, dir)
	if c != nil {
		defer c.stop()
	}
	if err != nil {
		return err
	}
	return b.timeImport(ctx, c, dir, func() (int64, error) {
		return importArchives(ctx, b.helper, dir, b.iso)
	})
}

// importArchives has the helper of a folder import archives, as the plugin does,
// and returns the bytes that it had written to disk.
func importArchives(ctx context.Context, helper, dir string, archives ...string) (int64, error) {
	request := map[string]any{"protocol": protocol.Version, "import": protocol.ImportRequest{Archives: archives}}
	data, err := json.Marshal(request)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, helper, "agent", "--config", filepath.Join(dir, helperConfig))
	cmd.Stdin = bytes.NewReader(data)
	return runCounted(cmd)
}

func (b *bench) importRegistry(ctx context.Context, dir string) error {
	c, err := startRegistry(ctx, dir)
	if c != nil {
		defer c.stop()
	}
	if err != nil {
		return err
	}
	return b.timeImport(ctx, c, dir, func() (written int64, err error) {
		for _, image := range b.set.images {
			n, err := runCounted(b.set.skopeo(ctx, image, c.address))
			if err != nil {
				return 0, err
			}
			written += n
		}
		return written, nil
	})
}

// timeImport measures bring, which returns the bytes that it had written to
// disk, until every image can be pulled.
func (b *bench) timeImport(ctx context.Context, c *contender, dir string, bring func() (int64, error)) error {
	before, err := folderSize(dir)
	if err != nil {
		return err
	}
	start := time.Now()
	written, err := bring()
	if err != nil {
		return err
	}
	for _, image := range b.set.images {
		if err := c.answers(ctx, c.address, manifestPath(image)); err != nil {
			return err
		}
	}
	took := time.Since(start)
	own, err := c.sum("io", "write_bytes:")
	if err != nil {
		return err
	}
	after, err := folderSize(dir)
	if err != nil {
		return err
	}
	b.results.add(metric{importing, "s", lower}, c.name, took.Seconds())
	b.results.add(metric{importing + ", written", "MiB", lower}, c.name, float64(written+own)/(1<<20))
	b.results.add(metric{importing + ", folder grew", "MiB", lower}, c.name, float64(after-before)/(1<<20))
	return nil
}

// runCounted runs a command, and returns the bytes that it had written to disk.
func runCounted(cmd *exec.Cmd) (int64, error) {
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, errors.New("the system does not account for processes")
	}
	return usage.Oublock * 512, nil
}

// folderSize is what the files below dir take on disk, in bytes.
func folderSize(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += stat.Blocks * 512
		}
		return nil
	})
	return sum, err
}
