// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// For each option ssh takes the first value that it finds. So what must be as
// it is here stands before the user's configuration, and what is only good to
// have stands after it.
const (
	sshRequired = `# Written by kubectl solution, over and over.
ForwardAgent no
ForwardX11 no
ClearAllForwardings yes
Tunnel no
PermitLocalCommand no
RemoteCommand none
LogLevel ERROR
`
	sshBatch  = "BatchMode yes\n"
	sshStrict = sshBatch + "StrictHostKeyChecking yes\nGSSAPIDelegateCredentials no\n"
	// The connection stays for the commands that follow within a minute. That a
	// network is dead is noticed within 45 seconds.
	sshDefaults = `Host *
ControlMaster auto
ControlPath %s/%s%%C
ControlPersist 60
ConnectTimeout 15
ServerAliveInterval 15
ServerAliveCountMax 3
`
)

// sshConfig returns the text of a configuration that includes the user's.
func sshConfig(mode SSHMode, folder string, userConfigs []string) string {
	if userConfigs == nil {
		userConfigs = []string{"~/.ssh/config", "/etc/ssh/ssh_config"} // as ssh reads them (ssh_config(5))
	}
	text, prefix := sshRequired, ""
	switch mode {
	case SSHBatch:
		text += sshBatch
	case SSHStrict:
		// It shares no connection with those that were less strict.
		text, prefix = text+sshStrict, "s"
	}
	for _, path := range userConfigs {
		text += "Include " + path + "\n"
	}
	return text + fmt.Sprintf(sshDefaults, folder, prefix)
}

// writeSSHConfig writes the configuration, where it is not there already, and
// returns its path.
func writeSSHConfig(mode SSHMode, userConfigs []string) (string, error) {
	folder, err := privateFolder(folderCandidates())
	if err != nil {
		return "", fmt.Errorf("making a private folder for the connections of ssh: %w", err)
	}
	path := filepath.Join(folder, string(cmp.Or(mode, "batch"))+".conf")
	text := sshConfig(mode, folder, userConfigs)
	if now, err := os.ReadFile(path); err == nil && string(now) == text {
		return path, nil
	}
	return path, replaceFile(path, text)
}

// replaceFile leaves no moment in which another command reads half of the file.
func replaceFile(path, text string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".*.conf")
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// maxFolder bounds the folder of sockets: their path may be 104 bytes long
// (on macOS, unix(4)), of which the name takes 41, and ssh 17 more while it makes
// one.
const maxFolder = 104 - len("/") - 41 - 17 - len("\x00")

// plainPath holds paths that a line of ssh's configuration takes as they are.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/_.@+-]+$`)

// folderCandidates are where the private folder may be, best first.
func folderCandidates() []string {
	const name = "kubectl-solution"
	var folders []string
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		folders = append(folders, filepath.Join(runtime, name))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		folders = append(folders, filepath.Join(cache, name))
	}
	return append(folders, fmt.Sprintf("/tmp/%s-%d", name, os.Geteuid()))
}

// privateFolder returns the first folder that nobody else may enter or replace,
// and makes it where it is not there.
func privateFolder(candidates []string) (string, error) {
	var failed []error
	for _, folder := range candidates {
		err := checkFolderName(folder)
		if err == nil {
			err = makePrivate(folder)
		}
		if err == nil {
			return folder, nil
		}
		failed = append(failed, err)
	}
	return "", errors.Join(failed...)
}

func checkFolderName(folder string) error {
	switch {
	case len(folder) > maxFolder:
		return fmt.Errorf("%s: the path is longer than %d bytes", folder, maxFolder)
	case !plainPath.MatchString(folder):
		return fmt.Errorf("%q: the path is not absolute, or has unusual characters", folder)
	}
	return nil
}

func makePrivate(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	parent, err := os.Stat(filepath.Dir(folder))
	if err != nil {
		return err
	}
	info, err := os.Lstat(folder)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", folder)
	case !isOwn(info) || info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s belongs to somebody else, or others may enter it", folder)
	case !isOwn(parent) && !isRoots(parent), parent.Mode().Perm()&0o022 != 0 && parent.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("others may replace %s", folder)
	}
	return nil
}
