// SPDX-License-Identifier: Apache-2.0

package util

import (
	"fmt"
	"io"
	"strings"

	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
)

// DryRunSuffix is what kubectl adds to a line about something that was not
// really done.
func DryRunSuffix(strategy cmdutil.DryRunStrategy) string {
	switch strategy {
	case cmdutil.DryRunClient:
		return " (dry run)"
	case cmdutil.DryRunServer:
		return " (server dry run)"
	default:
		return ""
	}
}

// PrintChanges prints a line for each object, as kubectl apply does.
func PrintChanges(w io.Writer, changes apply.ChangeSet, suffix string) {
	for _, e := range changes {
		namespace := ""
		if e.Namespace != "" {
			namespace = " in namespace " + e.Namespace
		}
		fmt.Fprintf(w, "%s %s%s%s\n", e.Object, e.Action, namespace, suffix)
	}
}

// Enumerate lists the first few of names, and how many more there are.
func Enumerate(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Count returns "1 object", "2 objects".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
