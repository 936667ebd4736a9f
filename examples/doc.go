// SPDX-License-Identifier: Apache-2.0

// Package examples holds the example Solution, and tests that build it: see
// README.md beside this file. There is nothing in it to import.
package examples
