// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/installer"
	"github.com/metalk8s/kubectl-solution/pkg/service"
)

const installHelp = `Install the registry as a service of systemd: its unit, a socket on which systemd
listens so that restarts refuse no connection, the helper's configuration with a
comment on each field, and an example of what containerd needs on each node.

The service runs the program that installs it. The units follow from the
configuration: after a change of registry.listen, install again. Files that are
as they should be are left alone, and so is a configuration that is there
already.

With --root, files are put below another folder, as for an image of a machine;
systemd is left alone then.`

const uninstallHelp = `Stop the service of the registry, unmount archives, and remove what install has
put in place. The helper's configuration stays if it was changed since, and so do
solutions.yaml, archives, and drop-ins of the units.`

// installOptions are those of install and uninstall.
type installOptions struct {
	configPath *string
	dryRun     bool
	root       string
	program    string
	purge      bool
}

func newInstallCommand(configPath *string) *cobra.Command {
	o := installOptions{configPath: configPath}
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the registry as a service of systemd",
		Long:  installHelp,
		Example: `  # See what would be put where
  solution-bootstrap install --dry-run

  # Install the service, and start it
  solution-bootstrap install`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.install(cmd) },
	}
	o.addFlags(cmd)
	cmd.Flags().StringVar(&o.program, "program", "", "The program that the service runs. The default is this one.")
	return cmd
}

func newUninstallCommand(configPath *string) *cobra.Command {
	o := installOptions{configPath: configPath}
	cmd := &cobra.Command{
		Use:     "uninstall",
		Short:   "Remove the service of the registry",
		Long:    uninstallHelp,
		Example: "  solution-bootstrap uninstall",
		Args:    cli.Args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.uninstall(cmd) },
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.purge, "purge", false, "Remove the configuration even if it was changed.")
	return cmd
}

func (o *installOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "Print what would be done, with the files' contents, and do nothing.")
	cmd.Flags().StringVar(&o.root, "root", "/", "The folder that has the machine's files.")
}

func (o *installOptions) install(cmd *cobra.Command) error {
	files, err := o.files()
	if err != nil {
		return err
	}
	i := o.installer()
	changes, err := i.PlanInstall(files)
	if err != nil {
		return err
	}
	return o.carryOut(cmd, i, changes)
}

func (o *installOptions) uninstall(cmd *cobra.Command) error {
	configuration, err := o.configurationPath()
	if err != nil {
		return err
	}
	i := o.installer()
	changes, err := i.PlanUninstall(configuration, o.purge)
	if err != nil {
		return err
	}
	if err := o.unmount(cmd); err != nil {
		return err
	}
	return o.carryOut(cmd, i, changes)
}

// unmount undoes the mounts of this machine, which need the helper.
func (o *installOptions) unmount(cmd *cobra.Command) error {
	if o.root != "/" {
		return nil
	}
	c, err := config.Load(*o.configPath)
	if err != nil {
		c = config.Configuration{Root: "/"} // one that cannot be used keeps nobody from removing it
	}
	folders, notes, err := unmountAll(cmd.Context(), c, o.dryRun)
	prefix := ""
	if o.dryRun {
		prefix = "==> "
	}
	for _, folder := range folders {
		fmt.Fprintf(cmd.OutOrStdout(), "%s%s unmounted\n", prefix, folder)
	}
	for _, note := range notes {
		fmt.Fprintln(cmd.ErrOrStderr(), note)
	}
	return err
}

// files returns those to install, by the configuration that is there.
func (o *installOptions) files() ([]service.File, error) {
	program, err := o.programPath()
	if err != nil {
		return nil, err
	}
	path, err := o.configurationPath()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(o.root, path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the helper's configuration: %w", err)
	}
	c, err := config.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading the helper's configuration %s: %w", filepath.Join(o.root, path), err)
	}
	return service.Files(service.Options{Program: program, ConfigurationPath: path, Configuration: c})
}

// programPath returns the program that the service runs. One of this machine
// has to be safe to run.
func (o *installOptions) programPath() (string, error) {
	program := o.program
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return "", fmt.Errorf("finding this program: %w", err)
		}
	}
	if o.root != "/" {
		return program, nil
	}
	if err := installer.CheckProgram(program); err != nil {
		return "", fmt.Errorf("installing a service: %w", err)
	}
	return program, nil
}

// configurationPath returns where the service reads its configuration.
func (o *installOptions) configurationPath() (string, error) {
	path := cmp.Or(*o.configPath, os.Getenv(config.EnvironmentVariable), config.DefaultPath)
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("--config: %q is no absolute path, which a service needs", path)
	}
	return filepath.Clean(path), nil
}

func (o *installOptions) installer() installer.Installer {
	i := installer.Installer{Root: o.root}
	// The way to ask of sd_booted(3).
	if info, err := os.Stat("/run/systemd/system"); err == nil && info.IsDir() && o.root == "/" {
		i.Systemctl = systemctl
	}
	return i
}

// systemctl runs the program with arguments that are fixed.
func systemctl(ctx context.Context, arguments ...string) error {
	out, err := exec.CommandContext(ctx, "systemctl", arguments...).CombinedOutput()
	if err != nil {
		return hint.With(fmt.Errorf("systemctl %s: %w\n%s", strings.Join(arguments, " "), err, out),
			"journalctl -u %s tells what the service said", service.ServiceUnit)
	}
	return nil
}
