// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/service/image"
	"github.com/metalk8s/kubectl-solution/pkg/service/pod"
)

var podHelp = templates.LongDesc(`
	Print the manifests of a pod that is the bootstrap node's helper and registry: a
	DaemonSet for one node, or, with --static, a static pod for the kubelet's folder
	there, usually /etc/kubernetes/manifests. Nothing is changed. The helper is then
	at the address pod://app=solution-bootstrap.

	The node must have the image: see kubectl solution bootstrap image.

	The pod sees, at the same paths as the node has them, /etc/metalk8s,
	/var/lib/metalk8s, and the folders with archives: those of the helper's
	configuration, of which --config names a copy, and those of --archives. What it
	may do with them, docs/remote.md tells.`)

var podExamples = templates.Examples(`
	# A DaemonSet for the node that has the archives
	kubectl solution bootstrap pod --node node-1 --archives /srv/solutions | kubectl apply --server-side -f -
	kubectl solution import --bootstrap pod://app=solution-bootstrap /srv/solutions/example-solution-1.0.0.iso

	# A static pod: its file belongs on the node
	kubectl solution bootstrap pod --static > solution-bootstrap.yaml`)

type podOptions struct {
	node     string
	static   bool
	archives []string
	config   string
	user     int64
	version  string
}

func newPodCommand(streams genericiooptions.IOStreams, version string) *cobra.Command {
	o := &podOptions{version: version}
	cmd := &cobra.Command{
		Use:     "pod",
		Short:   "Print manifests of the helper and the registry as a pod",
		Long:    podHelp,
		Example: podExamples,
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (o.node == "") != o.static {
				return cli.UsageError(cmd, "either --node NAME or --static is needed")
			}
			text, err := o.manifests()
			if err != nil {
				return err
			}
			_, err = io.WriteString(streams.Out, text)
			return err
		},
	}
	cmd.Flags().StringVar(&o.node, "node", "", "The name of the bootstrap node.")
	cmd.Flags().BoolVar(&o.static, "static", false, "Print a static pod.")
	cmd.Flags().StringArrayVar(&o.archives, "archives", nil, "A folder of the node with archives, besides those that the helper's configuration names; may be given several times.")
	cmd.Flags().StringVar(&o.config, "config", "", "A copy of the node's "+config.DefaultPath+". Without it there is none.")
	cmd.Flags().Int64Var(&o.user, "user", pod.DefaultUser, "The user ID of the registry, who has to be able to read the archives, and the key of its certificate.")
	return cmd
}

func (o *podOptions) manifests() (string, error) {
	c, err := readConfiguration(o.config)
	if err != nil {
		return "", err
	}
	options := pod.Options{Node: o.node, Image: image.Name(o.version), Configuration: c, Archives: o.archives, User: o.user}
	make, head := pod.DaemonSet, daemonSetHead
	if o.static {
		make, head = pod.Static, staticHead
	}
	objects, err := make(options)
	if err != nil {
		return "", err
	}
	text, err := pod.YAML(objects)
	return head + text, err
}

// What there is to know of the manifests, for whoever reads them.
const (
	daemonSetHead = "# solution-bootstrap as a pod; --bootstrap " + pod.Address + " reaches it.\n" +
		"# To remove it: kubectl delete daemonset -n " + v1alpha1.Namespace + " " + pod.Name + "\n" +
		"# With the namespace, what the cluster records of Solutions would go, too.\n"
	staticHead = "# solution-bootstrap as a static pod, in the kubelet's folder of them; --bootstrap " + pod.Address + " reaches it,\n" +
		"# once namespace " + v1alpha1.Namespace + " is there. To remove it, remove the file.\n"
)

// readConfiguration reads a copy of the helper's configuration.
func readConfiguration(path string) (config.Configuration, error) {
	if path == "" {
		return config.Parse(nil)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return config.Configuration{}, fmt.Errorf("reading the helper's configuration: %w", err)
	}
	c, err := config.Parse(data)
	if err != nil {
		err = fmt.Errorf("reading the helper's configuration %s: %w", path, err)
	}
	return c, err
}
