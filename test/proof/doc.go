// SPDX-License-Identifier: Apache-2.0

// Package proof has the test that operations do what their plans say. It makes situations up: Solutions, Environments, and
// what others have done to them. In each it has an operation planned and carried out, and compares the plan with what the
// API server's audit log says was written, and with what has changed.
package proof
