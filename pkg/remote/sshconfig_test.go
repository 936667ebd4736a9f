// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// The user's configuration stands between what has to be and what may be.
func TestSSHConfig(t *testing.T) {
	const want = `# Written by kubectl solution, over and over.
ForwardAgent no
ForwardX11 no
ClearAllForwardings yes
Tunnel no
PermitLocalCommand no
RemoteCommand none
LogLevel ERROR
BatchMode yes
StrictHostKeyChecking yes
GSSAPIDelegateCredentials no
Include ~/.ssh/config
Include /etc/ssh/ssh_config
Host *
ControlMaster auto
ControlPath /run/user/1/kubectl-solution/s%C
ControlPersist 60
ConnectTimeout 15
ServerAliveInterval 15
ServerAliveCountMax 3
`
	if diff := cmp.Diff(want, sshConfig(SSHStrict, "/run/user/1/kubectl-solution", nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for mode, batch := range map[SSHMode]bool{SSHBatch: true, SSHAsk: false} {
		text := sshConfig(mode, "/x", []string{"/y"})
		if strings.Contains(text, "BatchMode yes\nInclude /y\nHost *") != batch || strings.Contains(text, "Strict") || strings.Contains(text, "~") {
			t.Errorf("mode %q:\n%s", mode, text)
		}
	}
}

func TestWriteSSHConfig(t *testing.T) {
	folder := filepath.Join(runtimeFolder(t), "kubectl-solution")
	for mode, name := range map[SSHMode]string{SSHBatch: "batch.conf", SSHAsk: "ask.conf", SSHStrict: "strict.conf"} {
		for range 2 {
			path, err := writeSSHConfig(mode, nil)
			if err != nil || path != filepath.Join(folder, name) {
				t.Fatalf("%s, %v", path, err)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != sshConfig(mode, folder, nil) {
				t.Errorf("%v\n%s", err, text)
			}
			// The second time it replaces what is not as it should be.
			if err := os.WriteFile(path, []byte("ProxyCommand x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 3 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A folder that others could enter or replace is not used.
func TestPrivateFolder(t *testing.T) {
	base := runtimeFolder(t)
	at := func(name string) string { return filepath.Join(base, name) }
	wide, open, others, link, file := at("wide"), at("open"), at("others"), at("link"), at("file")
	if err := errors.Join(
		os.Mkdir(wide, 0o700), os.Chmod(wide, 0o755), os.Mkdir(open, 0o700), os.Chmod(open, 0o777), os.Mkdir(others, 0o700),
		os.Symlink(base, link), os.WriteFile(file, nil, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{
		wide: "others may enter it", open + "/x": "others may replace", link: "is not a folder", file: "is not a folder", at("none/x"): "no such file",
		"relative": "not absolute", at("a b"): "unusual characters", at("a\nProxyCommand x"): "unusual characters", at(`a"b`): "unusual characters", at("a%b"): "unusual characters",
		at(strings.Repeat("x", maxFolder-len(base))): "longer than",
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(others, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		bad[others], bad[others+"/x"] = "belongs to somebody else", "others may replace"
	}
	for folder, want := range bad {
		if got, err := privateFolder([]string{folder}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, %v; want %q", folder, got, err, want)
		}
	}
	// The next best is taken.
	longest := at(strings.Repeat("x", maxFolder-len(base)-1))
	if got, err := privateFolder([]string{wide, "relative", longest}); err != nil || got != longest {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("HOME", base)
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("XDG_RUNTIME_DIR", at("none"))
	if err := os.Mkdir(at(".cache"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := privateFolder(folderCandidates()); err != nil || got != at(".cache/kubectl-solution") {
		t.Errorf("without a folder for the session: %s, %v", got, err)
	}
}

// A folder with the longest path there may be holds a connection.
func TestLongestFolder(t *testing.T) {
	s, server := host(t, "echo", sshserver.Options{})
	longest := filepath.Join(server.Folder, strings.Repeat("x", maxFolder-len("/kubectl-solution")-len(server.Folder)-1))
	if err := os.Mkdir(longest, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", longest)
	s.Mode = SSHStrict
	for range 2 {
		if err := s.Run(t.Context(), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections, and one was to be shared", n)
	}
}
