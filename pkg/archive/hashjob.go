// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

// hashJob is a run of bytes to hash, and the files that are those bytes.
type hashJob struct {
	size  int64
	files []vouchedFile

	// The outcome.
	sum [sha256.Size]byte
	err error
}

// planHashes makes one job of the files that share their bytes, in the order
// in which these lie in the image. It sorts files, and the jobs have parts of it.
func planHashes(files []vouchedFile) []hashJob {
	slices.SortStableFunc(files, func(a, b vouchedFile) int { return compareExtents(a.extents, b.extents) })
	var jobs []hashJob
	for len(files) > 0 {
		n := 1
		for n < len(files) && len(files[0].extents) > 0 && slices.Equal(files[n].extents, files[0].extents) {
			n++
		}
		jobs = append(jobs, hashJob{size: files[0].size, files: files[:n]})
		files = files[n:]
	}
	return jobs
}

func compareExtents(a, b iso9660.Extents) int {
	return slices.CompareFunc(a, b, func(a, b iso9660.Extent) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Length, b.Length))
	})
}

// judge reports the files whose digest is not the one stated, with the first
// path of those that state the same.
func (j *hashJob) judge(c *collector) {
	if j.err != nil {
		c.errorf(StageImport, RuleUnreadable, j.files[0].path, "%v", j.err)
		return
	}
	got := hex.EncodeToString(j.sum[:])
	byDigest := map[string][]string{}
	for _, file := range j.files {
		if file.hex != got {
			byDigest[file.hex] = append(byDigest[file.hex], file.path)
		}
	}
	for _, stated := range slices.Sorted(maps.Keys(byDigest)) {
		paths, also := byDigest[stated], ""
		if n := len(paths) - 1; n > 0 {
			also = fmt.Sprintf(" (so for %d more files that share these bytes)", n)
		}
		c.add(Finding{
			Severity: Error, Rule: RuleBlobDigest, Path: slices.MinFunc(paths, strings.Compare), Blocks: StageImport,
			Message: fmt.Sprintf("damaged: the bytes have digest sha256:%s, and should have sha256:%s%s", got, stated, also),
			Hint:    "copy the archive again, and compare its checksum with the one that its maker publishes",
		})
	}
}
