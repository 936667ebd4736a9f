// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// opened is an archive that is being served. It is closed when the last of
// those who hold it lets go: the Set, and each request that reads from it.
type opened struct {
	*content
	log      *slog.Logger
	id       string
	archive  *archive.Archive
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
	o := &opened{archive: a, log: log}
	o.holders.Store(1)
	if err := o.load(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return o, nil
}

func (o *opened) load() (err error) {
	if o.identity, err = identityOf(o.archive.File()); err != nil {
		return err
	}
	if o.state, err = verified.StateOf(o.archive.File()); err != nil {
		return err
	}
	held, report := o.archive.Inspect()
	if err := report.Err(archive.StageImport); err != nil {
		return err
	}
	o.id = held.ID
	if o.content, err = scan(o.archive); err != nil {
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
		_ = o.archive.Close()
	}
}

// check returns an error where the archive's file is not what was opened. A
// damaged archive stays so: what opens it again makes another of it.
func (o *opened) check() error {
	if damage := o.damage.Load(); damage != nil {
		return *damage
	}
	now, err := identityOf(o.archive.File())
	if err == nil && !now.sameContent(o.identity) {
		err = fmt.Errorf("%s has changed since it was opened", o.archive.Path())
	}
	return o.damaged(err)
}

// damaged notes err, if there is one, tells the log of the first, and returns
// it.
func (o *opened) damaged(err error) error {
	if err != nil && o.damage.CompareAndSwap(nil, &err) {
		o.log.Error("damaged", "id", o.id, "archive", o.archive.Path(), "error", err)
	}
	return err
}

// findBlob opens a blob, that of the named image where it has one. The error
// is fs.ErrNotExist where the archive does not hold it.
func (o *opened) findBlob(imageName string, d digest) (fs.File, error) {
	candidates := o.blobs.find(d)
	repo := o.repositories[imageName]
	for _, own := range []bool{true, false} {
		for _, p := range candidates {
			if own != (repo != nil && repo.has(p.image)) {
				continue
			}
			file, err := o.archive.FS().Open(o.images[p.image].dir() + "/" + d.hex())
			if err == nil || !errors.Is(err, fs.ErrNotExist) {
				return file, err
			}
		}
	}
	return nil, fs.ErrNotExist
}

// findManifest returns the path of a manifest of the repository, "" for none.
func (o *opened) findManifest(repo *repository, d digest) string {
	for _, p := range o.manifests.find(d) {
		if !repo.has(p.image) {
			continue
		}
		dir := o.images[p.image].dir()
		if o.images[p.image].digest == d {
			return dir + "/" + manifestName
		}
		child := dir + "/" + d.hex() + childSuffix
		if info, err := fs.Stat(o.archive.FS(), child); err == nil && info.Mode().IsRegular() {
			return child
		}
	}
	return ""
}

// tag returns the digest of a tag's manifest.
func (o *opened) tag(repo *repository, tag string) (digest, bool) {
	images := o.images[repo.from:repo.to]
	i, found := slices.BinarySearchFunc(images, tag, func(i image, tag string) int { return strings.Compare(i.tag, tag) })
	if !found {
		return digest{}, false
	}
	return images[i].digest, true
}

// readManifest reads the manifest at path, which has to have this digest.
func (o *opened) readManifest(path string, d digest) (*manifest, error) {
	data, err := o.archive.ReadFile(path)
	if err == nil && sha256.Sum256(data) != d {
		err = fmt.Errorf("%s in %s is not any more what it was when it was opened", path, o.archive.Path())
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
