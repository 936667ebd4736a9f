// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/registry"
)

// typeIndex is the media type of the answer to "Listing Referrers".
const typeIndex = "application/vnd.oci.image.index.v1+json"

const hexPattern = "[0-9a-f]{64}"

// Locations returns one location, for a server block, that serves what an
// archive lists from the archive's tree at root. Images that are linked are left
// out: symbolic links are not followed, since they could lead out of the tree.
func Locations(l *registry.Listing, root string) (string, error) {
	if err := CheckPath(root); err != nil {
		return "", fmt.Errorf("root of %s: %w", l.ID, err)
	}
	if err := checkNames(l); err != nil {
		return "", err
	}
	g := &generator{listing: l, root: path.Clean(root), base: "/v2/" + l.ID}
	// No regular expression takes paths away from this one, but those in it.
	g.block(`location ^~ "`+g.base+`/"`, func() {
		g.settings()
		for _, r := range l.Repositories {
			g.repository(r)
		}
		g.rest()
		g.errors()
	})
	return g.String(), nil
}

// checkNames refuses what the archive's reader should not have let through.
func checkNames(l *registry.Listing) error {
	names, tags, digests, types := []string{l.ID}, []string{}, []string{}, []string{}
	for _, r := range l.Repositories {
		names = append(names, r.Name)
		for subject := range r.Referrers {
			digests = append(digests, subject)
		}
		for _, i := range r.Images {
			tags = append(tags, i.Tag)
			if len(i.Manifests) == 0 {
				return fmt.Errorf("%s: %q has no manifest", l.ID, i.Path)
			}
			for _, m := range i.Manifests {
				digests, types = append(digests, m.Digest), append(types, m.MediaType)
				if path.Dir(m.Path) != "images/"+r.Name+"/"+i.Tag {
					return fmt.Errorf("manifest %q is not in the directory of its image", m.Path)
				}
				names = append(names, strings.TrimSuffix(path.Base(m.Path), ".json"))
			}
		}
	}
	for _, check := range []struct {
		what   string
		values []string
		ok     func(string) bool
	}{
		{"name", names, namePattern.MatchString},
		{"tag", tags, tagPattern.MatchString},
		{"digest", digests, digestPattern.MatchString},
		{"media type", types, mediaPattern.MatchString},
	} {
		for _, value := range check.values {
			if !check.ok(value) {
				return fmt.Errorf("%s: %q is no %s that can be served", l.ID, value, check.what)
			}
		}
	}
	return nil
}

// generator writes the location of one archive.
type generator struct {
	writer
	listing *registry.Listing
	root    string
	base    string // of its URLs
}

// settings are what all locations in this one have, unless they say otherwise.
func (g *generator) settings() {
	images := g.root + "/images"
	g.line("root %s;", quotePath(images))
	g.line("disable_symlinks on %s;", quotePath("from="+images))
	g.line("types { }")
	g.line("default_type application/json;")
	g.line("gzip off;")
	g.line("# Of a file nginx knows its time only, which says nothing of what is in it.")
	g.line("etag off;")
	g.line("if_modified_since off;")
	g.errorPages(errUnavailable)
	g.line(apiVersion)
	g.readOnly()
	g.refuse(errUnsupported)
}

func (g *generator) repository(r registry.ListedRepository) {
	base := g.base + "/" + r.Name
	var tags, folders []string
	seen := map[string]bool{} // digests
	for _, i := range r.Images {
		if i.Linked {
			continue
		}
		tags = append(tags, i.Tag)
		folders = append(folders, quotePath("/"+r.Name+"/"+i.Tag+"/$1"))
		g.manifest(base+"/manifests/"+i.Tag, i.Manifests[0])
		for _, m := range i.Manifests {
			if !seen[m.Digest] {
				g.manifest(base+"/manifests/"+m.Digest, m)
			}
			seen[m.Digest] = true
		}
	}
	if len(tags) == 0 {
		return
	}
	g.blobs(base+"/blobs/", folders)
	g.tags(base+"/tags/list", r.Name, tags)
	g.referrers(base+"/referrers/", r.Referrers)
}

func (g *generator) manifest(url string, m registry.ListedManifest) {
	g.exact(url, func() {
		g.line("default_type %s;", m.MediaType)
		g.digest(m.Digest)
		g.line("alias %s;", quotePath(g.root+"/"+m.Path))
	})
}

// digest has an answer tell the digest of what it is.
func (g *generator) digest(digest string) {
	g.line(apiVersion)
	g.line("add_header Docker-Content-Digest %s;", digest)
	g.line(`add_header ETag "\"%s\"";`, digest)
}

// blobs looks for a blob in the directories of all tags. The paths below prefix
// may be those of another repository as well, so that regular expressions
// outside are tried, too.
func (g *generator) blobs(prefix string, folders []string) {
	g.block(`location "`+prefix+`"`, func() {
		g.matching(prefix, "sha256:("+hexPattern+")", func() {
			g.line("default_type application/octet-stream;")
			g.errorPages(errBlobUnknown)
			g.digest("sha256:$1")
			g.line("try_files %s =404;", strings.Join(folders, " "))
		})
		g.matching(prefix, "[^/]+", func() {
			g.line(apiVersion)
			g.readOnly()
			g.refuse(errDigestInvalid)
		})
		g.line(apiVersion)
		g.readOnly()
		g.refuse(errUnsupported)
	})
}

func (g *generator) tags(url, name string, tags []string) {
	data := encode(struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{g.listing.ID + "/" + name, tags})
	g.exact(url, func() {
		g.line(apiVersion)
		g.readOnly()
		g.answer(200, data)
	})
}

// referrers answers for the subjects that have some; rest does for the others.
func (g *generator) referrers(prefix string, referrers map[string][]byte) {
	for _, subject := range slices.Sorted(maps.Keys(referrers)) {
		g.exact(prefix+subject, func() {
			g.line("default_type %s;", typeIndex)
			g.line(apiVersion)
			g.readOnly()
			g.answer(200, referrers[subject])
		})
	}
}
