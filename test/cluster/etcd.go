// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

// walSegmentBytes is small because etcd writes out two whole segments before it is ready, 64 MB each by default.
const walSegmentBytes = 4 << 20

// startEtcd starts etcd in DIR/etcd and waits until it serves.
func startEtcd(ctx context.Context, o *options) (*embed.Etcd, error) {
	wal.SegmentSizeBytes = walSegmentBytes
	c := embed.NewConfig()
	c.Dir = filepath.Join(o.dir, "etcd")
	c.LogLevel, c.LogOutputs = "error", []string{logFile(o.dir)}
	c.UnsafeNoFsync = !o.fsync
	client, peer := loopbackURL(o.ports.Etcd), loopbackURL(0) // a single member talks to no peer
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	e, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("starting etcd: %w", err)
	}
	select {
	case <-e.Server.ReadyNotify():
		return e, nil
	case err = <-e.Err():
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	stopEtcd(e)
	return nil, fmt.Errorf("starting etcd: %w", err)
}

// stopEtcd writes everything out. Etcd.Close would first wait some seven seconds for clients to hang up, which here are
// in the same process and never do.
func stopEtcd(e *embed.Etcd) { e.Server.Stop() }

func loopbackURL(port int) url.URL {
	return url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
}
