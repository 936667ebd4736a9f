// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
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
	Archives []ReadFiles `json:"archives"`
}

// ReadFiles are files of one archive.
type ReadFiles struct {
	// Archive is its path, as the request has it.
	Archive string `json:"archive"`
	Files   []File `json:"files"`
}

// File is one file of an archive.
type File struct {
	Path string `json:"path"`
	Data []byte `json:"data"`
}
