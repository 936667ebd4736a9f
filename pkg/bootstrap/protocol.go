// SPDX-License-Identifier: Apache-2.0

// Package bootstrap is what goes on between the plugins and the helper on the
// bootstrap node: one request, as JSON on the helper's standard input, and its
// events, one JSON object a line, on its standard output. It holds both ends,
// Agent and Client.
package bootstrap

import (
	"encoding/json"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
)

// Protocol is the version of the requests and events. A helper refuses a
// request of another one.
const Protocol = 1

// MaxRequestBytes bounds a request.
const MaxRequestBytes = 1 << 20

// Request asks for one thing: of the pointers, exactly one is set.
type Request struct {
	Protocol int `json:"protocol"`
	// Holder names the one who asks, for those who have to wait for a lock.
	Holder string `json:"holder,omitempty"`
	// KeepStdinOpen says that the client keeps the helper's input open until it
	// has the answer: where the input ends before, the client is gone. Of a
	// helper in a pod the output goes on to be taken for a while then, or for
	// good.
	KeepStdinOpen bool               `json:"attended,omitempty"`
	List          *ListRequest       `json:"list,omitempty"`
	Check         *CheckRequest      `json:"check,omitempty"`
	Import        *ImportRequest     `json:"import,omitempty"`
	Unimport      *UnimportRequest   `json:"unimport,omitempty"`
	Activate      *ActivateRequest   `json:"activate,omitempty"`
	Deactivate    *DeactivateRequest `json:"deactivate,omitempty"`
	Read          *ReadRequest       `json:"read,omitempty"`
	Upload        *UploadRequest     `json:"upload,omitempty"`
	Sync          *SyncRequest       `json:"sync,omitempty"`
	// Configuration asks for the helper's Configuration.
	Configuration *ConfigurationRequest `json:"configuration,omitempty"`
	Status        *StatusRequest        `json:"status,omitempty"`
}

// Changes reports whether the request may change something on the node.
func (r *Request) Changes() bool {
	return r.Import != nil && !r.Import.DryRun || r.Unimport != nil && !r.Unimport.DryRun ||
		r.Activate != nil && !r.Activate.DryRun || r.Deactivate != nil && !r.Deactivate.DryRun ||
		r.Sync != nil && !r.Sync.DryRun
}

// ConfigurationRequest has nothing to say.
type ConfigurationRequest struct{}

// ListRequest asks for the NodeState. With Verify, every archive is checked
// blob by blob, and those that fail have no content.
type ListRequest struct {
	Verify bool `json:"verify,omitempty"`
	// Damaged are paths of archives that an earlier check found damaged, so
	// that they need not be checked again to be known as such.
	Damaged []string `json:"damaged,omitempty"`
}

// CheckRequest asks what is in archives and wrong with them; nothing is
// changed. With Structure the blobs are not read, which takes milliseconds.
type CheckRequest struct {
	Archives  []string `json:"archives"`
	Structure bool     `json:"structure,omitempty"`
}

// ImportRequest lists archives in the configuration, once all of them have
// passed a full check.
type ImportRequest struct {
	Archives []string `json:"archives"`
	DryRun   bool     `json:"dryRun,omitempty"`
	// Structure has a dry run leave the blobs unread.
	Structure bool `json:"structure,omitempty"`
}

// UnimportRequest removes archives from the configuration, by path or by
// Solution and version.
type UnimportRequest struct {
	Archives []string `json:"archives,omitempty"`
	Name     string   `json:"name,omitempty"`
	Version  string   `json:"version,omitempty"`
	DryRun   bool     `json:"dryRun,omitempty"`
	// DeleteArchive deletes the files too. Only those that were uploaded can be.
	DeleteArchive bool `json:"deleteArchive,omitempty"`
}

// ActivateRequest sets the active version of a Solution: a version, or
// "latest" (also where it is empty).
type ActivateRequest struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	DryRun  bool   `json:"dryRun,omitempty"`
}

// DeactivateRequest leaves a Solution without an active version.
type DeactivateRequest struct {
	Name   string `json:"name"`
	DryRun bool   `json:"dryRun,omitempty"`
}

// SyncRequest makes the node match its configuration: it mounts and unmounts.
// The other fields are those of ListRequest.
type SyncRequest struct {
	Verify  bool     `json:"verify,omitempty"`
	Damaged []string `json:"damaged,omitempty"`
	DryRun  bool     `json:"dryRun,omitempty"`
}

// ReadRequest asks for files that are in an archive.
type ReadRequest struct {
	Archive string   `json:"archive"`
	Paths   []string `json:"paths"`
}

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

// NodeState is what is imported on the bootstrap node.
type NodeState struct {
	// ConfigurationPath is that of solutions.yaml on the node.
	ConfigurationPath string `json:"configurationPath"`
	// Endpoint is the registry's, host[:port][/path].
	Endpoint string `json:"endpoint"`
	// Archives are in the order of the configuration.
	Archives []ArchiveState `json:"archives"`
	// Active maps Solutions to their active version, "latest" resolved to the
	// highest imported one.
	Active map[string]string `json:"active,omitempty"`
	// Latest are the Solutions of which "latest" is configured to be active:
	// an archive that cannot be read may hold a higher version than Active has.
	Latest []string `json:"latest,omitempty"`
	// Unresolved are the Solutions of which an active version is configured
	// that none of the readable archives holds.
	Unresolved []string `json:"unresolved,omitempty"`
	// Problems are what is wrong with the configuration itself, as an active
	// version that is not imported.
	Problems []string `json:"problems,omitempty"`
}

// ArchiveState is one archive of the configuration.
type ArchiveState struct {
	Path string `json:"path"`
	// Content is nil where the archive cannot be used; Error says why.
	Content *v1alpha1.Content `json:"content,omitempty"`
	Error   string            `json:"error,omitempty"`
	// Mountpoint is "" where the archive is not mounted, or its mount is not
	// sound any more.
	Mountpoint string `json:"mountpoint"`
}

// CheckResult answers a CheckRequest, in its order.
type CheckResult struct {
	Archives []CheckedArchive `json:"archives"`
}

// CheckedArchive is what is in an archive, and what is wrong with it.
type CheckedArchive struct {
	Content *v1alpha1.Content `json:"content,omitempty"`
	Report  archive.Report    `json:"report"`
}

// ChangeResult answers a request that changes the configuration.
type ChangeResult struct {
	Items []ChangeItem `json:"items"`
	// State is that after the change; with DryRun, as it would be.
	State NodeState `json:"state"`
}

// ChangeItem tells what happened to one archive or Solution.
type ChangeItem struct {
	// Subject is the path of an archive, or the name of a Solution.
	Subject string `json:"subject"`
	// ID is that of the version concerned, "" where it is not known.
	ID     string `json:"id,omitempty"`
	Action Action `json:"action"`
	// Warnings are what was found that did not prevent the change.
	Warnings []string `json:"warnings,omitempty"`
}

// Action is what happened.
type Action string

// Actions on archives and Solutions.
const (
	Imported    Action = "imported"
	Unimported  Action = "unimported"
	Activated   Action = "activated"
	Deactivated Action = "deactivated"
	Unchanged   Action = "unchanged"
	Uploaded    Action = "uploaded"
	Deleted     Action = "deleted"
	Mounted     Action = "mounted"
	Unmounted   Action = "unmounted"
)

// ReadResult answers a ReadRequest, in its order.
type ReadResult struct {
	Files []File `json:"files"`
}

// File is one file of an archive.
type File struct {
	Path string `json:"path"`
	Data []byte `json:"data"`
}
