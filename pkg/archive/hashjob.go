// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

// hashJob is a run of bytes to hash, and the files that are those bytes.
type hashJob struct {
	// offset is where the bytes lie in the ISO image, 0 where that is unknown.
	offset int64
	size   int64
	files  []vouchedFile

	// The outcome.
	hex string
	err error
}

// planHashes makes one job of the files that share their bytes, in the order
// in which these lie in the image.
func planHashes(files []vouchedFile) []hashJob {
	var jobs []hashJob
	known := map[string]int{}
	for _, file := range files {
		key, offset := place(file)
		i, found := known[key]
		if !found {
			i = len(jobs)
			known[key] = i
			jobs = append(jobs, hashJob{offset: offset, size: file.info.Size()})
		}
		jobs[i].files = append(jobs[i].files, file)
	}
	slices.SortStableFunc(jobs, func(a, b hashJob) int { return cmp.Compare(a.offset, b.offset) })
	return jobs
}

// place returns a key that files have in common exactly where they share their
// bytes, as far as the file system tells, and where the bytes begin.
func place(file vouchedFile) (key string, offset int64) {
	extents, _ := file.info.Sys().(*iso9660.Extents)
	if extents == nil || len(*extents) == 0 {
		return file.path, 0
	}
	return fmt.Sprint(*extents), (*extents)[0].Offset
}

// judge reports the files whose digest is not the one stated, with the first
// path of those that state the same.
func (j *hashJob) judge(c *collector) {
	if j.err != nil {
		c.errorf(StageImport, RuleUnreadable, j.files[0].path, "%v", j.err)
		return
	}
	byDigest := map[string][]string{}
	for _, file := range j.files {
		if file.hex != j.hex {
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
			Message: fmt.Sprintf("damaged: the bytes have digest sha256:%s, and its image says sha256:%s%s", j.hex, stated, also),
			Hint:    "copy the archive again, and compare its checksum with the one that its maker publishes",
		})
	}
}
