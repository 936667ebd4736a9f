// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/registry/nginx"
)

const nginxHelp = `Make configuration for nginx, for those who keep it in place of
solution-bootstrap serve: it serves the images of archives from the trees of
these, mounted or extracted. docs/nginx.md tells how.

By default this is about every archive of solutions.yaml, and prints its
locations, to be included in a server block. With --output it writes them to a
folder, a file <id>` + nginx.Suffix + ` for each, and deletes those that
it made for archives that are gone. Nginx has to be reloaded then. An archive
that cannot be read keeps its file, and makes the command end with status 1.`

const nginxExamples = `  # Locations for a server block that there is
  solution-bootstrap nginx --output /etc/nginx/solutions.d

  # With a server block that listens where registry.listen says
  solution-bootstrap nginx --output /etc/nginx/conf.d --server

  # One archive, which was extracted elsewhere
  solution-bootstrap nginx --archive /solutions/example.iso --root example-solution-1.0.0=/srv/www/example`

// defaultRoot is where archives are mounted.
const defaultRoot = "/srv/scality"

type nginxOptions struct {
	out, errOut io.Writer
	archives    []string
	roots       []string
	output      string
	server      bool
	ownConfig   bool

	configuration config.Configuration
	base          string            // the folder with the trees
	trees         map[string]string // by id, those that are elsewhere
}

func newNginxCommand(configPath *string) *cobra.Command {
	o := &nginxOptions{}
	cmd := &cobra.Command{
		Use:     "nginx",
		Short:   "Make nginx configuration that serves the images of archives",
		Long:    nginxHelp,
		Example: nginxExamples,
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.out, o.errOut = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if o.configuration, err = config.Load(*configPath); err != nil {
				return err
			}
			if err := o.complete(); err != nil {
				return err
			}
			return o.run()
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.archives, "archive", nil, "An archive, instead of those of solutions.yaml; can be given several times.")
	flags.StringArrayVar(&o.roots, "root", nil,
		"Where the archives' trees are: a folder with one for each id (default "+defaultRoot+"), or ID=FOLDER for one of them; can be given several times.")
	flags.StringVar(&o.output, "output", "", "A folder to write files to; the default is to print.")
	flags.BoolVar(&o.server, "server", false, "Make a server block as well, in the file "+nginx.ServerName+" with --output.")
	flags.BoolVar(&o.ownConfig, "use-archive-config", false,
		"Use the configuration that an archive brings along, "+strings.Join(nginx.Templates, " or ")+", where it has one. Whoever made the archive then configures nginx.")
	return cmd
}

// complete reads the flags, and refuses those that cannot be.
func (o *nginxOptions) complete() error {
	o.base, o.trees = "", map[string]string{}
	for _, root := range o.roots {
		id, folder, found := strings.Cut(root, "=")
		switch {
		case strings.HasPrefix(root, "/") && o.base == "":
			o.base = root
		case strings.HasPrefix(root, "/"):
			return fmt.Errorf("--root has two folders for all archives, %s and %s", o.base, root)
		case found && id != "" && strings.HasPrefix(folder, "/"):
			o.trees[id] = folder
		default:
			return hint.With(fmt.Errorf("--root %q is neither an absolute path nor ID=FOLDER", root), "for example --root /srv/scality, or --root example-solution-1.0.0=/srv/www/example")
		}
	}
	if o.base == "" {
		o.base = defaultRoot
	}
	if o.output != "" {
		var err error
		if o.output, err = filepath.Abs(o.output); err != nil {
			return err
		}
	}
	for i, path := range o.archives {
		var err error
		if o.archives[i], err = filepath.Abs(path); err != nil {
			return err
		}
	}
	return o.checkServer()
}

// checkServer refuses to leave out what the configuration asks of the registry.
func (o *nginxOptions) checkServer() error {
	switch {
	case !o.server:
		return nil
	case o.configuration.Registry.HTPasswd != "":
		return hint.With(errors.New("registry.htpasswd asks for passwords, and --server makes none"),
			"write a server block of your own, and include the locations there")
	case strings.ContainsAny(o.output, "*?["):
		return fmt.Errorf("--output %q holds a *, ? or [, by which nginx would include other files", o.output)
	}
	return nil
}

// made is what was made of one archive.
type made struct{ path, id, text string }

func (o *nginxOptions) run() error {
	paths := o.archives
	if len(paths) == 0 {
		doc, err := o.configuration.SolutionsFile().Read()
		if err != nil {
			return err
		}
		paths = doc.Configuration().Archives
	}
	var all []made
	var failed []string
	first := map[string]string{}
	for _, path := range paths {
		m, err := o.make(path)
		if err == nil && first[m.id] != "" {
			err = fmt.Errorf("%s and %s both hold %s", first[m.id], path, m.id)
		}
		if err != nil {
			cli.PrintError(o.errOut, err)
			failed = append(failed, path)
			continue
		}
		first[m.id] = path
		all = append(all, *m)
	}
	if err := o.deliver(all, failed); err != nil {
		return err
	}
	if len(failed) > 0 {
		return &cli.ExitError{Code: 1}
	}
	return nil
}

// deliver prints or writes what was made.
func (o *nginxOptions) deliver(all []made, failed []string) error {
	if o.output == "" {
		return o.print(all)
	}
	files := map[string]string{}
	for _, m := range all {
		files[m.id+nginx.Suffix] = m.text
	}
	if o.server {
		block, err := o.block(nginx.Server{Include: filepath.Join(o.output, "*"+nginx.Suffix)})
		if err != nil {
			return err
		}
		files[nginx.ServerName] = nginx.Header(o.configuration.SolutionsFile().Path) + block
	}
	changes, err := nginx.Folder{Path: o.output}.Update(files, len(o.archives) == 0, failed)
	reload := false
	for _, c := range changes {
		fmt.Fprintf(o.out, "%s %s\n", c.Path, c.Action)
		reload = reload || c.Action != nginx.Unchanged
	}
	if reload {
		fmt.Fprintln(o.errOut, "for nginx to see it, run: nginx -t && nginx -s reload")
	}
	return err
}

func (o *nginxOptions) print(all []made) error {
	var locations strings.Builder
	for _, m := range all {
		locations.WriteString(m.text)
	}
	text := locations.String()
	if o.server {
		var err error
		if text, err = o.block(nginx.Server{Locations: text}); err != nil {
			return err
		}
	}
	_, err := io.WriteString(o.out, text)
	return err
}

// block returns the server block, as the configuration has it.
func (o *nginxOptions) block(s nginx.Server) (string, error) {
	c := o.configuration.Registry
	s.Listen, s.Certificate, s.Key, s.ClientCAs = c.Listen, c.TLS.Certificate, c.TLS.Key, c.TLS.ClientCAs
	return s.Block()
}
