// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/isofuse"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// mountFailed is the exit status of mount(8) for a mount that failed.
const mountFailed = 32

const mountHelperHelp = `Mount a Solution archive read-only, for mount(8), which calls this program when
it finds it in /sbin:

  mount -t ` + mount.FUSEType + ` ARCHIVE DIR

A process of its own serves the mount until it is unmounted.`

// newMountHelper returns the program that mount(8) calls, in its own words:
// `mount.TYPE SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]` (mount(8),
// "External helpers").
func newMountHelper(in io.Reader, out, errOut io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:                mount.HelperName + " ARCHIVE DIR [-sfnv] [-o OPTIONS] [-t TYPE]",
		Short:              "Mount a Solution archive, for mount(8)",
		Long:               mountHelperHelp,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if slices.Equal(args, []string{mount.ServeArgument}) {
				return serveMount(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
			}
			request, err := parseMountHelper(args)
			if err != nil {
				return hint.With(err, "this program is for mount(8): mount -t %s ARCHIVE DIR", mount.FUSEType)
			}
			if request == nil {
				return nil
			}
			if err := mount.StartServing(cmd.Context(), *request, nil); err != nil {
				cli.PrintError(cmd.ErrOrStderr(), err)
				return &cli.ExitError{Code: mountFailed}
			}
			return nil
		},
	}
	cmd.SetIn(in)
	cmd.SetOut(out)
	cmd.SetErr(errOut)
	return cmd
}

// parseMountHelper returns what is to be mounted, nil where mount(8) only tries
// (-f). Options change nothing: a mount is always read-only, without devices
// and set-user-ID programs. So those that ask for it, or say nothing about
// that, are taken, and others refused.
func parseMountHelper(args []string) (*mount.Serving, error) {
	var paths []string
	fake, sloppy, given := false, false, ""
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "-o" || arg == "-t" || arg == "-N":
			if i++; i == len(args) {
				return nil, fmt.Errorf("option %s has no value", arg)
			}
			if arg == "-N" {
				return nil, errors.New("option -N is not supported: mount in that namespace with nsenter(1)")
			}
			if arg == "-o" {
				given = args[i]
			}
		case strings.HasPrefix(arg, "-"):
			if strings.Trim(arg[1:], "sfnv") != "" || arg == "-" {
				return nil, fmt.Errorf("unknown option %s", arg)
			}
			fake, sloppy = fake || strings.Contains(arg, "f"), sloppy || strings.Contains(arg, "s")
		default:
			paths = append(paths, arg)
		}
	}
	if len(paths) != 2 {
		return nil, fmt.Errorf("%d paths are given, and two are needed", len(paths))
	}
	if err := checkMountOptions(given); err != nil && !sloppy {
		return nil, err
	}
	if fake {
		return nil, nil
	}
	archive, err := filepath.Abs(paths[0])
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(paths[1])
	return &mount.Serving{Archive: archive, Dir: dir}, err
}

// harmlessOptions are those that mount(8) may pass on. It says rw where nothing
// is said, and the kernel's own file systems of discs take that too.
const harmlessOptions = "ro rw nosuid nodev noexec exec noatime relatime nodiratime defaults auto noauto nofail user nouser users _netdev"

func checkMountOptions(given string) error {
	for option := range strings.SplitSeq(given, ",") {
		isComment := option == "" || strings.HasPrefix(option, "x-") || strings.HasPrefix(option, "X-")
		if !isComment && !slices.Contains(strings.Fields(harmlessOptions), option) {
			return fmt.Errorf("unknown mount option %s", option)
		}
	}
	return nil
}

// serveMount serves one mount until it is gone. When it is asked to end, it
// takes the mount away, and goes on for those who have files of it open.
func serveMount(ctx context.Context, in io.Reader, errOut io.Writer) error {
	// Else it would be called exe in lists of processes. 15 bytes are shown.
	_ = os.WriteFile("/proc/self/comm", []byte("solution-mount"), 0)
	request, report, err := mount.ReadServing(in)
	if err != nil {
		return err
	}
	server, err := isofuse.Mount(request.Archive, request.Dir, slog.New(slog.NewTextHandler(errOut, nil)))
	// Whoever waited for it may have ended; the mount is there all the same.
	_ = report(err)
	if err != nil {
		return err
	}
	select {
	case <-server.Done():
		return nil
	case <-ctx.Done():
	}
	if err := mount.Detach(request.Dir, request.Archive); err != nil {
		return err
	}
	<-server.Done()
	return nil
}
