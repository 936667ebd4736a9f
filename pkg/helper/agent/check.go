// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// verifiedArchive is an archive that has passed a full check.
type verifiedArchive struct {
	content  *v1alpha1.Content
	warnings []string
	// state is that of the file that was checked, nil where its blobs were not.
	state *verified.State
}

// verify checks every rule and every blob of an archive.
func (a *Agent) verify(ctx context.Context, path string) (*verifiedArchive, error) {
	opened, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	before, err := verified.StateOf(opened.File())
	if err != nil {
		return nil, err
	}
	report, err := opened.Verify(ctx, archive.VerifyOptions{Progress: a.progress("checking " + path)})
	if err != nil {
		return nil, err
	}
	if err := report.Err(archive.StageImport); err != nil {
		return nil, hint.With(err, "kubectl solution check %s tells everything that is wrong with it", path)
	}
	content, _ := opened.Inspect()
	after, err := verified.StateOf(opened.File())
	if err == nil && after != before {
		err = hint.With(fmt.Errorf("%s was changed while it was checked", path), "run the command again when whatever writes the file has ended")
	}
	if err != nil {
		return nil, err
	}
	return &verifiedArchive{content: content, state: &after, warnings: warningsOf(report)}, nil
}

// warningsOf returns what was found in an archive that can be imported.
func warningsOf(report archive.Report) []string {
	var warnings []string
	for _, f := range report.Findings {
		warnings = append(warnings, f.String())
	}
	return warnings
}

// check answers a CheckRequest. An archive that cannot be opened is an error,
// for it has nothing to report on.
func (a *Agent) check(ctx context.Context, req protocol.CheckRequest) (*protocol.CheckResult, error) {
	paths, err := a.archivePaths(req.Archives)
	if err != nil {
		return nil, err
	}
	result := &protocol.CheckResult{}
	for _, path := range paths {
		checked, err := a.checkOne(ctx, path, req.Structure)
		if err != nil {
			return nil, withReason(protocol.ReasonInvalid, err)
		}
		result.Archives = append(result.Archives, *checked)
	}
	return result, nil
}

func (a *Agent) checkOne(ctx context.Context, path string, structure bool) (*protocol.CheckedArchive, error) {
	opened, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	content, report := opened.Inspect()
	if !structure {
		report, err = opened.Verify(ctx, archive.VerifyOptions{Progress: a.progress("checking " + path)})
	}
	return &protocol.CheckedArchive{Content: content, Report: report}, err
}

// archivePaths are paths at which archives may be.
func (a *Agent) archivePaths(paths []string) ([]string, error) {
	clean, err := cleanPaths(paths)
	if err != nil {
		return nil, withReason(protocol.ReasonBadRequest, err)
	}
	for _, path := range clean {
		if err := a.Configuration.Archives.Permit(path); err != nil {
			return nil, withReason(protocol.ReasonInvalid, err)
		}
	}
	return clean, nil
}

// cleanPaths refuses what cannot be the path of an archive, and drops what is
// named twice.
func cleanPaths(paths []string) ([]string, error) {
	var clean []string
	seen := map[string]bool{}
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("archive %q: the path on the bootstrap node must be absolute", path)
		}
		if strings.ContainsFunc(path, unicode.IsControl) {
			return nil, fmt.Errorf("archive %q: a path holds no control characters", path)
		}
		path = filepath.Clean(path)
		if !seen[path] {
			seen[path] = true
			clean = append(clean, path)
		}
	}
	return clean, nil
}
