// SPDX-License-Identifier: Apache-2.0

package printers

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// PlanOptions tell how to print a plan, or what came of it.
type PlanOptions struct {
	// Suffix is added to each line, as " (server dry run)".
	Suffix string
	// Details shows which fields change, rights, definitions and images.
	Details bool
	// Unchanged shows what does not change; otherwise it is counted.
	Unchanged bool
}

// Changes prints what happens on the bootstrap node and in the cluster, a line
// an object.
func Changes(w io.Writer, node []plan.NodeChange, changes []plan.Change, o PlanOptions) {
	for _, n := range node {
		fmt.Fprintf(w, "%s %s%s\n", nodeSubject(n), n.Action, o.Suffix)
	}
	unchanged := 0
	for _, c := range changes {
		if c.Action == plan.None && !o.Unchanged {
			unchanged++
			continue
		}
		fmt.Fprintln(w, changeLine(c)+o.Suffix)
		if o.Details {
			printFields(w, c)
		}
	}
	if unchanged > 0 {
		fmt.Fprintf(w, "%d unchanged%s\n", unchanged, o.Suffix)
	}
}

// Plan prints a plan: its changes, and with details what they mean.
func Plan(w io.Writer, p *plan.Plan, o PlanOptions) {
	Changes(w, p.Node, p.Changes, o)
	if !o.Details {
		return
	}
	for _, i := range p.Images {
		fmt.Fprintf(w, "images of %s: %d, %s\n", i.ID, i.Count, Size(i.Bytes))
	}
	for _, d := range p.Definitions {
		printDefinition(w, d)
	}
	for _, r := range p.Rights {
		printRights(w, r)
	}
	for _, line := range p.Destroys {
		fmt.Fprintf(w, "asks first: %s\n", line)
	}
}

// nodeSubject names an archive by the id of what it holds, where that is known.
func nodeSubject(n plan.NodeChange) string {
	switch {
	case n.ID != "":
		return "solution/" + n.ID
	case strings.HasPrefix(n.Subject, "/"):
		return "archive " + n.Subject
	}
	return "solution/" + n.Subject
}

func changeLine(c plan.Change) string {
	line := c.Object.String() + " " + done(c.Action)
	if c.Object.Namespace != "" {
		line += " in namespace " + c.Object.Namespace
	}
	if c.Adopted != "" {
		line += ", taken over from " + c.Adopted
	}
	if c.Reason != "" && (c.Action == plan.Keep || c.Action == plan.Replace) {
		line += ": " + c.Reason
	}
	return line
}

// done returns kubectl's word for an action.
func done(a plan.Action) string {
	switch a {
	case plan.Create:
		return "created"
	case plan.Update:
		return "configured"
	case plan.Replace:
		return "replaced"
	case plan.Delete:
		return "deleted"
	case plan.Keep:
		return "kept"
	}
	return "unchanged"
}

func printFields(w io.Writer, c plan.Change) {
	for _, f := range c.Fields {
		switch {
		case f.From == nil:
			fmt.Fprintf(w, "  %s: set to %s\n", f.Path, value(f.To))
		case f.To == nil:
			fmt.Fprintf(w, "  %s: removed, was %s\n", f.Path, value(f.From))
		default:
			from, to := values(f.From, f.To)
			fmt.Fprintf(w, "  %s: %s → %s\n", f.Path, from, to)
		}
	}
	for _, f := range c.Kept {
		fmt.Fprintf(w, "  %s: stays %s, set by %s\n", f.Path, value(f.Value), f.Manager)
	}
}

// maxValue is how many characters of a value are printed.
const maxValue = 80

// value writes a value on part of a line.
func value(v any) string {
	return cut([]rune(jsonText(v)))
}

// values writes two values of which one takes the place of the other. Of long
// ones what they have in common at their beginning is left out.
func values(from, to any) (a, b string) {
	const context = 20
	x, y := []rune(jsonText(from)), []rune(jsonText(to))
	if max(len(x), len(y)) <= maxValue {
		return string(x), string(y)
	}
	same := 0
	for same < min(len(x), len(y)) && x[same] == y[same] {
		same++
	}
	if same <= context {
		return cut(x), cut(y)
	}
	return "…" + cut(x[same-context:]), "…" + cut(y[same-context:])
}

func jsonText(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

func cut(text []rune) string {
	if len(text) > maxValue {
		return string(text[:maxValue]) + "…"
	}
	return string(text)
}

func printDefinition(w io.Writer, d plan.DefinitionChange) {
	line := fmt.Sprintf("definition %s: %s", d.Name, done(d.Action))
	if len(d.From) > 0 && len(d.To) > 0 && strings.Join(d.From, ",") != strings.Join(d.To, ",") {
		line += fmt.Sprintf(", serves %s instead of %s", strings.Join(d.To, ", "), strings.Join(d.From, ", "))
	}
	if d.Objects > 0 {
		line += fmt.Sprintf(", %d custom resources", d.Objects)
	}
	fmt.Fprintln(w, line)
}

func printRights(w io.Writer, r plan.RightsChange) {
	for _, g := range r.Gains {
		fmt.Fprintf(w, "Operator of %s in namespace %s gains: %s\n", r.Solution, r.Namespace, g)
	}
	for _, l := range r.Loses {
		fmt.Fprintf(w, "Operator of %s in namespace %s loses: %s\n", r.Solution, r.Namespace, l)
	}
	for _, d := range r.Dangerous {
		fmt.Fprintf(w, "dangerous: %s\n", d)
	}
}
