// SPDX-License-Identifier: Apache-2.0

package protocol

import "github.com/metalk8s/kubectl-solution/pkg/helper/config"

// StatusRequest asks how the helper and its registry are. It has nothing to
// say.
type StatusRequest struct{}

// Status tells how the helper and its registry are.
type Status struct {
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	// ConfigurationPath is that of the helper's configuration, "" where there
	// is no such file, and everything is as by default.
	ConfigurationPath string               `json:"configurationPath,omitempty"`
	Configuration     config.Configuration `json:"configuration"`
	// SolutionsPath is that of solutions.yaml.
	SolutionsPath string `json:"solutionsPath"`
	// State is what is imported, nil where solutions.yaml cannot be used; Error
	// says why.
	State *NodeState `json:"state,omitempty"`
	Error string     `json:"error,omitempty"`
	// Registry has one for each of Configuration.Registry.Listen, in its order.
	Registry []RegistryStatus `json:"registry"`
}

// RegistryStatus is what is known of one address of the registry.
type RegistryStatus struct {
	// Listen is the address as it is configured.
	Listen string `json:"listen"`
	// Readiness is nil where there was no such answer; Error says why.
	Readiness *Readiness `json:"readiness,omitempty"`
	Error     string     `json:"error,omitempty"`
}

// Readiness is what the registry answers to /readyz.
type Readiness struct {
	// Ready says that all archives of solutions.yaml are served.
	Ready bool `json:"ready"`
	// Archives are those that are served, nil where the registry does not tell:
	// it has users, or wants client certificates, and was not asked on the
	// loopback address.
	Archives []ServedArchive `json:"archives"`
	// Problems say which are not, and what is wrong with solutions.yaml.
	Problems []ServingProblem `json:"problems"`
}

// ServedArchive is an archive whose images can be pulled.
type ServedArchive struct {
	ID   string `json:"id"`
	Path string `json:"path"`
}

// ServingProblem is a file that cannot be served, or used.
type ServingProblem struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}
