// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"fmt"
	"strconv"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Node is what a machine is, as far as the helper needs to know.
type Node struct {
	// System and Machine are as uname tells them: "Linux", "x86_64".
	System, Machine string
	// IsRoot says that the account there is root, or that sudo makes it so.
	IsRoot bool
	// HasSystemd says that systemd runs, and HasService that it has a unit of
	// the helper's service.
	HasSystemd, HasService bool
	// Digest is that of the helper's program, in hexadecimal, "" where there is
	// none; Version is what it says, "" where it does not run.
	Digest, Version string
	// Previous is the digest of a program that was replaced by one of which it
	// is not known whether it answers: an installation was cut off.
	Previous string
}

// parseNode reads what the probe answers.
func parseNode(words map[string][]string) (*Node, error) {
	one := func(word string) string {
		if texts := words[word]; len(texts) == 1 {
			return texts[0]
		}
		return ""
	}
	n := &Node{
		System: one("system"), Machine: one("machine"), Digest: one("digest"), Version: one("version"), Previous: one("previous"),
		HasSystemd: one("systemd") == "yes", HasService: one("service") == "yes",
	}
	user, err := strconv.Atoi(one("user"))
	if err != nil || n.System == "" || n.Machine == "" {
		return nil, fmt.Errorf("the probe's answer lacks what it should tell: %.200q", fmt.Sprint(words))
	}
	n.IsRoot = user == 0
	return n, nil
}

// IsInstalled says that the helper's program is there.
func (n *Node) IsInstalled() bool { return n.Digest != "" }

// Check refuses a machine on which the helper cannot be installed, or not by
// this account.
func (n *Node) Check() error {
	switch {
	case n.System != "Linux":
		return hint.With(fmt.Errorf("the helper runs on Linux, and this is %s", n.System), "name the bootstrap node: --bootstrap ssh://root@HOST")
	case !n.IsRoot:
		return failure("root", "", nil)
	}
	_, err := architectureOf(n.Machine)
	return err
}
