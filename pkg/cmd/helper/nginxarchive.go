// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/registry"
	"github.com/metalk8s/kubectl-solution/pkg/registry/nginx"
)

// make makes the locations of one archive.
func (o *nginxOptions) make(path string) (*made, error) {
	a, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	listing, err := registry.List(a)
	if err != nil {
		return nil, err
	}
	root := o.trees[listing.ID]
	if root == "" {
		root = filepath.Join(o.base, listing.ID)
	}
	if _, err := os.Stat(filepath.Join(root, "images")); err != nil {
		cli.Warn(o.errOut, "%s: its tree is not there, and nginx will answer so: %v", listing.ID, err)
	}
	text, err := o.locations(a, listing, root)
	if err != nil {
		return nil, fmt.Errorf("configuring %s: %w", path, err)
	}
	return &made{path, listing.ID, nginx.Header(path) + text}, nil
}

func (o *nginxOptions) locations(a *archive.Archive, l *registry.Listing, root string) (string, error) {
	if o.ownConfig {
		for _, name := range nginx.Templates {
			data, err := a.ReadFile(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return "", err
			}
			text, err := nginx.Render(data, l.ID, root)
			if err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			return text, nil
		}
		cli.Warn(o.errOut, "%s: the archive has no configuration of its own", l.ID)
	}
	for _, err := range l.Skipped {
		cli.Warn(o.errOut, "%s: not served: %v", l.ID, err)
	}
	for _, r := range l.Repositories {
		for _, i := range r.Images {
			if i.Linked {
				cli.Warn(o.errOut, "%s: not served: %s is or holds a symbolic link, which nginx is not to follow", l.ID, i.Path)
			}
		}
	}
	return nginx.Locations(l, root)
}
