// SPDX-License-Identifier: Apache-2.0

// Imagebuild makes a container image FROM scratch out of files on disk, without
// a container engine, and writes it in the `dir:` layout of skopeo that Solution
// archives hold:
//
//	imagebuild --dest images/example-app/1.0.0 --entrypoint /bin/example-app \
//	    [--format docker|oci] [--platform linux/amd64]... [--user 65532] FILE=PATH...
//
// FILE is where the file goes in the image, PATH where it comes from. With more
// than one --platform the result is an index, and each PATH must hold {arch},
// which becomes the architecture's name. The same files give the same digests.
//
// On stdout: one line for each manifest written, with its file, its digest and
// its media type, separated by spaces.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "imagebuild:", err)
		os.Exit(1)
	}
}

// run builds the image that args describe and lists its manifests on stdout.
func run(args []string, stdout, stderr io.Writer) error {
	dest, s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	written, err := build(dest, s)
	if err != nil {
		return fmt.Errorf("building %s: %w", dest, err)
	}
	for _, m := range written {
		fmt.Fprintln(stdout, m.path, m.digest, m.mediaType)
	}
	return nil
}

func build(dest string, s spec) ([]manifestFile, error) {
	if len(s.platforms) > 1 {
		idx, err := buildIndex(s)
		if err != nil {
			return nil, err
		}
		return writeDir(dest, func(d *dirWriter) error { return d.index(idx) })
	}
	img, err := buildImage(s, s.platforms[0])
	if err != nil {
		return nil, err
	}
	return writeDir(dest, func(d *dirWriter) error { return d.image(img, "manifest.json") })
}

// parse turns the command line into a destination folder and a checked spec.
func parse(args []string, stderr io.Writer) (string, spec, error) {
	var dest string
	s := spec{}
	fs := flag.NewFlagSet("imagebuild", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&dest, "dest", "", "folder to write; it must not exist, or be empty (required)")
	fs.StringVar(&s.entrypoint, "entrypoint", "", "program that the image starts (required)")
	fs.StringVar(&s.format, "format", formatDocker, "docker (schema 2) or oci")
	fs.StringVar(&s.user, "user", "", "user, or user:group, that it runs as, in numbers (default root)")
	fs.Func("platform", "os/arch[/variant]; repeat for an index (default linux/"+runtime.GOARCH+")", func(v string) error {
		p, err := v1.ParsePlatform(v)
		if err != nil {
			return err
		}
		if p.OS == "" || p.Architecture == "" {
			return errors.New("want os/arch")
		}
		s.platforms = append(s.platforms, *p)
		return nil
	})
	if err := fs.Parse(args); err != nil {
		return "", spec{}, err
	}
	if len(s.platforms) == 0 {
		s.platforms = []v1.Platform{{OS: "linux", Architecture: runtime.GOARCH}}
	}
	if dest == "" {
		return "", spec{}, errors.New("--dest is missing")
	}
	var err error
	if s.files, err = parseFiles(fs.Args()); err != nil {
		return "", spec{}, err
	}
	return dest, s, s.validate()
}

// parseFiles reads the FILE=PATH arguments, and refuses a FILE that is not a
// clean absolute path or is given twice.
func parseFiles(args []string) ([]file, error) {
	seen := map[string]bool{}
	files := make([]file, 0, len(args))
	for _, arg := range args {
		name, source, ok := strings.Cut(arg, "=")
		if !ok || source == "" {
			return nil, fmt.Errorf("argument %q: want FILE=PATH", arg)
		}
		if !path.IsAbs(name) || path.Clean(name) != name || name == "/" {
			return nil, fmt.Errorf("argument %q: %q is no clean absolute path of a file", arg, name)
		}
		if seen[name] {
			return nil, fmt.Errorf("argument %q: %s is given twice", arg, name)
		}
		seen[name] = true
		files = append(files, file{name: name, source: source})
	}
	return files, nil
}
