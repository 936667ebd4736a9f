// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startError is a start that fails: in a folder with these files, under this environment.
type startError struct {
	name  string
	files map[string]string
	env   map[string]string
	none  bool
	want  []string
}

func startErrors() []startError {
	script := func(body string) map[string]string {
		return map[string]string{"go.mod": "module m\n", "bin/devcluster": "#!/bin/sh\n" + body}
	}
	return []startError{
		{"no checkout", nil, nil, true, []string{"no go.mod"}},
		{"nothing built", map[string]string{"go.mod": "module m\n"}, nil, true, []string{"bin/devcluster"}},
		{"no etcd", nil, map[string]string{EnvAssets: "/nowhere"}, true, []string{EnvAssets, "/nowhere/etcd"}},
		{"no cluster named", nil, map[string]string{EnvUseExisting: "true", "KUBECONFIG": ""}, false, []string{"KUBECONFIG"}},
		{
			"no such kubeconfig", nil,
			map[string]string{EnvUseExisting: "true", "KUBECONFIG": "/nowhere/config"},
			false,
			[]string{"KUBECONFIG", "/nowhere/config"},
		},
		{
			"ends at once", script("mkdir $3; echo deep >$3/devcluster.log; echo why >&2; exit 3\n"), nil,
			false,
			[]string{"bin/devcluster", "ended before", "exit status 3", "why", "deep"},
		},
		{"never ready", script("echo step one >&2; cat\n"), nil, false, []string{"in time", "step one"}},
		{
			"unreadable kubeconfig", script("mkdir $3; echo '}' >$3/admin.kubeconfig; cat\n"), nil,
			false,
			[]string{"kubeconfig"},
		},
	}
}

func TestStartErrors(t *testing.T) {
	for _, tt := range startErrors() {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(folder(t, tt.files))
			t.Setenv("TMPDIR", t.TempDir())
			t.Setenv(EnvUseExisting, "")
			t.Setenv(EnvAssets, "")
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("not ready in time"))
			defer cancel()
			s, err := Start(ctx)
			if err == nil {
				t.Fatalf("started %+v", s)
			}
			if errors.Is(err, ErrNone) != tt.none {
				t.Errorf("is ErrNone: %v, want %v: %v", !tt.none, tt.none, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %q", err, want)
				}
			}
			checkNothingLeft(t)
		})
	}
}

// folder makes a folder with executable files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
