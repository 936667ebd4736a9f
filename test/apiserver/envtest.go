// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// envtestTimeout is for each of the two binaries to start, and to stop; envtest's own 20 s are short on a machine that
// is compiling at the same time.
const envtestTimeout = time.Minute

// startEnvtest starts etcd and kube-apiserver of a folder.
func startEnvtest(assets string) (*Server, error) {
	for _, name := range []string{"etcd", "kube-apiserver"} {
		if _, err := os.Stat(filepath.Join(assets, name)); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrNone, EnvAssets, err)
		}
	}
	no := false
	env := &envtest.Environment{
		BinaryAssetsDirectory:    assets,
		UseExistingCluster:       &no,
		ControlPlaneStartTimeout: envtestTimeout,
		ControlPlaneStopTimeout:  envtestTimeout,
	}
	if _, err := env.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the API server of %s: %w", assets, err), env.Stop())
	}
	dir, err := os.MkdirTemp("", "apiserver-")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a folder for the kubeconfig: %w", err), env.Stop())
	}
	s := &Server{Kubeconfig: filepath.Join(dir, "admin.kubeconfig")}
	s.stop = func() error { return errors.Join(env.Stop(), os.RemoveAll(dir)) }
	if err := os.WriteFile(s.Kubeconfig, env.KubeConfig, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the kubeconfig: %w", err), s.Stop())
	}
	if kubectl := filepath.Join(assets, "kubectl"); executable(kubectl) {
		s.Kubectl = kubectl
	}
	return s, nil
}

func executable(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
