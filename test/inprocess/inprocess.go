// SPDX-License-Identifier: Apache-2.0

// Package inprocess runs operations of package action in a test's own process: against a real API server, and with a
// bootstrap node that is a folder, whose helper answers in the process too.
package inprocess

import (
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
)

// Cluster returns a cluster as a client with this name sees it: the audit log of the API server tells its requests by it
// from those of others.
func Cluster(tb testing.TB, config *rest.Config, agent string) *action.Cluster {
	tb.Helper()
	// What they log of requests that are given up, errors say too.
	klog.SetLogger(logr.Discard())
	log.SetLogger(logr.Discard())
	config = rest.CopyConfig(config)
	config.UserAgent = agent
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := cluster.NewClient(config, restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(d)))
	if err != nil {
		tb.Fatal(err)
	}
	config.GroupVersion = &schema.GroupVersion{}
	config.NegotiatedSerializer = resource.UnstructuredPlusDefaultContentConfig().NegotiatedSerializer
	raw, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		tb.Fatal(err)
	}
	return action.NewCluster(c, raw)
}
