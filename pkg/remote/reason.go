// SPDX-License-Identifier: Apache-2.0

package remote

// Reason tells how a run failed, for programs.
type Reason string

// How a run fails, wherever the helper is.
const (
	// NotFound: the helper is not there, or cannot be started.
	NotFound Reason = "NotFound"
	// Exit: the agent ended by itself with an exit status that is not 0, or
	// left its output open.
	Exit Reason = "Exit"
	// Killed: a signal that this package did not send ended the agent.
	Killed Reason = "Killed"
	// Canceled: the agent was ended because the context, stdin or stdout did;
	// Err is that cause.
	Canceled Reason = "Canceled"
	// SudoRefused: sudo does not start the helper without a password.
	SudoRefused Reason = "SudoRefused"
	// Unreachable: no connection came about.
	Unreachable Reason = "Unreachable"
	// Lost: the connection ended before the helper did. What the helper has
	// done is not known.
	Lost Reason = "Lost"
)

// How ssh fails.
const (
	// NoSSH: this machine has no ssh, or it cannot be used as it is.
	NoSSH Reason = "NoSSH"
	// UnknownHost: the host's name cannot be resolved.
	UnknownHost Reason = "UnknownHost"
	// HostKeyUnknown: nothing is known of the host's key.
	HostKeyUnknown Reason = "HostKeyUnknown"
	// HostKeyChanged: the host's key is another one than that which is known.
	HostKeyChanged Reason = "HostKeyChanged"
	// Denied: the host does not let the user in.
	Denied Reason = "Denied"
	// Failed: ssh ended before the helper began, for some other reason.
	Failed Reason = "Failed"
)

// How a helper in a pod is missed.
const (
	// PodNotFound: there is no such pod.
	PodNotFound Reason = "PodNotFound"
	// PodAmbiguous: there are several, and one has to be named.
	PodAmbiguous Reason = "PodAmbiguous"
	// PodNotRunning: the pod or its container does not run.
	PodNotRunning Reason = "PodNotRunning"
	// ContainerNotFound: the pod has no such container, or has several and one
	// has to be named.
	ContainerNotFound Reason = "ContainerNotFound"
	// Forbidden: the API server does not allow it.
	Forbidden Reason = "Forbidden"
)

// How a helper that runs fails to answer. Package bootstrap, which reads the
// answers, finds these.
const (
	// Garbage: the answer is none, as where a login script writes to the
	// standard output.
	Garbage Reason = "Garbage"
	// TooLong: the answer is longer than any that there should be.
	TooLong Reason = "TooLong"
	// Silent: nothing was heard for too long.
	Silent Reason = "Silent"
	// OtherProtocol: the helper is of another version.
	OtherProtocol Reason = "OtherProtocol"
	// NoResult: the helper ended without having answered.
	NoResult Reason = "NoResult"
)
