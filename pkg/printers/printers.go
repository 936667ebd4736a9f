// SPDX-License-Identifier: Apache-2.0

// Package printers writes what commands have found: tables of its own, and
// through cli-runtime json, yaml, name, jsonpath and go-template. Which of them
// is asked for is for pkg/cmd/util to know.
package printers

import (
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
)

// PrintObjects writes objects with a printer of cli-runtime, as one List.
func PrintObjects(out io.Writer, printer printers.ResourcePrinter, objects []*unstructured.Unstructured) error {
	return printer.PrintObj(listOf(objects), out)
}

// PrintEach writes objects with a printer of cli-runtime, one after the other:
// what prints names has none for a List.
func PrintEach(out io.Writer, printer printers.ResourcePrinter, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		if err := printer.PrintObj(o, out); err != nil {
			return err
		}
	}
	return nil
}

func listOf(objects []*unstructured.Unstructured) runtime.Object {
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}}}
	for _, o := range objects {
		list.Items = append(list.Items, *o)
	}
	return list
}

// Size returns a number of bytes as people read it, in powers of 1024.
func Size(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", v, units[i])
}
