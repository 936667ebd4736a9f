// SPDX-License-Identifier: Apache-2.0

package registry

import "time"

const (
	// nearby is the most that a round trip takes to a client on this machine, or
	// behind the next switch.
	nearby = 200 * time.Microsecond
	// nearbyBytes is how much may wait for such a client, or what
	// net.core.wmem_max allows of it: 416 KiB by default, which at that distance
	// is enough for 17 Gbit/s. The kernel would let it grow to 4 MiB where nothing
	// is lost: of the kernel's own memory, for each connection, and more than the
	// processor's cache has room for.
	nearbyBytes = 512 << 10
)
