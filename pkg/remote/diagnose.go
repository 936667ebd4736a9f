// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"regexp"
	"strconv"
)

// Exit statuses: ssh's own where it fails (ssh(1)), and a shell's for a command
// that is not there or cannot be run.
const (
	sshStatus      = 255
	notRunnable    = 126
	commandMissing = 127
)

// symptom is what a program says when it fails.
type symptom struct {
	pattern *regexp.Regexp
	reason  Reason
	// what it means, and what to do about it, where %[1]s is the host and %[2]s
	// a command to try.
	what, advice string
}

// find returns the first symptom that text shows.
func find(symptoms []symptom, text string) (symptom, bool) {
	for _, s := range symptoms {
		if s.pattern.MatchString(text) {
			return s, true
		}
	}
	return symptom{}, false
}

// apply says of e what the symptom means.
func (s symptom) apply(e *RunError, args ...any) {
	e.Reason = s.reason
	e.Err = fmt.Errorf("%s (%w)", s.what, e.Err)
	e.Advice = fmt.Sprintf(s.advice, args...)
}

// sshSymptoms are of ssh itself, before a connection has come about (OpenSSH,
// in English).
var sshSymptoms = []symptom{
	{
		regexp.MustCompile(`(?m)^@\s+WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!|^Host key for .* has changed`), HostKeyChanged,
		"the host's key has changed",
		"somebody may be in between, or the host was installed anew: ask those who run it; if it was, forget the old key with " +
			"%[3]s, and compare the new one when you run %[2]s",
	},
	{
		regexp.MustCompile(`(?m)^Host key verification failed`), HostKeyUnknown,
		"the host's key is not known",
		"connect once by hand, and compare the key that it shows: %[2]s",
	},
	{
		regexp.MustCompile(`(?m)Permission denied \(|Too many authentication failures`), Denied,
		"the host does not let you in",
		"see that your key is in the account's authorized_keys on %[1]s, and that ssh has it without asking (ssh-add -l); try: %[2]s",
	},
	{
		regexp.MustCompile(`(?m)Could not resolve hostname`), UnknownHost,
		"the host's name is not known",
		"see whether %[1]s is spelt right, or give its IP address; try: %[2]s",
	},
	{
		regexp.MustCompile(`(?m)connect to host .* port|timed out|Connection (?:closed|reset|refused)|closed by remote host|not responding`), Unreachable,
		"the host cannot be reached",
		"see that %[1]s is up, that sshd listens on this port there, and that no firewall is in between; try: %[2]s",
	},
}

// sudoSymptoms are of sudo on the way to the helper.
var sudoSymptoms = []symptom{
	{
		regexp.MustCompile(`(?m)^sudo: (?:a password is required|a terminal is required|no tty present|sorry, you must have a tty)`), SudoRefused,
		"sudo wants a password",
		"let the account run the helper without one, by a line in a file of /etc/sudoers.d on %[1]s: USER ALL=(root) NOPASSWD: /usr/local/bin/solution-bootstrap agent",
	},
	{
		regexp.MustCompile(`(?m)is not (?:allowed to execute|in the sudoers file)|may not run sudo`), SudoRefused,
		"sudo does not allow it",
		"let the account run the helper, by a line in a file of /etc/sudoers.d on %[1]s: USER ALL=(root) NOPASSWD: /usr/local/bin/solution-bootstrap agent",
	},
	{
		regexp.MustCompile(`(?m)\bsudo: (?:command )?not found|"sudo": executable file not found`), SudoRefused,
		"there is no sudo",
		"install sudo on %[1]s, or use an account that needs none",
	},
	{
		regexp.MustCompile(`(?m)^sudo: .*(?:command not found|unable to execute)`), NotFound,
		"sudo does not find the helper",
		"install solution-bootstrap on %[1]s, in a folder that sudo looks into (secure_path in /etc/sudoers)",
	},
}

// diagnose finds out why ssh, or what it ran, has failed.
func (s SSH) diagnose(e *RunError, failed ended) {
	switch {
	case s.diagnosedSSH(e, failed), failed.answered:
	case s.Sudo && diagnoseSudo(e, failed, s.Host):
	case failed.status == commandMissing, failed.status == notRunnable:
		e.Reason, e.Err = NotFound, fmt.Errorf("the helper is not there, or cannot be started (%w)", e.Err)
		e.Advice = fmt.Sprintf("install solution-bootstrap on %s, in a folder on the PATH of a shell that is not interactive (/usr/local/bin), "+
			"or see to the command in authorized_keys; try: %s", s.Host, s.byHand("-v"))
	}
}

// diagnoseScript finds out why ssh, or the shell behind it, has failed.
func (s SSH) diagnoseScript(e *RunError, failed ended) {
	const advice = "installing takes a shell and root: an account that has both (ssh://root@HOST), or by hand (docs/remote.md)"
	switch {
	case e.Reason == Exit && failed.status == sshStatus && failed.stderr == "":
		// What is sent to a script does not wait for its first word.
		e.Reason, e.Err = Lost, fmt.Errorf("the connection was lost, or the shell was killed (%w)", e.Err)
	case s.diagnosedSSH(e, failed), failed.answered:
	case s.Sudo && diagnoseSudo(e, failed, s.Host):
		e.Advice = advice
	case failed.status == commandMissing, failed.status == notRunnable:
		e.Reason, e.Err = NotFound, fmt.Errorf("a shell cannot be started (%w)", e.Err)
		e.Advice = advice
	}
}

// diagnosedSSH says whether it was ssh itself that failed, or was ended.
func (s SSH) diagnosedSSH(e *RunError, failed ended) bool {
	switch {
	case e.Reason == NotFound:
		e.Reason, e.Advice = NoSSH, "install the OpenSSH client, or run this on the bootstrap node"
	case e.Reason != Exit:
	case failed.status == sshStatus && failed.answered:
		e.Reason, e.Err = Lost, fmt.Errorf("the connection was lost, or the helper was killed (%w)", e.Err)
	case failed.status == sshStatus:
		s.diagnoseConnection(e)
	default:
		return false
	}
	return true
}

func (s SSH) diagnoseConnection(e *RunError) {
	if found, ok := find(sshSymptoms, e.Stderr); ok {
		known := s.Host
		if s.Port != 0 && s.Port != 22 {
			known = "[" + s.Host + "]:" + strconv.Itoa(s.Port) // as known_hosts has it
		}
		found.apply(e, s.Host, s.byHand(), Quote("ssh-keygen", "-R", known))
		return
	}
	what := "ssh failed"
	if e.Stderr == "" {
		what += ", or the helper was killed at once"
	}
	e.Reason, e.Err = Failed, fmt.Errorf("%s (%w)", what, e.Err)
	e.Advice = "see what ssh says: " + s.byHand("-v")
}

// diagnoseSudo says whether it was sudo that failed.
func diagnoseSudo(e *RunError, failed ended, where string) bool {
	if failed.answered || e.Reason != Exit && e.Reason != NotFound {
		return false
	}
	// The error itself tells where it is this machine that has no sudo.
	found, ok := find(sudoSymptoms, failed.stderr+"\n"+failed.err.Error())
	if ok {
		found.apply(e, where)
	}
	return ok
}

// sudoWords run what follows as root, and ask nothing.
func sudoWords() []string { return []string{"sudo", "-n"} }
