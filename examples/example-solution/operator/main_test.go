// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunErrors(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(good, []byte(goodConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte(goodConfig+"more: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "") // not in a pod
	for _, tc := range []struct {
		name      string
		args      []string
		namespace string
		want      string
	}{
		{"no namespace", []string{"--config=" + good}, "", "WATCH_NAMESPACE is not set"},
		{"no such config", []string{"--config=" + good + "x"}, "env", good + "x"},
		{"bad config", []string{"--config=" + bad}, "env", "field more not found"},
		{"argument", []string{"--config=" + good, "now"}, "env", `unexpected argument "now"`},
		{"unknown flag", []string{"--nonsense"}, "env", "not defined"},
		{"no cluster", []string{"--config=" + good}, "env", "connecting to the cluster"},
		{"no such kubeconfig", []string{"--config=" + good, "--kubeconfig=" + good + "x"}, "env", "connecting to the cluster"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			getenv := func(name string) string {
				if name == "WATCH_NAMESPACE" {
					return tc.namespace
				}
				return ""
			}
			err := run(t.Context(), tc.args, getenv, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
	if err := run(t.Context(), []string{"--help"}, os.Getenv, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help: error is %v, want %v", err, flag.ErrHelp)
	}
}
