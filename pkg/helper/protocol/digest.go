// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"time"
)

// hashBufferBytes is how much is read at a time.
const hashBufferBytes = 256 << 10

// HashFile reads n bytes of a file, from its beginning, into a hash.
func HashFile(ctx context.Context, into hash.Hash, file io.ReaderAt, n int64, progress func(done, total int64)) (int64, error) {
	section, buf := io.NewSectionReader(file, 0, n), make([]byte, hashBufferBytes)
	report := Throttle(progress)
	done := int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		count, err := section.Read(buf)
		into.Write(buf[:count])
		done += int64(count)
		report(done, n)
		if errors.Is(err, io.EOF) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
}

// Digest writes a SHA-256 as the protocol does.
func Digest(h hash.Hash) string { return "sha256:" + hex.EncodeToString(h.Sum(nil)) }

// progressInterval is the least time between two reports.
const progressInterval = 100 * time.Millisecond

// Throttle returns a function that passes on the first report, the last and some
// in between.
func Throttle(report func(done, total int64)) func(done, total int64) {
	var last time.Time
	return func(done, total int64) {
		if now := time.Now(); done == total || now.Sub(last) >= progressInterval {
			last = now
			report(done, total)
		}
	}
}
