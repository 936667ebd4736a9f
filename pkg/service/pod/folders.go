// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// folder is one of the node that the pod sees, at the same path: requests and
// solutions.yaml name files by their path on the node.
type folder struct {
	path string
	// written says that the agent writes there; then the folder is made where
	// it is missing.
	written bool
}

// folders are sorted by path, and none is in another one that allows as much.
type folders []folder

// foldersOf returns those that the helper works with: its configuration, what it
// keeps, and the archives.
func foldersOf(o Options) (folders, error) {
	c := o.Configuration
	all := folders{
		{filepath.Dir(config.DefaultPath), true},
		{filepath.Dir(c.SolutionsFile().Path), true},
		{filepath.Join(c.Root, "var", "lib", "metalk8s"), true},
		{c.Archives.Upload, true},
	}
	for _, path := range slices.Concat(c.Archives.Allow, o.Archives) {
		all = append(all, folder{path, false})
	}
	// Files are replaced when they change, so that a file alone would stay what
	// it was.
	for _, path := range []string{c.Registry.TLS.Certificate, c.Registry.TLS.Key, c.Registry.TLS.ClientCAs, c.Registry.HTPasswd} {
		if path != "" {
			all = append(all, folder{filepath.Dir(path), false})
		}
	}
	for i := range all {
		if err := checkFolder(all[i].path); err != nil {
			return nil, err
		}
		all[i].path = filepath.Clean(all[i].path)
	}
	return all.minimal(), nil
}

// tooMuch are folders that nothing that runs in a pod should have as they are.
var tooMuch = []string{"/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/run", "/var/tmp"}

// checkFolder refuses what a pod cannot have, or had better not.
func checkFolder(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("folder %q is no absolute path", path)
	case slices.Contains(strings.Split(path, "/"), ".."):
		return fmt.Errorf("folder %q: .. cannot be in a path of a pod", path)
	case strings.Contains(path, ":"):
		return fmt.Errorf("folder %q: a pod cannot have a path with a colon", path)
	case slices.Contains(tooMuch, filepath.Clean(path)):
		return hint.With(fmt.Errorf("folder %q is more than the helper is to have of the node", path), "keep archives in a folder of their own, such as /srv/solutions")
	}
	return nil
}

// minimal leaves out what is in another folder, unless it is written and the
// other is not.
func (all folders) minimal() folders {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b folder) int {
		if a.path == b.path && a.written != b.written {
			return cmp.Compare(strconv.FormatBool(b.written), strconv.FormatBool(a.written))
		}
		return strings.Compare(a.path, b.path)
	})
	var kept folders
	for _, f := range all {
		if !slices.ContainsFunc(kept, func(k folder) bool { return isIn(f.path, k.path) && (k.written || !f.written) }) {
			kept = append(kept, f)
		}
	}
	return kept
}

func isIn(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// volumeName is that of the volume of a folder.
func volumeName(i int) string { return "folder-" + strconv.Itoa(i+1) }

func (all folders) volumes() []corev1.Volume {
	var list []corev1.Volume
	for i, f := range all {
		kind := corev1.HostPathDirectory
		if f.written {
			kind = corev1.HostPathDirectoryOrCreate
		}
		list = append(list, corev1.Volume{Name: volumeName(i), VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: f.path, Type: &kind},
		}})
	}
	return list
}

// mounts returns where a container has them.
func (all folders) mounts(readOnly bool) []corev1.VolumeMount {
	var list []corev1.VolumeMount
	for i, f := range all {
		list = append(list, corev1.VolumeMount{Name: volumeName(i), MountPath: f.path, ReadOnly: readOnly || !f.written})
	}
	return list
}
