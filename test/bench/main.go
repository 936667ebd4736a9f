// SPDX-License-Identifier: Apache-2.0

// Bench measures solution-bootstrap serve against Debian's nginx and
// docker-registry: real programs, on the same files, with a load generator in a
// process of its own. What it measures is taken in rounds in which the
// contenders take turns, since ratios within a round are what a busy machine
// leaves comparable; the table has medians.
//
// `make bench` runs it. It takes some 6 GiB below -dir.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// options are what a run is to do.
type options struct {
	helper   string // solution-bootstrap
	also     string // another build of it, "" for none
	dir      string
	mib      int64
	rounds   int
	seconds  int
	archives int
	only     string
}

func (o *options) wants(part string) bool {
	return o.only == "" || strings.Contains(","+o.only+",", ","+part+",")
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == clientArgument {
		exit(runClient(os.Stdin, os.Stdout))
	}
	var o options
	flag.StringVar(&o.helper, "helper", "bin/solution-bootstrap", "the solution-bootstrap to measure")
	flag.StringVar(&o.also, "also", "", "another build of it, to be measured in the same rounds")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where to put archives and what docker-registry stores")
	flag.Int64Var(&o.mib, "mib", 1024, "size of the images in MiB, about")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each contender has its turn")
	flag.IntVar(&o.seconds, "seconds", 3, "how long manifests are asked for in each turn")
	flag.IntVar(&o.archives, "archives", 20, "archives of 10,000 files that are served when memory is measured")
	flag.StringVar(&o.only, "only", "", "what to measure, of import, pull, manifests and memory, with commas; all by default")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, o, os.Stdout))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run measures all that is wanted, and prints it.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "registry-bench.")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, dir: dir, results: newResults()}
	defer b.stopAll()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"import", b.measureImport}, {"pull", b.measurePull}, {"manifests", b.measureManifests}, {"memory", b.measureMemory},
	} {
		if !o.wants(part.name) {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	b.results.print(out, b.names())
	return nil
}
