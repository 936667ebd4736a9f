// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"container/list"
	"net/http"
	"strconv"
	"sync"
)

// Bounds of the manifests that are kept in memory, in bytes.
const (
	cacheBytes = 1 << 20
	// cachedBytes is the most of one: nearly all have a few KiB.
	cachedBytes = 128 << 10
)

// manifest is an image's or index's, as it is stored.
type manifest struct {
	digest digest
	data   []byte
	// header has what every answer with it says. It never changes.
	header http.Header
	length []string // of data
}

func newManifest(d digest, mediaType string, data []byte) *manifest {
	return &manifest{d, data, contentHeader(mediaType, d), []string{strconv.Itoa(len(data))}}
}

// cache keeps the manifests that were asked for last. They are named by their
// digest, so that it does not matter which archive they come from.
type cache struct {
	mu      sync.Mutex
	entries map[digest]*list.Element
	recent  *list.List // of *manifest, the latest first
	size    int
}

func newCache() *cache { return &cache{entries: map[digest]*list.Element{}, recent: list.New()} }

func (c *cache) get(d digest) *manifest {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[d]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*manifest)
}

func (c *cache) put(m *manifest) {
	if len(m.data) > cachedBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[m.digest] != nil {
		return
	}
	c.entries[m.digest] = c.recent.PushFront(m)
	for c.size += len(m.data); c.size > cacheBytes; {
		oldest := c.recent.Remove(c.recent.Back()).(*manifest)
		delete(c.entries, oldest.digest)
		c.size -= len(oldest.data)
	}
}
