// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
)

// VerifyOptions are optional.
type VerifyOptions struct {
	// Workers is how many files are read at a time, GOMAXPROCS where it is 0.
	Workers int
	// Progress is called with the bytes that are checked and those to check in
	// all, about 20 times a second at most, from one goroutine at a time, done
	// never decreasing; the last call has done equal to total. It is not called
	// again after Verify has returned.
	Progress func(done, total int64)
}

// verifyBuffer is how much each worker reads at a time, in bytes.
const verifyBuffer = 1 << 20

// Verify does what Inspect does, and reads every config, layer and child
// manifest to compare its digest with the one that its image states, and files
// of images that nothing leads to, where their names are digests. A file
// that several directory records share is read once, and all are read in the
// order in which they lie in the ISO image. The error is that of ctx, or says
// that the archive was closed; anything else is a finding.
func (a *Archive) Verify(ctx context.Context, opts VerifyOptions) (Report, error) {
	in := inspect(a.fsys, true)
	v := &verifier{fsys: a.fsys, jobs: planHashes(in.vouched)}
	v.progress = newProgress(opts.Progress, v.jobs)
	if err := v.run(ctx, opts.Workers); err != nil {
		return Report{}, fmt.Errorf("checking the digests of %s: %w", a.path, err)
	}
	for i := range v.jobs {
		v.jobs[i].judge(&in.collector)
	}
	v.progress.finish()
	return in.report(a.path), nil
}

// verifier hashes what jobs name, several at a time.
type verifier struct {
	fsys     fs.FS
	jobs     []hashJob
	next     atomic.Int64
	progress *progress
}

// run returns an error only for what makes going on pointless.
func (v *verifier) run(ctx context.Context, workers int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range min(workers, len(v.jobs)) {
		wg.Go(func() {
			if err := v.work(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (v *verifier) work(ctx context.Context) error {
	buf, digest := make([]byte, verifyBuffer), sha256.New()
	for {
		i := v.next.Add(1) - 1
		if i >= int64(len(v.jobs)) {
			return nil
		}
		job := &v.jobs[i]
		job.err = v.hash(ctx, job.files[0].path, digest, buf)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(job.err, fs.ErrClosed):
			return job.err
		}
		digest.Sum(job.sum[:0])
	}
}

// hash reads one file into digest.
func (v *verifier) hash(ctx context.Context, path string, digest hash.Hash, buf []byte) error {
	digest.Reset()
	file, err := v.fsys.Open(path)
	if err != nil {
		return cause(err)
	}
	for {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, file.Close())
		}
		n, err := file.Read(buf)
		digest.Write(buf[:n])
		v.progress.add(int64(n))
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(cause(err), cause(file.Close()))
		}
	}
}
