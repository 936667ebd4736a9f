// SPDX-License-Identifier: Apache-2.0

// Package apiserver gives tests a real Kubernetes API server. There is no imitation of one in this repository: defaulting,
// validation, field ownership and garbage collection are what the tests are about.
//
// A package's tests share one server, started when the first of them asks:
//
//	func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }
//
//	func TestApply(t *testing.T) {
//		server := apiserver.Need(t)
//		...
//	}
//
// Which server it is, first match wins:
//
//   - USE_EXISTING_CLUSTER=true: the cluster of $KUBECONFIG, left running afterwards. Tests make and delete namespaces
//     and cluster-wide objects there.
//   - KUBEBUILDER_ASSETS=folder: etcd and kube-apiserver of that folder, as
//     sigs.k8s.io/controller-runtime/pkg/envtest starts them. Nothing else runs: see [Server.HasControllers].
//   - otherwise bin/devcluster of this checkout, which `make cluster` builds.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// The environment variables that choose a server; the names are those of envtest.
const (
	// EnvUseExisting set to "true" means the cluster of $KUBECONFIG.
	EnvUseExisting = "USE_EXISTING_CLUSTER"
	// EnvAssets names a folder with etcd, kube-apiserver and, if kubectl is wanted, kubectl.
	EnvAssets = "KUBEBUILDER_ASSETS"
)

// Requests a second and in a burst: tests should not wait for client-go's limiter, which allows 5 and 10.
const (
	qps   = 1000
	burst = 2000
)

// Server is a running API server and its administrator's way in.
type Server struct {
	// Kubeconfig is the path of a kubeconfig for the cluster's administrator.
	Kubeconfig string
	// Config is the same for client-go, without its rate limit. Copy it before changing it (rest.CopyConfig).
	Config *rest.Config
	// HasControllers says whether a controller manager runs. Without one a namespace that is deleted stays Terminating,
	// owners' objects are not collected, and no service accounts are made.
	HasControllers bool
	// Kubectl is the path of an executable named kubectl, or "".
	Kubectl string

	auditLog   string // "": none
	auditReads bool
	stop       func() error
}

// Stop ends a server that Start started and removes its files; an existing cluster is left alone. Calling it again does
// nothing.
func (s *Server) Stop() error {
	stop := s.stop
	s.stop = nil
	if stop == nil {
		return nil
	}
	return stop()
}

// Start gives a real Kubernetes API server, chosen as the package's description says. It is ready when Start returns.
// ctx limits the start only; the caller calls Stop. When no binaries are to be had the error is [ErrNone].
func Start(ctx context.Context, with ...Option) (*Server, error) {
	var s *Server
	var err error
	switch assets := os.Getenv(EnvAssets); {
	case os.Getenv(EnvUseExisting) == "true":
		s, err = existing(os.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	case assets != "":
		s, err = startEnvtest(assets)
	default:
		s, err = startDevcluster(ctx, newOptions(with))
	}
	if err != nil {
		return nil, err
	}
	if s.Config, err = clientcmd.BuildConfigFromFlags("", s.Kubeconfig); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the API server's kubeconfig: %w", err), s.Stop())
	}
	s.Config.QPS, s.Config.Burst = qps, burst
	return s, nil
}
