// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Templates are the files of an archive that may hold its own configuration,
// the newer name first.
var Templates = []string{"registry-config.inc.j2", "registry-config.inc"}

var (
	variablePattern = regexp.MustCompile(`\{\{ *(repository|registry_root) *\}\}`)
	// syntaxPattern is what begins or ends an expression, a statement or a
	// comment of Jinja. "}}" may be two blocks of nginx that end.
	syntaxPattern = regexp.MustCompile(`\{\{|\{%|%\}|\{#|#\}`)
	// plainPattern holds what a path can be made of where it is not known
	// whether it will stand in quotes.
	plainPattern = regexp.MustCompile(`^[A-Za-z0-9/._+@:,=-]+$`)
)

// Render fills in the configuration that an archive brings along, a template
// with the variables "repository", which is the id, and "registry_root", the
// folder images in the archive's tree at root. Nothing else of Jinja is known,
// and is an error. What the template says is nginx's to judge: it is the
// archive's maker who configures nginx by it.
func Render(template []byte, id, root string) (string, error) {
	images := path.Join(root, "images")
	if err := CheckPath(root); err != nil {
		return "", fmt.Errorf("root of %s: %w", id, err)
	}
	if !plainPattern.MatchString(images) {
		return "", fmt.Errorf("root of %s: %q holds characters that cannot stand in a configuration that is not made here", id, root)
	}
	if !namePattern.MatchString(id) {
		return "", fmt.Errorf("%q is no name that can be served", id)
	}
	values := map[string]string{"repository": id, "registry_root": images}
	text := variablePattern.ReplaceAllStringFunc(string(template), func(found string) string {
		return values[strings.Trim(found, "{} ")]
	})
	if at := syntaxPattern.FindStringIndex(text); at != nil {
		line := 1 + strings.Count(text[:at[0]], "\n")
		return "", hint.With(fmt.Errorf("line %d has %q: only {{ repository }} and {{ registry_root }} are filled in", line, text[at[0]:at[1]]),
			"leave out --use-archive-config: the configuration is then made from what is in the archive")
	}
	return text, nil
}
