// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// Bounds of the tree below images/. Links can make a short tree endless.
const (
	maxDirectories = 20000
	maxDepth       = 16
)

// Files of the dir: layout that hold no blob: containers/image, directory
// transport.
const (
	imageManifest = "manifest.json"
	imageVersion  = "version"
	childSuffix   = ".manifest.json"
	signature     = "signature-"
)

var versionFilePattern = regexp.MustCompile(`^Directory Transport Version: 1\.[0-9]+\n$`)

// scanImages finds all images.
func (in *inspector) scanImages() {
	info, err := fs.Stat(in.fsys, imagesPath)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir():
		in.add(Finding{
			Severity: Error, Rule: RuleImagesMissing, Path: imagesPath, Blocks: StageImport,
			Message: "the archive has no such directory",
			Hint:    "images are in images/<name>/<tag>/, as `skopeo copy … dir:` writes them",
		})
	case in.readable(imagesPath, cause(err)):
		in.scanDirectory(imagesPath, 0)
	}
}

// scanDirectory looks at a directory and those below it, at depth below
// images/.
func (in *inspector) scanDirectory(dir string, depth int) {
	if in.directories++; in.directories > maxDirectories {
		if in.directories == maxDirectories+1 {
			in.errorf(StageImport, RuleLimit, imagesPath, "holds more than %d directories; the rest is not read", maxDirectories)
		}
		return
	}
	if depth > maxDepth {
		in.errorf(StageImport, RuleLimit, dir, "is more than %d directories deep", maxDepth)
		return
	}
	entries, ok := in.list(dir)
	if !ok {
		return
	}
	files := map[string]fs.FileInfo{}
	var below []string
	for _, entry := range entries {
		info := in.info(dir, entry)
		switch {
		case info == nil:
		case info.IsDir():
			below = append(below, dir+"/"+entry.Name())
		default:
			files[entry.Name()] = info
		}
	}
	in.scanFiles(dir, depth, files, len(below) == 0)
	for _, name := range below {
		in.scanDirectory(name, depth+1)
	}
}

// info follows links; it returns nil for one that leads nowhere, which is as
// good as absent.
func (in *inspector) info(dir string, entry fs.DirEntry) fs.FileInfo {
	if entry.Type()&fs.ModeSymlink == 0 {
		if info, err := entry.Info(); err == nil {
			return info
		}
		return nil
	}
	info, err := fs.Stat(in.fsys, dir+"/"+entry.Name())
	if err != nil {
		return nil
	}
	return info
}

// scanFiles looks at the files of one directory, an image's where they include
// a manifest. A leaf has no directories in it.
func (in *inspector) scanFiles(dir string, depth int, files map[string]fs.FileInfo, leaf bool) {
	_, isImage := files[imageManifest]
	switch {
	case isImage && depth > 0:
		in.scanImage(dir, files)
	case leaf && depth > 0:
		in.add(Finding{
			Severity: Error, Rule: RuleImageManifest, Path: dir, Blocks: StageImport,
			Message: "holds no " + imageManifest,
			Hint:    "an image is in images/<name>/<tag>/",
		})
	case len(files) > 0:
		in.warnUnreferenced(dir, files)
	}
}

// scanImage looks at one image.
func (in *inspector) scanImage(dir string, files map[string]fs.FileInfo) {
	name, tag := path.Split(strings.TrimPrefix(dir, imagesPath+"/"))
	image := v1alpha1.ImageName{Name: strings.TrimSuffix(name, "/"), Tag: tag}
	if err := image.Validate(); err != nil {
		in.errorf(StageImport, RuleImageName, dir, "%v", err)
		return
	}
	if image.Name != strings.ToLower(image.Name) {
		in.warnf(RuleImageName, dir, "the name has upper-case letters, so nodes cannot pull the image")
	}
	in.checkVersion(dir, files)
	s := imageScan{inspector: in, dir: dir, files: files, used: map[string]bool{}}
	held, ok := s.image(image)
	s.vouchNamed()
	if ok {
		in.images[image] = held
	}
	if ok && !s.opaque {
		delete(files, imageManifest)
		delete(files, imageVersion)
		for name := range s.used {
			delete(files, name)
		}
		in.warnUnreferenced(dir, files)
	}
}

func (in *inspector) checkVersion(dir string, files map[string]fs.FileInfo) {
	file := dir + "/" + imageVersion
	if _, found := files[imageVersion]; !found {
		in.warnf(RuleImageVersion, dir, "holds no file %s, so tools that read the dir: layout refuse it", imageVersion)
		return
	}
	data, err := in.read(file)
	if in.readable(file, err) && !versionFilePattern.Match(data) {
		in.warnf(RuleImageVersion, file, "is %.60q, and should be %q", data, "Directory Transport Version: 1.1\n")
	}
}

// maxNamed bounds how many files one warning names.
const maxNamed = 3

// warnUnreferenced tells of files that nothing leads to.
func (in *inspector) warnUnreferenced(dir string, files map[string]fs.FileInfo) {
	var names []string
	var size int64
	for name, info := range files {
		// skopeo stores signatures beside the manifest that does not name them.
		if !strings.HasPrefix(name, signature) {
			names = append(names, name)
			size += info.Size()
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	more := ""
	if len(names) > maxNamed {
		more = ", …"
	}
	in.warnf(RuleUnreferenced, dir, "holds files that no image leads to, %d of %d bytes: %s%s",
		len(names), size, strings.Join(names[:min(maxNamed, len(names))], ", "), more)
}
