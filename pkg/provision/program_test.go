// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/program"
)

// fake writes the beginning of a program of Linux for x86_64, changed.
func fake(t *testing.T, path string, change func([]byte)) string {
	t.Helper()
	header := make([]byte, 64)
	copy(header, elf.ELFMAG)
	header[elf.EI_CLASS], header[elf.EI_DATA], header[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	header[16], header[18], header[20], header[52] = byte(elf.ET_EXEC), byte(elf.EM_X86_64), 1, 64
	if change != nil {
		change(header)
	}
	if err := os.WriteFile(path, header, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func arm(header []byte) { header[18] = byte(elf.EM_AARCH64) }

func TestOpenProgram(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	text := at("text")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	intel, other := fake(t, at("intel"), nil), fake(t, at("arm"), arm)
	for _, tt := range []struct{ path, machine, want string }{
		{intel, "x86_64", ""},
		{other, "aarch64", ""},
		{other, "arm64", ""},
		{fake(t, at("pie"), func(h []byte) { h[16] = byte(elf.ET_DYN) }), "x86_64", ""},
		{intel, "aarch64", "it is for another machine, amd64, and the node is aarch64"},
		{other, "x86_64", "it is for another machine, arm64, and the node is x86_64"},
		{intel, "riscv64", `there is no helper for machines of architecture "riscv64"`},
		{fake(t, at("core"), func(h []byte) { h[16] = byte(elf.ET_CORE) }), "x86_64", "it is no program of Linux, but ET_CORE"},
		{fake(t, at("bsd"), func(h []byte) { h[elf.EI_OSABI] = byte(elf.ELFOSABI_FREEBSD) }), "x86_64", "it is no program of Linux, but ET_EXEC for ELFOSABI_FREEBSD"},
		{fake(t, at("mac"), func(h []byte) { copy(h, "\xcf\xfa\xed\xfe") }), "x86_64", "it is no program of Linux: bad magic number"},
		{text, "x86_64", "it is no program of Linux: "},
		{folder, "x86_64", "it is no file"},
		{at("none"), "x86_64", "no such file or directory"},
	} {
		p, err := OpenProgram(tt.path, tt.machine)
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
				t.Errorf("%s for %s: %v, want %s", tt.path, tt.machine, err, tt.want)
			}
			continue
		}
		data, readErr := os.ReadFile(tt.path)
		sum := sha256.Sum256(data)
		if err != nil || readErr != nil || p.Digest != hex.EncodeToString(sum[:]) || p.Size != int64(len(data)) || p.Path != tt.path {
			t.Errorf("%s for %s: %v, %v", tt.path, tt.machine, p, err)
		}
	}
}

// The first that fits is taken, and what does not fit is told where none does.
func TestFindProgram(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("PATH", folder)
	_, err := FindProgram("", "x86_64")
	if err == nil || !strings.Contains(err.Error(), "-linux-amd64: no such file or directory\n") || !strings.Contains(hint.Of(err), "--helper FILE. A release has it as solution-bootstrap-linux-amd64, beside the plugin") {
		t.Errorf("%v, hint %s", err, hint.Of(err))
	}
	onPath := fake(t, filepath.Join(folder, program.Name), nil)
	if p, err := FindProgram("", "x86_64"); err != nil || p.Path != onPath {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := FindProgram("", "aarch64"); err == nil || !strings.Contains(err.Error(), onPath+": it is for another machine") {
		t.Errorf("%v", err)
	}
	given := fake(t, filepath.Join(folder, "given"), arm)
	if p, err := FindProgram(given, "aarch64"); err != nil || p.Path != given {
		t.Errorf("%v, %v", p, err)
	}
	// What is given is what counts, even where another would fit.
	if _, err := FindProgram(given, "x86_64"); err == nil || !strings.Contains(err.Error(), given+": it is for another machine") {
		t.Errorf("%v", err)
	}
	if _, err := FindProgram("", "s390x"); err == nil || !strings.Contains(err.Error(), `architecture "s390x"`) {
		t.Errorf("%v", err)
	}
}

// Beside the plugin the one that is named for the machine comes first.
func TestCandidates(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var names []string
	for _, path := range candidates("arm64") {
		names = append(names, filepath.Base(path))
	}
	if got := strings.Join(names, " "); got != "solution-bootstrap-linux-arm64 solution-bootstrap" {
		t.Errorf("%s", got)
	}
}
