// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package solutionsconfig

import "os"

// Bootstrap nodes run Linux: elsewhere any name is believed.

func sign(*os.File) error { return nil }

func isSigned(*os.File) bool { return true }
