// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"os"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
)

// The registry shares its node, and what it keeps is indexes without pointers,
// which cost a collection nothing: so collections are frequent. Between two of
// them garbageBytes pile up, within these percentages of what is kept.
const (
	garbageBytes = 2 << 20
	minGCPercent = 10
	maxGCPercent = 150
)

// tunesMemory is false where the environment has its own mind.
func tunesMemory() bool { return os.Getenv("GOGC") == "" }

// tuneMemory is called when what is kept has changed: to open an archive takes a
// few times the memory that its index does, and none for a long time after.
func tuneMemory() {
	debug.FreeOSMemory()
	live := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}
	runtimemetrics.Read(live)
	if tunesMemory() && live[0].Value.Kind() == runtimemetrics.KindUint64 {
		debug.SetGCPercent(gcPercent(live[0].Value.Uint64()))
	}
}

func gcPercent(live uint64) int {
	return int(min(maxGCPercent, max(minGCPercent, garbageBytes*100/max(live, 1))))
}
