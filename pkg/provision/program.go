// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/program"
)

// architectures are what uname calls those that the helper is for.
var architectures = map[string]string{"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

func architectureOf(machine string) (string, error) {
	a, ok := architectures[machine]
	if !ok {
		return "", fmt.Errorf("there is no helper for machines of architecture %q: it is for x86_64 and aarch64", machine)
	}
	return a, nil
}

// Program is a file of this machine that is a helper for others.
type Program struct {
	Path string
	// Digest is its SHA-256, in hexadecimal, and Size in bytes.
	Digest string
	Size   int64
}

// OpenProgram reads a program, which has to be one for a machine that uname
// calls so.
func OpenProgram(path, machine string) (_ *Program, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := checkProgram(file, machine); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return nil, err
	}
	return &Program{Path: path, Digest: hex.EncodeToString(hash.Sum(nil)), Size: size}, nil
}

// checkProgram refuses what is no program of Linux for such a machine.
func checkProgram(file *os.File, machine string) error {
	wanted, err := architectureOf(machine)
	if err != nil {
		return err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(errors.New("it is no file"), err)
	}
	got, err := program.Architecture(file)
	if err == nil && got != wanted {
		err = fmt.Errorf("it is for another machine, %s, and the node is %s", got, machine)
	}
	return err
}

// FindProgram returns the helper for a machine that uname calls so: the file
// that is given, or else the first that fits of those beside this program and
// on the PATH.
func FindProgram(given, machine string) (*Program, error) {
	a, err := architectureOf(machine)
	if err != nil {
		return nil, err
	}
	advice := fmt.Sprintf("name one that fits: --helper FILE. A release has it as %s, beside the plugin", program.Released(a))
	if given != "" {
		p, err := OpenProgram(given, machine)
		return p, hint.With(err, "%s", advice)
	}
	var tried []string
	for _, path := range candidates(a) {
		p, err := OpenProgram(path, machine)
		if err == nil {
			return p, nil
		}
		tried = append(tried, err.Error())
	}
	return nil, hint.With(fmt.Errorf("there is no helper here for the node, which is %s:\n%s", machine, strings.Join(tried, "\n")), "%s", advice)
}

// candidates are where the helper may be, best first.
func candidates(architecture string) []string {
	var paths []string
	if folder, err := program.Folder(); err == nil {
		paths = append(paths, filepath.Join(folder, program.Released(architecture)), filepath.Join(folder, program.Name))
	}
	if path, err := exec.LookPath(program.Name); err == nil {
		paths = append(paths, path)
	}
	return paths
}
