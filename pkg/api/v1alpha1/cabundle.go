// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
)

// IsPlaceholderCABundle reports whether a caBundle, base64 as it is in an object,
// has no certificate in it: it waits for something, for example cert-manager, to
// fill it in. A certificate is one whoever signed it.
func IsPlaceholderCABundle(data string) bool {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data), ""))
	if err != nil {
		return true
	}
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return true
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			return false
		}
	}
}
