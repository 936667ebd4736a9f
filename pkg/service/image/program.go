// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/program"
)

// maxProgramBytes bounds the size of a file that is read as a program.
const maxProgramBytes = 256 << 20

// Program is a solution-bootstrap for Linux.
type Program struct {
	// Architecture is that which it runs on, as Go and images name it.
	Architecture string
	data         []byte
}

// ReadProgram reads a solution-bootstrap that can be alone in an image: one for
// Linux that is statically linked.
func ReadProgram(path string) (Program, error) {
	p, err := readProgram(path)
	if err != nil {
		return p, hint.With(fmt.Errorf("reading the helper %s: %w", path, err),
			"give the solution-bootstrap of a release for the node's architecture, or of make build on Linux: --helper FILE")
	}
	return p, nil
}

func readProgram(path string) (Program, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return Program{}, errors.Unwrap(err)
	case !info.Mode().IsRegular():
		return Program{}, errors.New("it is not a regular file")
	case info.Size() > maxProgramBytes:
		return Program{}, fmt.Errorf("it has %d bytes, and at most %d are read", info.Size(), maxProgramBytes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Program{}, errors.Unwrap(err)
	}
	return parseProgram(data)
}

func parseProgram(data []byte) (Program, error) {
	architecture, err := program.Architecture(bytes.NewReader(data))
	if err != nil {
		return Program{}, err
	}
	// Where it comes from is in every program that Go has built.
	build, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil || path.Base(build.Path) != program.Name {
		return Program{}, fmt.Errorf("it is not %s", program.Name)
	}
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil || slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return Program{}, errors.New("it is linked dynamically, and nothing else is in the image")
	}
	return Program{Architecture: architecture, data: data}, nil
}
