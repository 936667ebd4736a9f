// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// An archive whose memory is measured has 10,000 files in its images: 500 of
// 20 files each.
const (
	manyImages = 500
	manyLayers = 17 // and a config, manifest.json and version
)

// measureMemory starts serve with many archives of many files: such that were
// imported, and such that it has to check first.
func (b *bench) measureMemory(ctx context.Context) error {
	archives, err := b.makeMany(ctx)
	if err != nil {
		return err
	}
	for round := range b.rounds {
		for _, imported := range []bool{true, false} {
			dir := filepath.Join(b.dir, fmt.Sprintf("many-%d-%t", round, imported))
			name := fmt.Sprintf("%d archives of 10,000 files", b.archives)
			if imported {
				if err := b.importMany(ctx, dir, archives); err != nil {
					return err
				}
			} else {
				name += " to be checked"
			}
			progress("%s, round %d of %d", name, round+1, b.rounds)
			if err := b.openMany(ctx, name, dir, archives); err != nil {
				return err
			}
		}
	}
	return nil
}

// importMany imports archives into a folder that has no configuration yet.
func (b *bench) importMany(ctx context.Context, dir string, archives []string) error {
	if err := write(filepath.Join(dir, helperConfig), "root: "+dir+"\n"); err != nil {
		return err
	}
	_, err := importArchives(ctx, b.helper, dir, archives...)
	return err
}

func (b *bench) openMany(ctx context.Context, name, dir string, archives []string) error {
	start := time.Now()
	c, err := startHelper(ctx, ours, b.helper, dir, archives...)
	if c != nil {
		defer c.stop()
	}
	if err != nil {
		return err
	}
	b.results.add(metric{name + ", opened", "s", lower}, ours, time.Since(start).Seconds())
	peak, now, err := c.memory()
	if err != nil {
		return err
	}
	b.results.add(metric{name + ", peak while opening", "MiB", lower}, ours, peak)
	b.results.add(metric{name + ", afterwards", "MiB", lower}, ours, now)
	// Every manifest once, over 8 connections.
	var paths []string
	for i := range manyImages {
		paths = append(paths, fmt.Sprintf("/v2/bench-2.0.%02d/many-%d/manifests/1", i%len(archives), i))
	}
	if _, err := load(ctx, job{Address: c.address, Connections: 8, Paths: paths, Times: 20}); err != nil {
		return err
	}
	peak, _, err = c.memory()
	if err != nil {
		return err
	}
	b.results.add(metric{name + ", peak after 10,000 manifests", "MiB", lower}, ours, peak)
	return nil
}

// makeMany packs one archive, and copies it with other versions in its
// manifest.
func (b *bench) makeMany(ctx context.Context) ([]string, error) {
	progress("making %d archives of 10,000 files", b.archives)
	const version = "2.0.00"
	tree := filepath.Join(b.dir, "many")
	set := &imageSet{dir: tree}
	if err := write(filepath.Join(tree, "manifest.yaml"), solutionManifest(version)); err != nil {
		return nil, err
	}
	for i := range manyImages {
		if err := set.addImage(fmt.Sprint("many-", i), slices.Repeat([]int64{64}, manyLayers)); err != nil {
			return nil, err
		}
	}
	first := filepath.Join(b.dir, "many-0.iso")
	if err := pack(ctx, first, tree); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(first)
	if err != nil {
		return nil, err
	}
	archives := []string{first}
	for i := 1; i < b.archives; i++ {
		path := filepath.Join(b.dir, fmt.Sprintf("many-%d.iso", i))
		other := bytes.Replace(data, []byte("version: "+version), fmt.Appendf(nil, "version: 2.0.%02d", i), 1)
		if err := os.WriteFile(path, other, 0o600); err != nil {
			return nil, err
		}
		archives = append(archives, path)
	}
	return archives, os.RemoveAll(tree)
}
