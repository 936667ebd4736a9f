// SPDX-License-Identifier: Apache-2.0

// Package protocol is what the plugins and the helper on the bootstrap node say
// to each other: one request, as JSON on the helper's standard input, and its
// events, one JSON object a line, on its standard output. Package agent answers
// and package client asks. docs/protocol.md describes it.
package protocol

import "encoding/json"

// Version is that of the requests and events. A helper refuses a request of
// another one.
const Version = 1

// Bounds of what is said.
const (
	// MaxRequestBytes bounds a request.
	MaxRequestBytes = 1 << 20
	// MaxReadBytes bounds the files of a ReadResult, all together. Written as
	// base64 they are an event that a client takes.
	MaxReadBytes = 40 << 20
)

// Event is one line of the helper's output: of the pointers, exactly one is
// set. Hello comes first; Result or Error comes last. A client skips those that
// it does not know.
type Event struct {
	Hello    *Hello          `json:"hello,omitempty"`
	Offer    *Offer          `json:"offer,omitempty"`
	Progress *Progress       `json:"progress,omitempty"`
	Alive    *Alive          `json:"alive,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    *Failure        `json:"error,omitempty"`
}

// Hello tells who answers.
type Hello struct {
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	// AliveEvery is within how many seconds another event follows, and another
	// one after that, up to the last; 0 for no promise.
	AliveEvery float64 `json:"aliveEvery,omitempty"`
}

// Offer tells what the node has of an archive that is being uploaded: its first
// Offset bytes, which have this digest ("sha256:" and hex).
type Offer struct {
	Offset int64  `json:"offset"`
	Digest string `json:"digest"`
}

// Alive tells that the helper is still at work, and that there is nothing else
// to tell.
type Alive struct{}

// Progress tells how far a step is, in bytes.
type Progress struct {
	Step  string `json:"step"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// Failure is an error as it crosses over.
type Failure struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Reason  Reason `json:"reason,omitempty"`
}

// Reason tells errors apart for programs.
type Reason string

// Reasons of failures.
const (
	ReasonBadRequest Reason = "BadRequest"
	ReasonNotFound   Reason = "NotFound"
	ReasonInvalid    Reason = "Invalid"
	ReasonConflict   Reason = "Conflict"
	ReasonInUse      Reason = "InUse"
	ReasonLocked     Reason = "Locked"
	ReasonNoSpace    Reason = "NoSpace"
	ReasonInternal   Reason = "Internal"
)
