// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	own "github.com/metalk8s/kubectl-solution/pkg/printers"
)

// describe prints what there is one of.
func (r *report) describe(out io.Writer) error {
	w := printers.GetNewTabWriter(out)
	h := r.Helper
	if h.Error != "" {
		fmt.Fprintf(w, "Helper:\t%s\tdoes not answer\n", cmp.Or(h.Address, "unknown"))
	} else {
		fmt.Fprintf(w, "Helper:\t%s\tversion %s, protocol %d\n", h.Address, h.Version, h.Protocol)
		fmt.Fprintf(w, "Configuration:\t%s\n", cmp.Or(h.ConfigurationPath, "none, everything is as by default"))
		fmt.Fprintf(w, "Archives:\t%s\n", h.SolutionsPath)
		fmt.Fprintf(w, "Endpoint:\t%s\n", h.Configuration.Registry.Endpoint)
	}
	for i, at := range r.Registry {
		title := "Registry:"
		if i > 0 {
			title = ""
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", title, at.Listen, at)
	}
	if r.Cluster.Error != "" {
		fmt.Fprintf(w, "Cluster:\tunknown\n")
	} else {
		fmt.Fprintf(w, "Cluster:\t%s\t%s recorded\n", cmp.Or(r.Cluster.Endpoint, "no endpoint"), util.Count(r.Cluster.Versions, "version"))
	}
	return w.Flush()
}

// String tells how an address answers.
func (a reachedAt) String() string {
	if !a.Answers {
		return "does not answer"
	}
	text := "answers, and does not tell what it serves"
	if a.Archives != nil {
		text = "serves " + util.Count(*a.Archives, "archive")
	}
	if !a.Ready {
		text += ", not all is well"
	}
	return text
}

func (r *report) table() own.Table {
	table := own.Table{Columns: []string{"ID", "ACTIVE", "LISTED", "SERVED", "RECORDED", "ARCHIVE"}}
	for _, v := range r.Versions {
		table.Rows = append(table.Rows, []string{
			v.ID, factText(v.Active), factText(v.Listed), factText(v.Served), factText(v.Recorded), v.Archive,
		})
	}
	return table
}

func factText(fact *bool) string {
	if fact == nil {
		return "unknown"
	}
	return strconv.FormatBool(*fact)
}

// printProblems prints each problem, and what helps after the last of those
// that it helps against.
func (r *report) printProblems(out io.Writer) error {
	var errs []error
	if len(r.Problems) > 0 {
		_, err := fmt.Fprintln(out)
		errs = append(errs, err)
	}
	for i, p := range r.Problems {
		_, err := fmt.Fprintf(out, "problem: %s\n", strings.ReplaceAll(p.Message, "\n", "\n  "))
		errs = append(errs, err)
		last := i == len(r.Problems)-1 || r.Problems[i+1].Hint != p.Hint
		if last && p.Hint != "" {
			_, err := fmt.Fprintf(out, "hint: %s\n", p.Hint)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// object is the report as data. It is no object of the API server.
func (r *report) object() (*unstructured.Unstructured, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	object := map[string]any{}
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, err
	}
	object["apiVersion"], object["kind"] = v1alpha1.APIVersion, "BootstrapStatus"
	object["metadata"] = map[string]any{"name": cmp.Or(r.Helper.Address, "unknown")}
	return &unstructured.Unstructured{Object: object}, nil
}
