// SPDX-License-Identifier: Apache-2.0

package protocol

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

// ReadRequest asks for files that are in archives, of MaxReadBytes at most.
type ReadRequest struct {
	Archives []ReadArchive `json:"archives"`
}

// ReadArchive names files of one archive.
type ReadArchive struct {
	Archive string   `json:"archive"`
	Paths   []string `json:"paths"`
}
