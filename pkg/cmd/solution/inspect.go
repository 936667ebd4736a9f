// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/api/rights"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	own "github.com/metalk8s/kubectl-solution/pkg/printers"
)

var inspectHelp = templates.LongDesc(`
	Show what is in an archive, without importing it: its Solution and version,
	images, custom resource definitions, and the roles of its Operator with what
	they allow. Dangerous rights are named.

	A file on this machine is read here, and no cluster is needed. Any other path
	is one on the bootstrap node.`)

var inspectExamples = templates.Examples(`
	kubectl solution inspect storage-1.0.0.iso

	# The digest of each image
	kubectl solution inspect storage-1.0.0.iso -o jsonpath='{range .images[*]}{.name}:{.tag}@{.digest}{"\n"}{end}'`)

func newInspectCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	flags := util.NewPrintFlags()
	cmd := &cobra.Command{
		Use:     "inspect ARCHIVE",
		Short:   "Show what is in an archive, without importing it",
		Long:    inspectHelp,
		Example: inspectExamples,
		Args:    cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.Validate(); err != nil {
				return err
			}
			checked, err := examine(cmd.Context(), conn, streams, args[0], true)
			if err != nil {
				return err
			}
			if checked.Content == nil {
				return checked.Report.Err()
			}
			for _, f := range checked.Report.Findings {
				cli.Warn(streams.ErrOut, "%s", f)
			}
			return printContent(streams, flags, checked.Content)
		},
	}
	flags.AddFlags(cmd)
	return cmd
}

// examine checks an archive here where it is a file of this machine, and else
// on the bootstrap node.
func examine(ctx context.Context, conn *util.Connection, streams genericiooptions.IOStreams, path string, structure bool) (*protocol.CheckedArchive, error) {
	status := util.NewStatus(streams.ErrOut)
	defer status.Clear()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) || !conn.IsRemote() {
		return examineHere(ctx, status, path, structure)
	}
	node, err := conn.Bootstrap(ctx, nil, status)
	if err != nil {
		return nil, err
	}
	result, err := node.Check(ctx, protocol.CheckRequest{Archives: []string{path}, Structure: structure})
	if err != nil {
		return nil, err
	}
	if len(result.Archives) != 1 {
		return nil, fmt.Errorf("the helper told of %d archives, and was asked about one", len(result.Archives))
	}
	return &result.Archives[0], nil
}

func examineHere(ctx context.Context, status *util.Status, path string, structure bool) (*protocol.CheckedArchive, error) {
	a, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	content, report := a.Inspect()
	if !structure {
		report, err = a.Verify(ctx, archive.VerifyOptions{Progress: func(done, total int64) {
			status.Progress(protocol.Progress{Step: "checking " + path, Done: done, Total: total})
		}})
	}
	return &protocol.CheckedArchive{Content: content, Report: report}, err
}

func printContent(streams genericiooptions.IOStreams, flags *util.PrintFlags, c *v1alpha1.Content) error {
	if flags.IsTable() {
		return describeContent(streams.Out, c)
	}
	object, err := contentObject(c)
	if err != nil {
		return err
	}
	return flags.Print(streams.Out, streams.ErrOut, own.Table{}, []*unstructured.Unstructured{object}, true)
}

// contentObject is a content as data. It is no object of the API server.
func contentObject(c *v1alpha1.Content) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	object := map[string]any{}
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, err
	}
	object["apiVersion"], object["kind"] = v1alpha1.APIVersion, "SolutionContent"
	object["metadata"] = map[string]any{"name": c.ID}
	return &unstructured.Unstructured{Object: object}, nil
}

// describeContent prints a content as kubectl describe would.
func describeContent(out io.Writer, c *v1alpha1.Content) error {
	w := printers.GetNewTabWriter(out)
	total := int64(0)
	for _, i := range c.Images {
		total += i.Size
	}
	fmt.Fprintf(w, "Name:\t%s\nVersion:\t%s\nDisplay name:\t%s\n", c.Name, c.Version, c.DisplayName)
	fmt.Fprintf(w, "Operator:\t%s\nUI:\t%s\n", optional(c.Operator), optional(c.UI))
	fmt.Fprintf(w, "Images:\t%d, %s\n", len(c.Images), own.Size(total))
	for _, i := range c.Images {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", i.ImageName, own.Size(i.Size), i.Digest)
	}
	fmt.Fprintf(w, "Custom resource definitions:\t%d\n", len(c.CRDs))
	for _, crd := range c.CRDs {
		fmt.Fprintf(w, "  %s\t%s\n", crd.Name, strings.Join(crd.Versions, ", "))
	}
	fmt.Fprintf(w, "Roles:\t%d\n", len(c.Roles))
	for _, document := range c.Roles {
		describeRole(w, document, v1alpha1.OwnGroups(c.CRDs))
	}
	return w.Flush()
}

// describeRole prints a role and what it allows, below its kind.
func describeRole(w io.Writer, document map[string]any, ownGroups []string) {
	u := &unstructured.Unstructured{Object: document}
	fmt.Fprintf(w, "  %s\t%s\n", u.GetName(), u.GetKind())
	role, err := rights.Decode(document)
	if err != nil {
		fmt.Fprintf(w, "\t  invalid: %v\n", err)
		return
	}
	for _, line := range rights.Describe(role.Rules) {
		fmt.Fprintf(w, "\t  %s\n", line)
	}
	for _, risk := range role.Risks(ownGroups) {
		fmt.Fprintf(w, "\t  DANGEROUS: %s\n", risk.Detail)
	}
}

func optional(i *v1alpha1.ImageName) string {
	if i == nil {
		return "<none>"
	}
	return i.String()
}
