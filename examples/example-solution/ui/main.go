// SPDX-License-Identifier: Apache-2.0

// Example-solution-ui is the UI of the example Solution: one page, with the
// configuration that the cluster mounts beside it.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/metalk8s/kubectl-solution/examples/example-solution/internal/web"
)

// version is set by the linker (-X main.version).
var version = "dev"

//go:embed index.html
var indexHTML string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "example-solution-ui:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("example-solution-ui", flag.ContinueOnError)
	listen := fs.String("listen", ":80", "address to answer on")
	configDir := fs.String("config-dir", "/etc/example-solution/ui", "folder that holds config.json and theme.json")
	if err := fs.Parse(args); err != nil {
		return err
	}
	h, err := handler("Example Solution", version, *configDir)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("version", version)
	return web.Serve(ctx, *listen, h, web.Linger, log)
}

// handler serves the page on / and the two files of configDir. They are read at
// each request, since a mounted ConfigMap changes under a running pod.
func handler(title, version, configDir string) (http.Handler, error) {
	page, err := render(title, version)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page) // the client may be gone: nothing to do about it
	})
	for _, name := range []string{"config.json", "theme.json"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFile(w, r, filepath.Join(configDir, name))
		})
	}
	return mux, nil
}

func render(title, version string) ([]byte, error) {
	t, err := template.New("index.html").Parse(indexHTML)
	if err != nil {
		return nil, fmt.Errorf("parsing the page: %w", err)
	}
	var page bytes.Buffer
	if err := t.Execute(&page, map[string]string{"Title": title, "Version": version}); err != nil {
		return nil, fmt.Errorf("rendering the page: %w", err)
	}
	return page.Bytes(), nil
}
