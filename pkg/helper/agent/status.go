// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"os"
	"sync"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// status answers a StatusRequest. What cannot be found out is told in it.
func (a *Agent) status(ctx context.Context) *protocol.Status {
	registry := a.Configuration.Registry
	s := &protocol.Status{
		Version: a.Version, Protocol: protocol.Version,
		ConfigurationPath: a.ConfigurationPath, Configuration: a.Configuration,
		SolutionsPath: a.Configuration.SolutionsFile().Path,
		Registry:      make([]protocol.RegistryStatus, len(registry.Listen)),
	}
	if _, err := os.Stat(a.ConfigurationPath); err != nil {
		s.ConfigurationPath = ""
	}
	var probes sync.WaitGroup
	for i, address := range registry.Listen {
		probes.Go(func() { s.Registry[i] = probe(ctx, registry, address) })
	}
	if doc, err := a.Configuration.SolutionsFile().Read(); err != nil {
		s.Error = err.Error()
	} else {
		state := a.inventory(doc).state()
		s.State = &state
	}
	probes.Wait()
	return s
}
