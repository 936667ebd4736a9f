// SPDX-License-Identifier: Apache-2.0

// Devcluster is a real Kubernetes control plane in one file, for tests and for trying things out: no container runtime,
// no root, nothing to download once it is built.
//
//	devcluster up --dir DIR            etcd, API server, controller manager and scheduler in this one process
//	devcluster kubectl ARGS...         and each component under its own name, with its own flags
//
// Called through a symbolic link named like a component (kubectl, etcd, kube-apiserver, ...) it is that component, so a
// folder of such links serves where a folder of Kubernetes binaries is expected.
//
// It is a Go module of its own: k8s.io/kubernetes needs a replace for each of its staging modules and half a gigabyte of
// sources, which is nothing to ask of those who build the plugins.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	os.Exit(run(os.Args, os.Stderr))
}

// run does what argv asks for and returns the exit status: 0, 1 for an error, 2 for a wrong command line, or the status
// a component ended with. Every error of devcluster itself is printed here and nowhere else.
func run(argv []string, stderr io.Writer) int {
	cmd, cmdArgv, err := resolve(argv)
	if err == nil {
		os.Args = cmdArgv // kubectl and etcd look there themselves
		err = cmd.run(cmdArgv[1:])
	}
	var status exitStatus
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &usage):
		_, _ = fmt.Fprintf(stderr, "devcluster: %v\n\n%s", err, usageText())
		return 2
	default:
		_, _ = fmt.Fprintf(stderr, "devcluster: %v\n", err)
		return 1
	}
}

// resolve finds the command in argv, by the name the program was called under or else by its first argument, and
// returns it with the argv it would have as a program of its own.
func resolve(argv []string) (command, []string, error) {
	if len(argv) > 0 {
		if c, ok := find(filepath.Base(argv[0])); ok && c.link {
			return c, argv, nil
		}
	}
	if len(argv) < 2 {
		return command{}, nil, &usageError{"no command given"}
	}
	c, ok := find(argv[1])
	if !ok {
		return command{}, nil, &usageError{fmt.Sprintf("unknown command %q", argv[1])}
	}
	return c, argv[1:], nil
}

// exitStatus is the error of a component that has already printed what went wrong.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// usageError is a command line that cannot be understood.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }
