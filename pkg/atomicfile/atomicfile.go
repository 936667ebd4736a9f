// SPDX-License-Identifier: Apache-2.0

// Package atomicfile replaces files so that whoever reads them, or finds them
// after a loss of power, sees what was there before or what is there now, and
// nothing in between.
package atomicfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Write replaces the file at path by data: wholly or, with an error, not at
// all. Its mode and owner stay; a new one has mode 0644 whatever the umask is,
// in folders that are made with MakeFolder. Of a symbolic link the target is
// replaced. The function may, with the path of the file that will be replaced,
// is asked twice, before anything is done and as late as can be; an error of it
// ends everything. It can be nil.
func Write(path string, data []byte, may func(target string) error) error {
	if may == nil {
		may = func(string) error { return nil }
	}
	target, err := followLinks(path)
	if err != nil {
		return err
	}
	if err := may(target); err != nil {
		return err
	}
	folder := filepath.Dir(target)
	if err := MakeFolder(folder); err != nil {
		return err
	}
	if err := removeLitter(target); err != nil {
		return err
	}
	temporary, err := writeTemporary(target, data)
	if err != nil {
		return err
	}
	if err := may(target); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, target); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncFolder(folder)
}

// maxLinks is how many symbolic links are followed, as many as Linux does.
const maxLinks = 40

// followLinks returns the path of the file that path leads to, which need not
// exist.
func followLinks(path string) (string, error) {
	for range maxLinks {
		// Not by filepath.Dir and Join: ".." in a link starts at where its
		// folder really is.
		folder, name := filepath.Split(path)
		real, err := filepath.EvalSymlinks(cmp.Or(folder, "."))
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		if err != nil {
			return "", err
		}
		path = filepath.Join(real, name)
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		if err != nil {
			return "", err
		}
		link, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if path = link; !filepath.IsAbs(link) {
			path = real + string(filepath.Separator) + link
		}
	}
	return "", errors.New("too many symbolic links")
}

// MakeFolder makes a folder and those above it, with mode 0755 whatever the
// umask is, and makes sure that they last.
func MakeFolder(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if err := MakeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	if err := os.Chmod(path, 0o755); err != nil {
		return err
	}
	return syncFolder(parent)
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// temporaryPrefix starts the names of a file's temporary ones, which end in
// digits. They differ, so that writers without the lock cannot get hold of one
// another's half-written file.
func temporaryPrefix(target string) string { return "." + filepath.Base(target) + ".tmp" }

// removeLitter removes what writers that were killed left beside the file.
func removeLitter(target string) error {
	folder := filepath.Dir(target)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		digits, ok := strings.CutPrefix(entry.Name(), temporaryPrefix(target))
		if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" || !entry.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// writeTemporary writes a file beside the target, with its mode and owner, and
// makes sure that it is on disk.
func writeTemporary(target string, data []byte) (path string, err error) {
	file, err := os.CreateTemp(filepath.Dir(target), temporaryPrefix(target))
	if err != nil {
		return "", err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(target); err == nil {
		mode = info.Mode().Perm()
		if err := copyOwner(file, info); err != nil {
			return "", fmt.Errorf("keeping its owner: %w", err)
		}
	}
	if err := file.Chmod(mode); err != nil {
		return "", err
	}
	if _, err := file.Write(data); err != nil {
		return "", err
	}
	return file.Name(), file.Sync()
}
