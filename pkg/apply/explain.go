// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// escalationText is how the API server's RBAC storage begins the list of rules
// that a user may not grant (k8s.io/kubernetes pkg/registry/rbac/validation).
const escalationText = "is attempting to grant RBAC permissions not currently held:"

// explain names the object that an API error is about, and the remedy.
func explain(o *unstructured.Unstructured, err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return fmt.Errorf("%s: %w", Describe(o), err)
	}
	if !apierrors.IsForbidden(err) {
		return fmt.Errorf("%s: %s%w", Describe(o), reason(err), apiError(status))
	}
	if _, rules, found := strings.Cut(status.Status().Message, escalationText); found {
		return hint.With(
			fmt.Errorf("%s: missing rights: to grant these rules you must hold them yourself: %w", Describe(o), escalation(rules)),
			"have a cluster administrator run this command, or bind you to a role with these rules or with the verb %s", escalationVerb(o.GetKind()))
	}
	return hint.With(fmt.Errorf("%s: missing rights: %w", Describe(o), apiError(status)),
		"kubectl auth can-i --list%s shows what you may do", inNamespace(o))
}

// escalationVerb is what allows to grant rules that one does not hold
// (Kubernetes documentation, "Privilege escalation prevention and
// bootstrapping").
func escalationVerb(kind string) string {
	if strings.HasSuffix(kind, "Binding") {
		return "`bind` on the role that is bound"
	}
	return "`escalate` on " + strings.ToLower(kind) + "s"
}

func inNamespace(o *unstructured.Unstructured) string {
	if ns := o.GetNamespace(); ns != "" {
		return " --namespace " + ns
	}
	return ""
}

// reason tells the classes of errors apart that a message does not always name.
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

// escalation puts the rules that are missing on one line.
func escalation(rules string) error {
	var list []string
	for line := range strings.Lines(rules) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return errors.New(strings.Join(list, " "))
}
