// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// opened is an archive that is being served. It is closed when the last of
// those who hold it lets go: the Set, and each request that reads from it.
type opened struct {
	*content
	log      *slog.Logger
	id, path string
	file     *os.File
	identity identity
	state    verified.State
	damage   atomic.Pointer[error] // why it may not be served any more
	holders  atomic.Int64
}

// open opens the archive at path if it could be imported. Its errors name path.
func open(path string, log *slog.Logger) (*opened, error) {
	a, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	// The directories, which a has, are dropped in the end; its file stays open.
	o := &opened{path: path, file: a.File(), log: log}
	o.holders.Store(1)
	if err := o.load(a); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return o, nil
}

func (o *opened) load(a *archive.Archive) (err error) {
	if o.identity, err = identityOf(o.file); err != nil {
		return err
	}
	if o.state, err = verified.StateOf(o.file); err != nil {
		return err
	}
	held, report := a.Inspect()
	if err := report.Err(archive.StageImport); err != nil {
		return err
	}
	o.id = held.ID
	if o.content, err = scan(a); err != nil {
		return err
	}
	return o.check()
}

// hold keeps the archive open until release; it reports false where it is
// closed already.
func (o *opened) hold() bool {
	for {
		n := o.holders.Load()
		if n == 0 {
			return false
		}
		if o.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (o *opened) release() {
	if o.holders.Add(-1) == 0 {
		// Of a file that was only read, Close has nothing to tell.
		_ = o.file.Close()
	}
}

// check returns an error where the archive's file is not what was opened. A
// damaged archive stays so: what opens it again makes another of it.
func (o *opened) check() error {
	if damage := o.damage.Load(); damage != nil {
		return *damage
	}
	now, err := identityOf(o.file)
	if err == nil && !now.sameContent(o.identity) {
		err = fmt.Errorf("%s has changed since it was opened", o.path)
	}
	return o.damaged(err)
}

// damaged notes err, if there is one, tells the log of the first, and returns
// it.
func (o *opened) damaged(err error) error {
	if err != nil && o.damage.CompareAndSwap(nil, &err) {
		o.log.Error("damaged", "id", o.id, "archive", o.path, "error", err)
	}
	return err
}

// findBlob returns a blob, that of the named image where it has one, and nil
// where the archive does not hold it.
func (o *opened) findBlob(imageName string, d digest) *iso9660.Reader {
	found := o.blobs.find(o.secret.key(d))
	if len(found) == 0 {
		return nil
	}
	of := &found[0]
	if repo := o.repository(imageName); repo != nil {
		if own := found.of(repo); own != nil {
			of = own
		}
	}
	return o.reader(of.place)
}

// findManifest returns a manifest of the repository, nil for none.
func (o *opened) findManifest(repo *repository, d digest) *stored {
	return o.manifests.find(o.secret.key(d)).of(repo)
}

func (o *opened) reader(p place) *iso9660.Reader { return iso9660.NewReader(o.file, o.extents(p)) }

// tag returns the digest of a tag's manifest.
func (o *opened) tag(repo *repository, tag string) (digest, bool) {
	images := o.images[repo.from:repo.to]
	i, found := slices.BinarySearchFunc(images, tag, func(i image, tag string) int { return strings.Compare(i.tag, tag) })
	if !found {
		return digest{}, false
	}
	return images[i].digest, true
}

// readManifest reads a manifest, which has to have this digest.
func (o *opened) readManifest(from *stored, d digest) (*manifest, error) {
	r := o.reader(from.place)
	data := make([]byte, r.Size())
	_, err := io.ReadFull(r, data)
	switch {
	case err != nil:
		err = fmt.Errorf("reading manifest %s in %s: %w", d, o.path, cause(err))
	case sha256.Sum256(data) != d:
		err = fmt.Errorf("manifest %s in %s is not any more what it was when it was opened", d, o.path)
	}
	if err != nil {
		return nil, o.damaged(err)
	}
	mediaType, err := archive.MediaType(data)
	if err != nil {
		return nil, o.damaged(err)
	}
	return newManifest(d, mediaType, data), o.check()
}
