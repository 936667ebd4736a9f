// SPDX-License-Identifier: Apache-2.0

// Example-app is the application that the example Solution deploys: it answers
// its version and the name of its pod over HTTP.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/metalk8s/kubectl-solution/examples/example-solution/internal/web"
)

// version is set by the linker (-X main.version).
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "example-app:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("example-app", flag.ContinueOnError)
	listen := fs.String("listen", ":8080", "address to answer on")
	if err := fs.Parse(args); err != nil {
		return err
	}
	hostname, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("asking for the host's name: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("version", version)
	return web.Serve(ctx, *listen, handler(version, hostname), web.Linger, log)
}

// handler answers one line of text to any path.
func handler(version, hostname string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "example-app %s on %s\n", version, hostname)
	})
}
