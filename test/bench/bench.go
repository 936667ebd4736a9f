// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The names of the contenders, as they are in the table.
const (
	ours     = "ours"
	other    = "also"
	nginx    = "nginx"
	registry = "docker-registry"
)

// contender is a server that has all images of the set.
type contender struct {
	name    string
	address string // host:port
	*server
}

// bench is one run.
type bench struct {
	options
	dir        string
	set        *imageSet
	iso        string
	contenders []*contender
	results    *results
}

// prepare makes the images, and starts every contender with them.
func (b *bench) prepare(ctx context.Context) error {
	progress("making images of %d MiB", b.mib)
	var err error
	if b.set, err = makeImages(filepath.Join(b.dir, "tree"), b.mib<<20); err != nil {
		return fmt.Errorf("making images: %w", err)
	}
	b.iso = filepath.Join(b.dir, "solution.iso")
	if err := pack(ctx, b.iso, b.set.dir); err != nil {
		return err
	}
	if !b.wants("pull") && !b.wants("manifests") {
		return nil
	}
	return b.startAll(ctx)
}

// startAll starts every contender, and checks what each serves.
func (b *bench) startAll(ctx context.Context) error {
	helpers := []struct{ name, program string }{{ours, b.helper}}
	if b.also != "" {
		helpers = append(helpers, struct{ name, program string }{other, b.also})
	}
	for _, h := range helpers {
		if err := b.add(startHelper(ctx, h.name, h.program, filepath.Join(b.dir, h.name), b.iso)); err != nil {
			return err
		}
	}
	if err := b.add(startNginx(ctx, filepath.Join(b.dir, nginx), b.set)); err != nil {
		return err
	}
	if err := b.add(startRegistry(ctx, filepath.Join(b.dir, registry))); err != nil {
		return err
	}
	if err := b.set.copyTo(ctx, b.contenders[len(b.contenders)-1].address); err != nil {
		return err
	}
	for _, c := range b.contenders {
		progress("checking every digest that %s serves", c.name)
		got, err := load(ctx, job{Address: c.address, Connections: 2, Paths: b.set.blobPaths(), Times: 1, Verify: true})
		if err != nil || got.Bytes != b.set.bytes() {
			return fmt.Errorf("%s served %d bytes of %d: %w", c.name, got.Bytes, b.set.bytes(), err)
		}
	}
	return nil
}

func (b *bench) add(c *contender, err error) error {
	if c != nil {
		b.contenders = append(b.contenders, c)
	}
	return err
}

// stopAll stops what is still running.
func (b *bench) stopAll() {
	for _, c := range b.contenders {
		c.stop()
	}
}

func (b *bench) names() []string {
	names := []string{ours}
	if b.also != "" {
		names = append(names, other)
	}
	return append(names, nginx, registry)
}

// turns calls measure for each contender in each round. Each round begins with
// another contender.
func (b *bench) turns(what string, measure func(*contender) error) error {
	for round := range b.rounds {
		progress("%s, round %d of %d", what, round+1, b.rounds)
		for i := range b.contenders {
			c := b.contenders[(i+round)%len(b.contenders)]
			if err := measure(c); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	return nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// write writes a file, and the folder that it is in.
func write(path, text string) error {
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
}
