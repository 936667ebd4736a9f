// SPDX-License-Identifier: Apache-2.0

package registry

import "testing"

// Garbage is bounded whether much or little is kept.
func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 150, 1 << 20: 150, 2 << 20: 100, 4 << 20: 50, 10 << 20: 20, 20 << 20: 10, 1 << 30: 10} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d MiB: %d, want %d", live>>20, got, want)
		}
	}
}
