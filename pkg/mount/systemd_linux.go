// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/atomicfile"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

const (
	// systemdRuns is a folder that is there where systemd runs (sd_booted(3)).
	systemdRuns = "/run/systemd/system"
	unitFolder  = "/etc/systemd/system"
	// wantsFolder has links to what multi-user.target is to start.
	wantsFolder = unitFolder + "/multi-user.target.wants"
	helperPath  = "/sbin/" + HelperName

	systemctlTimeout = 2 * time.Minute
)

// systemd manages units. Nil is a machine where it does not run.
type systemd struct{}

// findSystemd returns nil where systemd does not run, or knows nothing of the
// folder that is root.
func findSystemd(root string) *systemd {
	info, err := os.Lstat(systemdRuns)
	if err != nil || !info.IsDir() || filepath.Clean(root) != "/" {
		return nil
	}
	return &systemd{}
}

// folders returns where units of ours mount something below base.
func (s *systemd) folders(base string) ([]string, error) {
	if s == nil {
		return nil, nil
	}
	entries, err := os.ReadDir(unitFolder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var dirs []string
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".mount" || !entry.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(unitFolder, entry.Name()))
		if err != nil {
			return nil, err
		}
		if _, isOurs := unitArchive(string(text)); !isOurs {
			continue
		}
		if dir := unitDir(string(text)); filepath.Dir(dir) == base {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// unit returns the unit for dir, "" for none, and whether it is enabled.
func (s *systemd) unit(dir string) (text string, enabled bool, err error) {
	if s == nil {
		return "", false, nil
	}
	name, err := unitName(dir)
	if err != nil {
		return "", false, nil //nolint:nilerr // it can have none
	}
	_, err = os.Lstat(filepath.Join(wantsFolder, name))
	enabled = err == nil
	data, err := os.ReadFile(filepath.Join(unitFolder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", enabled, nil
	}
	return string(data), enabled, err
}

// newUnit returns the unit to be written, "" where systemd does not run.
func (s *systemd) newUnit(a Archive, dir string, mode Mode) (string, error) {
	if s == nil {
		return "", nil
	}
	if _, err := unitName(dir); err != nil {
		return "", err
	}
	return unitText(a, dir, mode)
}

// install writes a unit and has systemd mount it at every start.
func (s *systemd) install(ctx context.Context, dir, text string, mode Mode) error {
	name, err := unitName(dir)
	if err != nil {
		return err
	}
	if mode == FUSE {
		if err := s.linkHelper(); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(filepath.Join(unitFolder, name), []byte(text), nil); err != nil {
		return fmt.Errorf("writing the systemd unit %s: %w", name, err)
	}
	if err := s.systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	return s.systemctl(ctx, "enable", name)
}

func (s *systemd) start(ctx context.Context, dir string) error {
	name, err := unitName(dir)
	if err != nil {
		return err
	}
	return hint.With(s.systemctl(ctx, "start", name), "journalctl --unit='%s' tells why", name)
}

// stop has systemd unmount what is at dir, whether there is a unit of ours.
func (s *systemd) stop(ctx context.Context, dir string) error {
	name, err := unitName(dir)
	if err != nil {
		return err
	}
	return s.systemctl(ctx, "stop", name)
}

// forget removes a unit, or what is left of one.
func (s *systemd) forget(ctx context.Context, dir string) error {
	name, err := unitName(dir)
	if err != nil {
		return err
	}
	for _, folder := range []string{wantsFolder, unitFolder} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a systemd unit: %w", err)
		}
	}
	// What failed once is listed as failed until then.
	_ = s.systemctl(ctx, "reset-failed", name)
	return s.systemctl(ctx, "daemon-reload")
}

// linkHelper sees to it that mount(8) finds this program.
func (s *systemd) linkHelper() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	target, err := os.Readlink(helperPath)
	switch {
	case err == nil && target == program:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is something else than a link to solution-bootstrap: %w", helperPath, err)
	}
	temporary := helperPath + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = os.Symlink(program, temporary)
	if err == nil {
		err = os.Rename(temporary, helperPath)
	}
	return hint.With(err, "mount(8) looks for a program for each type of file system in /sbin; where that cannot be written to, set mount: kernel")
}

// unlinkHelper removes the link, once nothing needs it. It does no harm.
func (s *systemd) unlinkHelper() {
	program, err := os.Executable()
	if err != nil {
		return
	}
	if target, err := os.Readlink(helperPath); err == nil && target == program {
		_ = os.Remove(helperPath)
	}
}

func (s *systemd) systemctl(ctx context.Context, verb string, units ...string) error {
	ctx, cancel := context.WithTimeout(ctx, systemctlTimeout)
	defer cancel()
	args := slices.Concat([]string{"--no-ask-password", "--quiet", verb, "--"}, units)
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	if err == nil {
		return nil
	}
	return fmt.Errorf("systemctl %s: %w: %s", strings.Join(slices.Concat([]string{verb}, units), " "), err, strings.Join(strings.Fields(string(out)), " "))
}
