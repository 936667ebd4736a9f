// SPDX-License-Identifier: Apache-2.0

package util

import (
	"fmt"
	"strings"

	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

// DryRunSuffix is what kubectl adds to a line about something that was not
// done.
func DryRunSuffix(strategy cmdutil.DryRunStrategy) string {
	switch strategy {
	case cmdutil.DryRunClient:
		return " (dry run)"
	case cmdutil.DryRunServer:
		return " (server dry run)"
	}
	return ""
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
