// SPDX-License-Identifier: Apache-2.0

package htpasswd

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// clientChecks is how many passwords of one client are checked or wait for
	// it at a time: one that guesses does not keep out the others.
	clientChecks = 4
	// waitTimeout is how long a password waits for its check.
	waitTimeout = 10 * time.Second
	// restFactor is how many times as long as a check took nothing is checked
	// after a wrong password: whoever guesses gets a quarter of one processor.
	restFactor = 3
)

// ErrBusy says that a password was not checked, since too many others are.
var ErrBusy = errors.New("too many passwords are being checked")

// Checker checks passwords, one at a time. What was right once is known for as
// long as there are the same Users, and does not wait. The zero value is
// ready for use.
type Checker struct {
	once sync.Once
	slot chan struct{} // holds one while a password is checked

	mu      sync.Mutex
	clients map[string]int // checks of each, under way or waiting
}

func (c *Checker) prepare() {
	c.once.Do(func() { c.slot, c.clients = make(chan struct{}, 1), map[string]int{} })
}

// Check tells whether a user has this password. Client is the address from
// which it came, without the port. The error is ErrBusy, or that of ctx.
func (c *Checker) Check(ctx context.Context, users *Users, client, name, password string) (bool, error) {
	if users.known(name, password) {
		return true, nil
	}
	c.prepare()
	if !c.enter(client) {
		return false, ErrBusy
	}
	defer c.leave(client)
	timeout := time.NewTimer(waitTimeout)
	defer timeout.Stop()
	select {
	case c.slot <- struct{}{}:
	case <-timeout.C:
		return false, ErrBusy
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	// Nodes share a password, and ask at the same time.
	if users.known(name, password) {
		<-c.slot
		return true, nil
	}
	start := time.Now()
	right := users.check(name, password)
	if right {
		<-c.slot
	} else {
		time.AfterFunc(restFactor*time.Since(start), func() { <-c.slot })
	}
	return right, nil
}

// enter counts a check of a client, and reports false where it has too many.
func (c *Checker) enter(client string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clients[client] >= clientChecks {
		return false
	}
	c.clients[client]++
	return true
}

func (c *Checker) leave(client string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clients[client]--; c.clients[client] == 0 {
		delete(c.clients, client)
	}
}
