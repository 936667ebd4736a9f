// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	logsapi "k8s.io/component-base/logs/api/v1"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// components are the parts that come after etcd.
type components struct {
	apiServer, controllers, scheduler *cobra.Command

	// ctx ends at the first SIGTERM or SIGINT; the second one ends the process at once.
	ctx context.Context
	// scheduling is closed when the scheduler is set up and about to run.
	scheduling chan struct{}
}

// newComponents constructs them, in the one order that works: the controller manager's constructor changes a feature
// gate's default, which is refused once another component has put the gates on a flag set. The API server's constructor
// installs the process's signal handler.
func newComponents() *components {
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged // each component applies the same settings
	c := &components{scheduling: make(chan struct{})}
	c.controllers = controllers.NewControllerManagerCommand()
	c.apiServer = apiserver.NewAPIServerCommand()
	c.ctx = c.apiServer.Context()
	c.scheduler = newScheduler(c.ctx, c.scheduling)
	return c
}

// newScheduler goes through the scheduler's exported Setup and Run: its own command would install a second signal
// handler, and that panics.
func newScheduler(ctx context.Context, running chan<- struct{}) *cobra.Command {
	o := scheduleroptions.NewOptions()
	cmd := &cobra.Command{Use: "kube-scheduler", SilenceUsage: true}
	for _, f := range o.Flags.FlagSets {
		cmd.Flags().AddFlagSet(f)
	}
	cmd.RunE = func(*cobra.Command, []string) error {
		if err := o.ComponentGlobalsRegistry.Set(); err != nil {
			return err
		}
		config, s, err := scheduler.Setup(ctx, o)
		if err != nil {
			return err
		}
		close(running)
		return scheduler.Run(ctx, config, s)
	}
	return cmd
}

// start runs a component with its flags until it ends, which none should: what it ended with goes to ended.
func start(ctx context.Context, cmd *cobra.Command, flags []string, ended chan<- error) {
	cmd.SetArgs(flags)
	cmd.SilenceErrors = true
	go func() {
		err := cmd.ExecuteContext(ctx)
		if err == nil {
			err = fmt.Errorf("ended on its own")
		}
		ended <- fmt.Errorf("%s: %w", cmd.Name(), err)
	}()
}
