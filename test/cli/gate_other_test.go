// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package cli_test

// gatedHelper is for tests on Linux.
func gatedHelper() { panic("only on Linux") }
