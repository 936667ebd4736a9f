// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"os"
	"os/exec"
)

// existing is the cluster of a kubeconfig. The variable must be set: nobody's tests should run against whatever
// ~/.kube/config happens to point to.
func existing(kubeconfig string) (*Server, error) {
	if kubeconfig == "" {
		return nil, fmt.Errorf("%s=true, but KUBECONFIG does not say which cluster", EnvUseExisting)
	}
	if _, err := os.Stat(kubeconfig); err != nil {
		return nil, fmt.Errorf("%s=true: KUBECONFIG must be one file: %w", EnvUseExisting, err)
	}
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		kubectl = ""
	}
	return &Server{Kubeconfig: kubeconfig, HasControllers: true, Kubectl: kubectl}, nil
}
