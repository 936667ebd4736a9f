// SPDX-License-Identifier: Apache-2.0

// Example-solution-operator is the Operator of the example Solution. For each
// custom resource Example of its namespace it runs a Deployment of the image
// example-app, taken from where the OperatorConfig says that version's images are.
//
//	example-solution-operator --config=/etc/config/operator.yaml
//
// In the environment: WATCH_NAMESPACE, the namespace (required); OPERATOR_NAME,
// a label on what it makes; POD_NAME, for the log.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// version is set by the linker (-X main.version): that of the Solution.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "example-solution-operator:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) error {
	fs := flag.NewFlagSet("example-solution-operator", flag.ContinueOnError)
	fs.SetOutput(stderr)
	configFile := fs.String("config", "/etc/config/operator.yaml", "file with the OperatorConfig")
	kubeconfig := fs.String("kubeconfig", "", "kubeconfig file, to run outside of a cluster")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	namespace := getenv("WATCH_NAMESPACE")
	if namespace == "" {
		return errors.New("WATCH_NAMESPACE is not set in the environment")
	}
	// A configuration that is wrong from the start is better told by a pod that
	// fails than by a log.
	cfg, err := loadConfig(*configFile)
	if err != nil {
		return err
	}
	client, err := connect(*kubeconfig)
	if err != nil {
		return fmt.Errorf("connecting to the cluster: %w", err)
	}
	log := slog.New(slog.NewTextHandler(stderr, nil)).With("version", version, "pod", getenv("POD_NAME"))
	klog.SetSlogLogger(log) // what client-go logs
	log.Info("starting", "imported", cfg.versions())
	c := &controller{
		client:     client,
		namespace:  namespace,
		name:       cmp.Or(getenv("OPERATOR_NAME"), "example-solution-operator"),
		version:    version,
		configFile: *configFile,
		log:        log,
	}
	return c.run(ctx)
}

// connect uses the kubeconfig where one is named, else the pod's own account.
func connect(kubeconfig string) (dynamic.Interface, error) {
	cfg, err := restConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	cfg.UserAgent = "example-solution-operator/" + version
	return dynamic.NewForConfig(cfg)
}

func restConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig != "" {
		return clientcmd.BuildConfigFromFlags("", kubeconfig)
	}
	return rest.InClusterConfig()
}
