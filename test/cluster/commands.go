// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client-go's metrics in each component's /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // and the build's version
	kubectlcmd "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// command is one of the programs in this binary.
type command struct {
	name string
	help string
	link bool // also answers to a symbolic link of that name
	run  func(args []string) error
}

// commands lists them in the order of the help text. A component's cobra command is built only when it is asked for:
// the constructors register flags and feature gates in process-wide tables, and not all of them agree with each other.
func commands() []command {
	return []command{
		{"up", "etcd, API server, controller manager and scheduler in one process", false, func(args []string) error {
			return up(args, os.Stdin, os.Stderr)
		}},
		{"kubectl", "the command-line client", true, kubectl},
		{"etcd", "the data store alone", true, func(args []string) error {
			etcdmain.Main(append([]string{"etcd"}, args...))
			return nil
		}},
		{"kube-apiserver", "the API server alone", true, component(apiserver.NewAPIServerCommand)},
		{"kube-controller-manager", "the controller manager alone", true, component(controllers.NewControllerManagerCommand)},
		{"kube-scheduler", "the scheduler alone", true, component(func() *cobra.Command { return scheduler.NewSchedulerCommand() })},
		{"kubelet", "the node agent", true, component(func() *cobra.Command {
			return kubelet.NewKubeletCommand(context.Background())
		})},
		{"kube-proxy", "the node's service proxy", true, component(kubeproxy.NewProxyCommand)},
		{"help", "this text", false, func([]string) error {
			_, err := fmt.Print(usageText())
			return err
		}},
	}
}

func find(name string) (command, bool) {
	if name == "-h" || name == "--help" {
		name = "help"
	}
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

func usageText() string {
	var b strings.Builder
	b.WriteString("usage: devcluster COMMAND ...\n\n")
	for _, c := range commands() {
		_, _ = fmt.Fprintf(&b, "  %-24s %s\n", c.name, c.help)
	}
	b.WriteString("\nEach takes its own flags: devcluster COMMAND --help\n")
	return b.String()
}

// component runs a Kubernetes component's own command, which reads os.Args and prints its own errors.
func component(build func() *cobra.Command) func([]string) error {
	return func([]string) error {
		if status := cli.Run(build()); status != 0 {
			return exitStatus(status)
		}
		return nil
	}
}

// kubectl does what the upstream kubectl's main does. CheckErr prints in kubectl's own words and ends the process with
// kubectl's exit status (1 of `kubectl diff` is no failure), so scripts and plugins see the real thing.
func kubectl([]string) error {
	if _, err := logs.GlogSetter(kubectlcmd.GetLogVerbosity(os.Args)); err != nil {
		return fmt.Errorf("setting kubectl's verbosity: %w", err)
	}
	if err := cli.RunNoErrOutput(kubectlcmd.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	return nil
}
