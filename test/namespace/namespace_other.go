// SPDX-License-Identifier: Apache-2.0

//go:build !linux

// Package namespace runs the tests of a package in namespaces, on Linux.
package namespace

import "testing"

// Main runs the tests.
func Main(m *testing.M) int { return m.Run() }
