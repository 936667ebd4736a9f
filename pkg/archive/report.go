// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Severity tells errors from warnings.
type Severity string

// Severities of a finding.
const (
	// Error is a fault; Finding.Blocks says what it prevents.
	Error Severity = "error"
	// Warning is what probably was not intended, and prevents nothing.
	Warning Severity = "warning"
)

// Stage is what an error prevents.
type Stage string

// Stages in the life of an archive, in their order. An error with stage ""
// prevents none.
const (
	StageImport   Stage = "import"
	StageActivate Stage = "activate"
	StagePrepare  Stage = "prepare"
)

// Finding is one fault of an archive.
type Finding struct {
	Severity Severity `json:"severity"`
	// Rule is the name of the rule that is broken, one of Rules.
	Rule string `json:"rule"`
	// Path is the file or directory in the archive, "" where it is the whole.
	Path string `json:"path,omitempty"`
	// Message says what is wrong, without naming Path.
	Message string `json:"message"`
	// Hint says what to do about it, and may be empty.
	Hint string `json:"hint,omitempty"`
	// Blocks is the stage that an error prevents, "" for none.
	Blocks Stage `json:"blocks,omitempty"`
}

// String returns `path: message`, in one line and safe for a terminal.
func (f Finding) String() string {
	if f.Path == "" {
		return printable(f.Message)
	}
	return printable(f.Path) + ": " + printable(f.Message)
}

// Report is the result of a check.
type Report struct {
	// Archive is the archive's Path.
	Archive string `json:"archive"`
	// Findings are sorted by path, then rule; empty and not nil where all is
	// well.
	Findings []Finding `json:"findings"`
}

// OK tells whether there is no error, of whatever stage.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Error })
}

// errFindings bounds how many findings the text of an error lists.
const errFindings = 3

// Err returns nil where no error prevents any of stages, and else an error
// that names the archive and the first of those errors. With no stages it is
// about all errors, those that prevent nothing included.
func (r Report) Err(stages ...Stage) error {
	var texts []string
	for _, f := range r.Findings {
		if f.Severity == Error && (len(stages) == 0 || slices.Contains(stages, f.Blocks)) {
			texts = append(texts, f.String())
		}
	}
	if len(texts) == 0 {
		return nil
	}
	more := ""
	if n := len(texts) - errFindings; n > 0 {
		texts, more = texts[:errFindings], fmt.Sprintf("; and %d more", n)
	}
	return errors.New("checking " + r.Archive + ": " + strings.Join(texts, "; ") + more)
}

// classFindings bounds how many findings of one class a report lists, so that
// a hostile archive does not make one without end.
const classFindings = 100

// findingClass is what findings that may stand for each other have in common.
type findingClass struct {
	rule     string
	severity Severity
	blocks   Stage
}

// collector gathers findings.
type collector struct {
	findings []Finding
	counts   map[findingClass]int
}

func (c *collector) add(f Finding) {
	class := findingClass{f.Rule, f.Severity, f.Blocks}
	if c.counts == nil {
		c.counts = map[findingClass]int{}
	}
	c.counts[class]++
	if c.counts[class] <= classFindings {
		c.findings = append(c.findings, f)
	}
}

func (c *collector) errorf(blocks Stage, rule, path, format string, args ...any) {
	c.add(Finding{Severity: Error, Rule: rule, Path: path, Message: fmt.Sprintf(format, args...), Blocks: blocks})
}

func (c *collector) warnf(rule, path, format string, args ...any) {
	c.add(Finding{Severity: Warning, Rule: rule, Path: path, Message: fmt.Sprintf(format, args...)})
}

// report returns what was gathered, in the order that Report promises.
func (c *collector) report(archive string) Report {
	findings := append([]Finding{}, c.findings...)
	for class, n := range c.counts {
		if n > classFindings {
			findings = append(findings, Finding{
				Severity: class.severity, Rule: class.rule, Blocks: class.blocks,
				Message: fmt.Sprintf("%d more findings of rule %s", n-classFindings, class.rule),
			})
		}
	}
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Rule, b.Rule),
			strings.Compare(string(a.Severity), string(b.Severity)), strings.Compare(a.Message, b.Message),
			strings.Compare(string(a.Blocks), string(b.Blocks)))
	})
	return Report{Archive: archive, Findings: slices.Compact(findings)}
}

// printable quotes s where it holds what a terminal would act on: names in an
// archive can.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		q := strconv.Quote(s)
		return q[1 : len(q)-1]
	}
	return s
}
