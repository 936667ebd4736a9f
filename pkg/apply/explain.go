// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// escalationText is how the API server's RBAC storage begins the list of rules
// that a user may not grant (k8s.io/kubernetes pkg/registry/rbac/validation).
const escalationText = "is attempting to grant RBAC permissions not currently held:"

// explain names the object that an API error is about, and the remedy.
func explain(r plan.Ref, err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return fmt.Errorf("%s: %w", r.Describe(), err)
	}
	if !apierrors.IsForbidden(err) {
		return fmt.Errorf("%s: %s%w", r.Describe(), reason(err), apiError(status))
	}
	if _, rules, found := strings.Cut(status.Status().Message, escalationText); found {
		return hint.With(
			fmt.Errorf("%s: missing rights: to grant these rules you must hold them yourself: %w", r.Describe(), escalation{statusError{status}, rules}),
			"have a cluster administrator run this command, or bind you to ClusterRole %s in the namespace (docs/rights.md)", plan.DeployerRole)
	}
	return hint.With(fmt.Errorf("%s: missing rights: %w", r.Describe(), apiError(status)),
		"kubectl auth can-i --list%s shows what you may do", inNamespace(r.Namespace))
}

// remedy returns the hint of an error.
func remedy(err error) string { return hint.Of(err) }

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " --namespace " + namespace
}

// reason names classes of errors that a message does not always name.
func reason(err error) string {
	switch {
	case apierrors.IsInvalid(err):
		return "the API server refuses it: "
	case apierrors.IsConflict(err):
		return "changed by someone else at the same time: "
	}
	return ""
}

// statusError is an API error without the texts that were wrapped around it.
type statusError struct{ apierrors.APIStatus }

func apiError(s apierrors.APIStatus) error { return statusError{s} }

func (e statusError) Error() string { return e.Status().Message }

// escalation is an API error about rules that the user does not hold.
type escalation struct {
	statusError
	rules string
}

// Error puts the rules that are missing on one line.
func (e escalation) Error() string {
	var list []string
	for line := range strings.Lines(e.rules) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return strings.Join(list, " ")
}
