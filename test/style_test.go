// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// minDocumented is the part of exported identifiers, in percent, that has a
// doc comment.
const minDocumented = 95

// figures are what is measured of the code, tests left out.
type figures struct {
	fileLines, functionLines      []sized
	codeLines, testLines          int
	exported, documented          int
	commentLines                  int
	undocumented, inits, unwanted []string
}

// sized is a file or function and its length in lines.
type sized struct {
	name  string
	lines int
}

func TestStyle(t *testing.T) {
	var f figures
	for _, folder := range []string{"../pkg", "../cmd"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			return f.measure(path)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range f.inits {
		t.Errorf("%s: func init: say what happens where it happens", at)
	}
	for _, at := range f.unwanted {
		t.Errorf("%s: the first line is no licence", at)
	}
	if f.documented*100 < f.exported*minDocumented {
		t.Errorf("%d of %d exported identifiers have a doc comment, and %d %% should; these have none:\n%s",
			f.documented, f.exported, minDocumented, strings.Join(f.undocumented, "\n"))
	}
	t.Logf("files: %s", distribution(f.fileLines))
	t.Logf("functions: %s", distribution(f.functionLines))
	t.Logf("%d of %d exported identifiers documented", f.documented, f.exported)
	t.Logf("comment:code %.2f, test:code %.2f", ratio(f.commentLines, f.codeLines), ratio(f.testLines, f.codeLines))
}

func (f *figures) measure(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, data, parser.ParseComments)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(data, []byte("// SPDX-License-Identifier: Apache-2.0\n\n")) {
		f.unwanted = append(f.unwanted, path)
	}
	lines := bytes.Count(data, []byte("\n"))
	if strings.HasSuffix(path, "_test.go") {
		f.testLines += lines
		return nil
	}
	f.codeLines += lines
	f.fileLines = append(f.fileLines, sized{path, lines})
	for _, group := range file.Comments {
		f.commentLines += fset.Position(group.End()).Line - fset.Position(group.Pos()).Line + 1
	}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			f.function(fset, d)
		case *ast.GenDecl:
			f.general(fset, d)
		}
	}
	return nil
}

func (f *figures) function(fset *token.FileSet, d *ast.FuncDecl) {
	at := fset.Position(d.Pos())
	f.functionLines = append(f.functionLines, sized{fmt.Sprintf("%s:%d %s", at.Filename, at.Line, d.Name.Name), fset.Position(d.End()).Line - at.Line + 1})
	if d.Name.Name == "init" && d.Recv == nil {
		f.inits = append(f.inits, at.String())
	}
	if d.Name.IsExported() && receiverIsExported(d) {
		f.count(fset, d.Name, d.Doc)
	}
}

// receiverIsExported is true for what is no method.
func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = exported || id.IsExported()
		}
		return true
	})
	return exported
}

func (f *figures) general(fset *token.FileSet, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				f.count(fset, s.Name, cmp.Or(s.Doc, d.Doc))
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() {
					// The comment of a group is that of each in it.
					f.count(fset, name, cmp.Or(s.Doc, s.Comment, d.Doc))
				}
			}
		}
	}
}

func (f *figures) count(fset *token.FileSet, name *ast.Ident, doc *ast.CommentGroup) {
	f.exported++
	if doc != nil {
		f.documented++
		return
	}
	f.undocumented = append(f.undocumented, fmt.Sprintf("%s: %s", fset.Position(name.Pos()), name.Name))
}

func distribution(list []sized) string {
	slices.SortFunc(list, func(a, b sized) int { return cmp.Compare(a.lines, b.lines) })
	last := list[len(list)-1]
	return fmt.Sprintf("%d, lines median %d, p90 %d, max %d (%s)",
		len(list), list[len(list)/2].lines, list[len(list)*9/10].lines, last.lines, last.name)
}

func ratio(a, b int) float64 { return float64(a) / float64(max(b, 1)) }
