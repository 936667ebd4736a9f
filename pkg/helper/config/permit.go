// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Permit refuses a path that leads out of the folders that are allowed. Of a
// path that leads nowhere, who opens it says so.
func (c Archives) Permit(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if len(c.Allow) == 0 || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	for _, folder := range append([]string{c.Upload}, c.Allow...) {
		folder, err := filepath.EvalSymlinks(folder)
		if err == nil && strings.HasPrefix(real, strings.TrimSuffix(folder, "/")+"/") {
			return nil
		}
	}
	return hint.With(fmt.Errorf("%s is in none of the folders in which an archive may be", path),
		"put it into one of them (archives.allow in the helper's configuration): %s", strings.Join(c.Allow, ", "))
}
