// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/base64"
	"encoding/pem"
	"strings"
)

// IsPlaceholderCABundle reports whether the caBundle of a webhook (base64 of
// PEM) holds no certificate: scaffolding writes one so, for an injector to fill
// in.
func IsPlaceholderCABundle(bundle string) bool {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(bundle))
	if err != nil {
		return false // the API server says what is wrong with it
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return true
		}
		if block.Type == "CERTIFICATE" {
			return false
		}
	}
}
