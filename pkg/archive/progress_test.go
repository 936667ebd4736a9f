// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	var told []int64
	p := newProgress(func(done, total int64) {
		if total != 10 {
			t.Errorf("total is %d", total)
		}
		told = append(told, done)
	}, []hashJob{{size: 4}, {size: 6}})
	due := func() { p.last = time.Time{} }
	p.add(1) // not due yet
	due()
	p.add(2)
	p.add(1) // told just before
	due()
	p.add(3)
	due()
	p.add(90) // more than there was to do: only finish tells of the end
	p.finish()
	if want := []int64{3, 7, 10}; len(told) != 3 || told[0] != want[0] || told[1] != want[1] || told[2] != want[2] {
		t.Errorf("told %v, want %v", told, want)
	}
	p = newProgress(nil, nil)
	p.add(1)
	p.finish()
}
