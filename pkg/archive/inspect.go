// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

// Where things are in an archive.
const (
	manifestPath = "manifest.yaml"
	imagesPath   = "images"
	rolePath     = "operator/deploy/role.yaml"
	crdsPath     = "operator/deploy/crds"
)

// metadataBytes bounds what one inspection reads into memory in total, one file
// after the other: hard links could make a short archive a long one.
const metadataBytes = 128 << 20

// Inspect reads the archive's structure: its manifest, images, roles and CRDs.
// Of blobs it checks that they are there and as long as they should be, not
// what is in them. The content is nil where the manifest cannot be used, and
// else what could be read, whatever the findings.
func (a *Archive) Inspect() (*v1alpha1.Content, Report) {
	in := inspect(a.fsys, false)
	return in.content, in.report(a.path)
}

// inspector carries what one inspection finds.
type inspector struct {
	collector
	fsys fs.FS
	// left is how much of metadataBytes is left.
	left        int64
	directories int
	content     *v1alpha1.Content
	// images are those that the archive holds.
	images map[v1alpha1.ImageName]v1alpha1.Image
	// vouched are the files whose digest an image or their name states. They
	// are noted for Verify only, since they take 2 MiB for 10,000 files.
	vouched    []vouchedFile
	forDigests bool
}

// vouchedFile is a file that should have a digest.
type vouchedFile struct {
	path string
	// hex is the digest without "sha256:".
	hex  string
	size int64
	// extents are where the bytes lie in the ISO image, nil where that is
	// unknown.
	extents iso9660.Extents
}

func inspect(fsys fs.FS, forDigests bool) *inspector {
	in := &inspector{fsys: fsys, left: metadataBytes, forDigests: forDigests, images: map[v1alpha1.ImageName]v1alpha1.Image{}}
	solution := in.solution()
	in.scanImages()
	roles, crds := in.roles(), in.crds()
	in.checkRights(roles, v1alpha1.OwnGroups(crds))
	if solution == nil {
		return in
	}
	in.checkReserved(solution.Name, roles)
	in.content = in.fill(solution)
	in.content.Roles, in.content.CRDs = roles, crds
	return in
}

var errBudget = errors.New("read no more")

// read reads a file and takes it off the budget. Only an error for a file that
// is absent, fs.ErrNotExist, or bad is the caller's to report, see readable.
func (in *inspector) read(path string) ([]byte, error) {
	if in.left <= 0 {
		return nil, errBudget
	}
	data, err := readFile(in.fsys, path)
	if in.left -= int64(len(data)); in.left <= 0 {
		in.errorf(StageImport, RuleLimit, "", "manifests, roles and CRDs are longer than %d MiB together; the rest is not read", metadataBytes>>20)
	}
	return data, err
}

// readable reports a file that cannot be read; one that is absent is no
// fault here.
func (in *inspector) readable(path string, err error) bool {
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errBudget) {
		in.errorf(StageImport, RuleUnreadable, path, "%v", err)
	}
	return err == nil
}

// list returns the entries of a directory, and reports one that cannot be
// read.
func (in *inspector) list(path string) ([]fs.DirEntry, bool) {
	entries, err := fs.ReadDir(in.fsys, path)
	err = cause(err)
	return entries, in.readable(path, err)
}

// solution reads manifest.yaml, and returns nil where it cannot be used.
func (in *inspector) solution() *v1alpha1.Solution {
	data, err := in.read(manifestPath)
	if errors.Is(err, fs.ErrNotExist) {
		in.add(Finding{
			Severity: Error, Rule: RuleManifestMissing, Path: manifestPath, Blocks: StageImport,
			Message: "the archive has no such file, and so is no Solution",
			Hint:    "a Solution archive has manifest.yaml in its root directory",
		})
		return nil
	}
	if !in.readable(manifestPath, err) {
		return nil
	}
	solution, rule, err := decodeManifest(data)
	if err != nil {
		in.errorf(StageImport, rule, manifestPath, "%v", err)
		return nil
	}
	in.checkNames(solution)
	return solution
}

// decodeManifest returns the rule that an error breaks.
func decodeManifest(data []byte) (*v1alpha1.Solution, string, error) {
	if len(data) <= v1alpha1.MaxManifestBytes {
		if err := checkAliases(data); err != nil {
			return nil, RuleManifestYAML, fmt.Errorf("%w: %w", v1alpha1.ErrNoYAML, err)
		}
	}
	solution, err := v1alpha1.DecodeSolution(data)
	if err == nil {
		return solution, "", nil
	}
	documents, yamlErr := DecodeDocuments(data)
	switch {
	case errors.Is(err, v1alpha1.ErrNoYAML) || yamlErr != nil || len(documents) != 1:
		return nil, RuleManifestYAML, err
	case documents[0]["kind"] != v1alpha1.KindSolution || documents[0]["apiVersion"] != v1alpha1.APIVersion:
		return nil, RuleManifestType, err
	}
	return nil, RuleManifestFields, err
}
