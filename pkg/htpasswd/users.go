// SPDX-License-Identifier: Apache-2.0

// Package htpasswd checks passwords against a file of Apache's htpasswd. Only
// bcrypt is accepted: it is the one of that program's hashes that is made to be
// slow, and so checks are kept from taking the whole machine.
package htpasswd

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// maxCost bounds how long the check of a password takes: about a second.
const maxCost = 14

// bcryptPattern is a hash as htpasswd (2y), OpenBSD (2b) and others (2a) write
// it: the cost, 22 characters of salt and 31 of hash.
var bcryptPattern = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// Users are the users of a file. They are safe for concurrent use.
type Users struct {
	names  []string // as in the file
	hashes map[string][]byte

	key      [sha256.Size]byte
	mu       sync.Mutex
	verified map[string]mark // by name
}

// mark stands for a name and a password that were found right: a HMAC with a
// key that is in no file, so that memory holds no password for longer than a
// request takes.
type mark [sha256.Size]byte

// Parse reads a file: lines of name:hash, empty ones, and comments after "#".
// Its errors tell the line, and nothing of what is in it but the name.
func Parse(data []byte) (*Users, error) {
	u := &Users{hashes: map[string][]byte{}, verified: map[string]mark{}}
	// It does not fail, and where it did the program would end.
	_, _ = rand.Read(u.key[:])
	number := 0
	for line := range bytes.Lines(data) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if err := u.add(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if len(u.names) == 0 {
		return nil, errors.New("there is no user in it")
	}
	return u, nil
}

func (u *Users) add(line []byte) error {
	name, hash, found := bytes.Cut(line, []byte(":"))
	if !found || len(name) == 0 {
		return errors.New("it is not of the form name:hash")
	}
	if u.hashes[string(name)] != nil {
		return fmt.Errorf("user %q is there twice", name)
	}
	if !bcryptPattern.Match(hash) {
		return hint.With(fmt.Errorf("the password of user %q is hashed with %s, and only bcrypt is accepted", name, algorithm(hash)),
			"htpasswd -B writes bcrypt: htpasswd -B FILE USER")
	}
	if cost, err := bcrypt.Cost(hash); err != nil || cost > maxCost {
		return fmt.Errorf("the password of user %q has cost %d, and %d is the most", name, cost, maxCost)
	}
	u.names = append(u.names, string(name))
	u.hashes[string(name)] = bytes.Clone(hash)
	return nil
}

// Len returns how many users there are.
func (u *Users) Len() int { return len(u.names) }

// known tells whether this name and password were found right before. That
// takes microseconds.
func (u *Users) known(name, password string) bool {
	m := u.mark(name, password)
	u.mu.Lock()
	was, found := u.verified[name]
	u.mu.Unlock()
	return hmac.Equal(m[:], was[:]) && found
}

// check compares a password with its hash, and remembers it where it is right:
// one for each user. A name that is not known costs what one of the others
// does, and always the same.
func (u *Users) check(name, password string) bool {
	m := u.mark(name, password)
	hash, found := u.hashes[name]
	if !found {
		decoy := u.mark(name, "")
		hash = u.hashes[u.names[binary.BigEndian.Uint64(decoy[:])%uint64(len(u.names))]]
	}
	if err := bcrypt.CompareHashAndPassword(hash, []byte(password)); err != nil || !found {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.verified[name] = m
	return true
}

func (u *Users) mark(name, password string) (m mark) {
	h := hmac.New(sha256.New, u.key[:])
	// A Hash does not fail. The length tells where the name ends.
	_ = binary.Write(h, binary.BigEndian, uint64(len(name)))
	_, _ = h.Write([]byte(name))
	_, _ = h.Write([]byte(password))
	h.Sum(m[:0])
	return m
}
