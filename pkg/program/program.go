// SPDX-License-Identifier: Apache-2.0

// Package program finds files that are the helper, solution-bootstrap, for a
// bootstrap node, and tells which nodes a file is for.
package program

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Name is that of the helper's program.
const Name = "solution-bootstrap"

// Released is the name under which a release has the helper for an
// architecture, as Go names it, beside the plugin.
func Released(architecture string) string { return Name + "-linux-" + architecture }

// Architectures are those that a release has the helper for.
func Architectures() []string { return []string{"amd64", "arm64"} }

// Folder is where this program is, symbolic links followed.
func Folder() (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	return filepath.Dir(self), nil
}

// Architecture returns which of the Architectures a program of Linux is for, and
// refuses every other file.
func Architecture(r io.ReaderAt) (string, error) {
	header, err := elf.NewFile(r)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", fmt.Errorf("it is no program of Linux: %w", err)
	}
	isProgram := header.Type == elf.ET_EXEC || header.Type == elf.ET_DYN
	isLinux := header.OSABI == elf.ELFOSABI_NONE || header.OSABI == elf.ELFOSABI_LINUX
	switch {
	case !isProgram || !isLinux:
		return "", fmt.Errorf("it is no program of Linux, but %s for %s", header.Type, header.OSABI)
	case header.Class == elf.ELFCLASS64 && header.Machine == elf.EM_X86_64:
		return "amd64", nil
	case header.Class == elf.ELFCLASS64 && header.Machine == elf.EM_AARCH64:
		return "arm64", nil
	}
	return "", fmt.Errorf("it is for %s, %s, and the helper is for amd64 and arm64", header.Machine, header.Class)
}
