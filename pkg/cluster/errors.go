// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"io"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Explain says of an error of the connection to the API server that it is one,
// and adds a hint to those about rights.
func Explain(err error) error {
	var known *unreachable
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case apierrors.IsForbidden(err):
		return hint.With(err, "kubectl auth can-i --list shows what you may do; a cluster administrator can give you more (docs/rights.md)")
	case isUnreachable(err):
		return &unreachable{err: err}
	}
	return err
}

func isUnreachable(err error) bool {
	var dial *net.OpError
	var request *url.Error
	// client-go has no type for an answer that breaks off.
	isCut := errors.Is(err, io.ErrUnexpectedEOF) && strings.Contains(err.Error(), "reading response body")
	return isCut || errors.As(err, &dial) || errors.As(err, &request)
}

type unreachable struct{ err error }

func (e *unreachable) Error() string { return "the API server cannot be reached: " + e.err.Error() }
func (e *unreachable) Unwrap() error { return e.err }

// Hint says what helps.
func (e *unreachable) Hint() string {
	if text := hint.Of(e.err); text != "" {
		return text
	}
	return "kubectl cluster-info tells whether it answers; --kubeconfig, --context and --server choose another"
}
