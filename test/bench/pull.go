// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// turnBytes is about how much each contender sends in one turn.
const turnBytes = 4 << 30

// measurePull pulls the large blob over 1, 4 and 16 connections, and the whole
// set over 8.
func (b *bench) measurePull(ctx context.Context) error {
	scale := max(b.mib<<20, 1) // a small set is pulled less often, too
	times := func(size int64) int { return max(1, int(min(turnBytes, 4*scale)/size)) }
	for _, connections := range []int{1, 4, 16} {
		j := job{Connections: connections, Paths: []string{b.set.large.path}, Times: times(b.set.large.size)}
		if err := b.pull(ctx, fmt.Sprintf("blob of %d MiB, %d connections", b.set.large.size>>20, connections), j); err != nil {
			return err
		}
	}
	j := job{Connections: 8, Paths: b.set.blobPaths(), Times: times(b.set.bytes())}
	if err := b.pull(ctx, fmt.Sprintf("set of %d blobs, %d MiB, 8 connections", len(b.set.blobs), b.set.bytes()>>20), j); err != nil {
		return err
	}
	for _, c := range b.contenders {
		peak, _, err := c.memory()
		if err != nil {
			return err
		}
		b.results.add(metric{"peak memory after pulls", "MiB", lower}, c.name, peak)
	}
	return nil
}

// pull measures one job.
func (b *bench) pull(ctx context.Context, name string, j job) error {
	return b.turns(name, func(c *contender) error {
		j.Address = c.address
		before, err := c.cpu()
		if err != nil {
			return err
		}
		got, err := load(ctx, j)
		if err != nil {
			return err
		}
		after, err := c.cpu()
		if err != nil {
			return err
		}
		gib := float64(got.Bytes) / (1 << 30)
		b.results.add(metric{name, "GiB/s", higher}, c.name, gib/got.Seconds)
		b.results.add(metric{name, "CPU-s/GiB", lower}, c.name, (after-before).Seconds()/gib)
		return nil
	})
}

// requestsPattern and errorsPattern read what wrk prints.
var (
	requestsPattern = regexp.MustCompile(`(?m)^ *(\d+) requests in (.*),`)
	ratePattern     = regexp.MustCompile(`(?m)^Requests/sec: *([0-9.]+)$`)
	errorsPattern   = regexp.MustCompile(`(?m)^ *(Socket errors|Non-2xx).*$`)
)

// measureManifests has wrk ask for a manifest by its tag.
func (b *bench) measureManifests(ctx context.Context) error {
	const name = "manifests by tag, 32 connections"
	return b.turns(name, func(c *contender) error {
		before, err := c.cpu()
		if err != nil {
			return err
		}
		duration := time.Duration(b.seconds) * time.Second
		out, err := exec.CommandContext(ctx, "wrk", "-t2", "-c32", "-d"+duration.String(), "-H", "Accept: "+manifestType, "http://"+c.address+manifestPath(b.set.images[0])).CombinedOutput()
		rate, count := ratePattern.FindSubmatch(out), requestsPattern.FindSubmatch(out)
		if err != nil || rate == nil || count == nil || errorsPattern.Match(out) {
			return fmt.Errorf("wrk: %w\n%s", err, out)
		}
		after, err := c.cpu()
		if err != nil {
			return err
		}
		perSecond, err := strconv.ParseFloat(string(rate[1]), 64)
		if err != nil {
			return err
		}
		requests, err := strconv.ParseFloat(string(count[1]), 64)
		if err != nil {
			return err
		}
		b.results.add(metric{name, "1/s", higher}, c.name, perSecond)
		b.results.add(metric{name, "CPU-µs each", lower}, c.name, (after-before).Seconds()*1e6/requests)
		return nil
	})
}
