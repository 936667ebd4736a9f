// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/atomicfile"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/program"
	"github.com/metalk8s/kubectl-solution/pkg/service/image"
)

var imageHelp = templates.LongDesc(`
	Write the image of the pod that kubectl solution bootstrap pod prints: an archive
	for the bootstrap node, where no registry is yet. ctr imports it there; podman load
	takes it as well, and docker load where it is for one architecture.

	In the image is solution-bootstrap alone: that which --helper names; else those
	for both architectures that a release has beside this program; else the
	solution-bootstrap beside it. The same programs make the same archive.`)

var imageExamples = templates.Examples(`
	kubectl solution bootstrap image -o solution-bootstrap.tar

	# Through ssh, for containerd on the node
	kubectl solution bootstrap image | ssh root@node-1 ctr -n k8s.io images import -`)

type imageOptions struct {
	helpers []string
	output  string
	version string
}

func newImageCommand(streams genericiooptions.IOStreams, version string) *cobra.Command {
	o := &imageOptions{version: version}
	cmd := &cobra.Command{
		Use:     "image",
		Short:   "Write the image of the pod, as an archive that ctr imports",
		Long:    imageHelp,
		Example: imageExamples,
		Args:    cli.Args(cobra.NoArgs),
		RunE:    func(*cobra.Command, []string) error { return o.run(streams) },
	}
	cmd.Flags().StringArrayVar(&o.helpers, "helper", nil, "A solution-bootstrap for Linux; a second one of another architecture may be given.")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "The file to write. The default is the standard output.")
	return cmd
}

func (o *imageOptions) run(streams genericiooptions.IOStreams) error {
	if f, ok := streams.Out.(*os.File); ok && o.output == "" && term.IsTerminal(int(f.Fd())) {
		return hint.With(errors.New("an image is nothing for a terminal"), "name a file: -o FILE")
	}
	programs, err := o.programs()
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	name := image.Name(o.version)
	if err := image.Write(&archive, name, programs); err != nil {
		return fmt.Errorf("making image %s: %w", name, err)
	}
	if err := o.write(streams.Out, archive.Bytes()); err != nil {
		return fmt.Errorf("writing image %s: %w", name, err)
	}
	for _, p := range programs {
		fmt.Fprintf(streams.ErrOut, "image %s for linux/%s\n", name, p.Architecture)
	}
	return nil
}

// write writes the archive, a file wholly or not at all.
func (o *imageOptions) write(out io.Writer, archive []byte) error {
	if o.output == "" {
		_, err := out.Write(archive)
		return err
	}
	if _, err := os.Stat(filepath.Dir(o.output)); err != nil {
		return err // a folder that is misspelt is not made
	}
	return atomicfile.Write(o.output, archive, nil)
}

// programs reads those that are named, or else those beside this program.
func (o *imageOptions) programs() ([]image.Program, error) {
	paths := o.helpers
	if len(paths) == 0 {
		folder, err := program.Folder()
		if err != nil {
			return nil, err
		}
		paths = helpersIn(folder)
	}
	var programs []image.Program
	for _, path := range paths {
		p, err := image.ReadProgram(path)
		if err != nil {
			return nil, err
		}
		programs = append(programs, p)
	}
	return programs, nil
}

// helpersIn returns the paths of the helpers in a folder: those of a release,
// which has them for each architecture, or else that of `make build`.
func helpersIn(folder string) []string {
	var paths []string
	for _, architecture := range program.Architectures() {
		path := filepath.Join(folder, program.Released(architecture))
		if _, err := os.Stat(path); err == nil {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return []string{filepath.Join(folder, program.Name)}
	}
	return paths
}
