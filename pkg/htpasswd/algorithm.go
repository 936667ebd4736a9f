// SPDX-License-Identifier: Apache-2.0

package htpasswd

import "bytes"

// algorithms are other hashes of htpasswd and crypt(5), by how they begin.
var algorithms = []struct{ prefix, name string }{
	{"$apr1$", "MD5 (apr1)"},
	{"{SHA}", "SHA-1"},
	{"{SSHA}", "salted SHA-1"},
	{"$1$", "MD5 (crypt)"},
	{"$2", "a malformed or old bcrypt"},
	{"$5$", "SHA-256 (crypt)"},
	{"$6$", "SHA-512 (crypt)"},
	{"$7$", "scrypt"},
	{"$y$", "yescrypt"},
	{"$argon2", "Argon2"},
}

// desLength is how long a hash of the oldest crypt is, which has no prefix.
const desLength = 13

// algorithm names what a password is hashed with.
func algorithm(hash []byte) string {
	for _, a := range algorithms {
		if bytes.HasPrefix(hash, []byte(a.prefix)) {
			return a.name
		}
	}
	if len(hash) == desLength {
		return "DES (crypt), or not at all"
	}
	return "nothing that is known, or not at all"
}
