// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

func TestPlaceholderCABundle(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	other := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	b64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	encoded := b64(certificate)
	for _, tt := range []struct {
		name, data string
		want       bool
	}{
		{"nothing", "", true},
		{"spaces", " \n", true},
		{"a line end, as controller-gen writes", "Cg==", true},
		{"white space", b64(" \n\t\n"), true},
		{"a word", b64("placeholder"), true},
		{"no base64", "${CA_BUNDLE}", true},
		{"an empty certificate", b64("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), true},
		{"what is no certificate", b64("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), true},
		{"a key", b64(other), true},
		{"a self-signed certificate", encoded, false},
		{"in lines", encoded[:40] + "\n  " + encoded[40:] + "\n", false},
		{"after something else", b64("# an authority\n" + other + certificate), false},
	} {
		if got := v1alpha1.IsPlaceholderCABundle(tt.data); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
