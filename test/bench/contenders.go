// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// startNginx starts nginx as a good administrator would set it up for static
// files: sendfile, a process for each core, open files kept, no access log.
func startNginx(ctx context.Context, dir string, set *imageSet) (*contender, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	var locations strings.Builder
	for _, image := range set.images {
		fmt.Fprintf(&locations, "location = %s { alias %s/images/%s/1/manifest.json; default_type %s; }\n",
			manifestPath(image), set.dir, image, manifestType)
	}
	for _, b := range set.blobs {
		fmt.Fprintf(&locations, "location = %s { alias %s; }\n", b.path, b.file)
	}
	text := `daemon off; pid ` + dir + `/pid; error_log stderr; worker_processes auto;
` + userDirective() + `
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  open_file_cache max=10000 inactive=10m; open_file_cache_valid 1m;
  default_type application/octet-stream;
  client_body_temp_path ` + dir + `/body; proxy_temp_path ` + dir + `/proxy; fastcgi_temp_path ` + dir + `/fastcgi;
  uwsgi_temp_path ` + dir + `/uwsgi; scgi_temp_path ` + dir + `/scgi;
  server {
    listen ` + address + `;
` + locations.String() + `
  }
}
`
	config := filepath.Join(dir, "nginx.conf")
	if err := write(config, text); err != nil {
		return nil, err
	}
	s, err := start(ctx, filepath.Join(dir, "log"), "nginx", "-e", "stderr", "-c", config)
	if err != nil {
		return nil, err
	}
	return &contender{nginx, address, s}, s.answers(ctx, address, manifestPath(set.images[0]))
}

// userDirective has the workers be who started them, where that can be chosen.
func userDirective() string {
	if os.Getuid() == 0 {
		return "user root;"
	}
	return ""
}

// startRegistry starts an empty docker-registry.
func startRegistry(ctx context.Context, dir string) (*contender, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "config.yml")
	if err := write(config, `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: `+dir+`/data}, cache: {blobdescriptor: inmemory}}
http: {addr: "`+address+`"}
`); err != nil {
		return nil, err
	}
	s, err := start(ctx, filepath.Join(dir, "log"), "docker-registry", "serve", config)
	if err != nil {
		return nil, err
	}
	return &contender{registry, address, s}, s.answers(ctx, address, "/v2/")
}

// helperConfig is the helper's configuration, in its folder.
const helperConfig = "solution-bootstrap.yaml"

// startHelper starts solution-bootstrap serve with these archives imported.
func startHelper(ctx context.Context, name, program, dir string, archives ...string) (*contender, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, helperConfig)
	text := "apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives:\n"
	if len(archives) == 0 {
		text = strings.TrimSuffix(text, "archives:\n")
	}
	for _, archive := range archives {
		text += "- " + archive + "\n"
	}
	if err := errors.Join(write(config, "root: "+dir+"\nregistry: {listen: ['"+address+"']}\n"),
		write(filepath.Join(dir, "etc", "metalk8s", "solutions.yaml"), text)); err != nil {
		return nil, err
	}
	s, err := start(ctx, filepath.Join(dir, "log"), program, "serve", "--config", config)
	if err != nil {
		return nil, err
	}
	return &contender{name, address, s}, s.answers(ctx, address, "/readyz")
}

// freeAddress is one on which nothing listens.
func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
