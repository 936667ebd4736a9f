// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// direction is what is better.
type direction bool

const (
	higher direction = true
	lower  direction = false
)

// metric is a row of the table.
type metric struct {
	name, unit string
	better     direction
}

// results are samples, those of one round at the same place.
type results struct {
	metrics []metric
	samples map[metric]map[string][]float64
}

func newResults() *results { return &results{samples: map[metric]map[string][]float64{}} }

func (r *results) add(m metric, contender string, value float64) {
	if r.samples[m] == nil {
		r.metrics = append(r.metrics, m)
		r.samples[m] = map[string][]float64{}
	}
	r.samples[m][contender] = append(r.samples[m][contender], value)
	progress("  %-16s %8s %s", contender, number(value), m.unit)
}

// print prints medians, and the medians of the ratios within each round.
func (r *results) print(out io.Writer, names []string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "measured\tunit\t")
	for _, name := range names {
		fmt.Fprintf(w, "%s\t", name)
	}
	for _, name := range names[1:] {
		fmt.Fprintf(w, "%s/%s\t", names[0], name)
	}
	fmt.Fprintln(w, "better\t")
	for _, m := range r.metrics {
		fmt.Fprintf(w, "%s\t%s\t", m.name, m.unit)
		for _, name := range names {
			fmt.Fprintf(w, "%s\t", number(median(r.samples[m][name])))
		}
		for _, name := range names[1:] {
			fmt.Fprintf(w, "%s\t", number(median(ratios(r.samples[m][names[0]], r.samples[m][name]))))
		}
		fmt.Fprintf(w, "%s\t\n", map[direction]string{higher: "higher", lower: "lower"}[m.better])
	}
	_ = w.Flush() // to the terminal
}

// ratios are those of samples of one round.
func ratios(a, b []float64) (list []float64) {
	for i := range min(len(a), len(b)) {
		list = append(list, a[i]/b[i])
	}
	return list
}

// median is -1 for no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return -1
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// number writes a value with three digits or more.
func number(v float64) string {
	switch {
	case v < 0:
		return "–"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
