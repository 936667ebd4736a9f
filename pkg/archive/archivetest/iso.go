// SPDX-License-Identifier: Apache-2.0

package archivetest

import (
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// packer returns the arguments that all tools share, as archives in the field
// are built.
func packer(iso, dir string) []string {
	return []string{
		"-quiet", "-R", "-J", "-joliet-long", "-l", "-V", "Example Solution",
		"-iso-level", "3", "-uid", "0", "-gid", "0", "-o", iso, dir,
	}
}

// ISO packs the archive with xorriso and returns the image's path. Hard links
// share their bytes.
func (b *Builder) ISO(tb testing.TB) string {
	tb.Helper()
	return Pack(tb, b.Dir(), "xorriso", "-as", "mkisofs", "--hardlinks")
}

// GenISO packs the archive with genisoimage and returns the image's path.
func (b *Builder) GenISO(tb testing.TB) string {
	tb.Helper()
	return Pack(tb, b.Dir(), "genisoimage")
}

// Pack makes an ISO image of dir with a tool that takes mkisofs's options, and
// returns its path. It skips the test where the tool is missing, and fails it
// where the environment has CI=true.
func Pack(tb testing.TB, dir, tool string, args ...string) string {
	tb.Helper()
	need.Program(tb, tool)
	iso := filepath.Join(tb.TempDir(), "solution.iso")
	args = slices.Concat(args, packer(iso, dir))
	if out, err := exec.CommandContext(tb.Context(), tool, args...).CombinedOutput(); err != nil {
		tb.Fatalf("archivetest: %s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
	return iso
}

// hexFiles returns the paths of an image's files that are named by a digest
// and this suffix.
func (b *Builder) hexFiles(name, tag, suffix string) []string {
	b.tb.Helper()
	dir := "images/" + name + "/" + tag
	var paths []string
	for _, p := range slices.Sorted(maps.Keys(b.Files())) {
		if digits, found := strings.CutSuffix(path.Base(p), suffix); path.Dir(p) == dir && found && len(digits) == 64 {
			paths = append(paths, p)
		}
	}
	return paths
}
