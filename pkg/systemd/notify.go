// SPDX-License-Identifier: Apache-2.0

package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// What a service tells systemd.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	alive    = "WATCHDOG=1"
)

// Notify tells systemd a state.
func Notify(ctx context.Context, state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	// A name that begins with "@" is an abstract one; package net knows.
	var d net.Dialer
	connection, err := d.DialContext(ctx, "unixgram", path)
	if err != nil {
		return fmt.Errorf("notifying systemd: %w", err)
	}
	defer connection.Close() // a datagram is sent, or is not, by Write
	if _, err := connection.Write([]byte(state)); err != nil {
		return fmt.Errorf("notifying systemd: %w", err)
	}
	return nil
}

// Watchdog tells systemd that the process runs, twice as often as it wants to
// hear it (WatchdogSec= of the unit), until ctx ends. Without a watchdog it
// returns at once.
func Watchdog(ctx context.Context) error {
	every := watchdogInterval() / 2
	if every <= 0 {
		return nil
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := Notify(ctx, alive); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// watchdogInterval is how long systemd waits at most, 0 for no watchdog.
func watchdogInterval() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	microseconds, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || microseconds > int64(time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(microseconds) * time.Microsecond
}
