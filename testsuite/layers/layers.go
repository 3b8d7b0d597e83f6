// Package layers holds the shape of the repository as tests: which folder may
// import which (TestLayers), which folders there are, that the pure packages
// have no clock and no network, and that everything exported is documented.
package layers

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// Module is the import path of the repository's root.
const Module = "bakeoff"

// Package is the source of one folder, without tests.
type Package struct {
	Folder string // from the root, with slashes, such as activities/web
	Name   string
	Files  map[string]*ast.File // by path from the root
}

// Load parses every package below the root. Folders that begin with a dot,
// testdata, and those listed in skip (from the root) are passed over. Files
// are read by this process, so that the test cache sees them.
func Load(root string, skip ...string) ([]Package, *token.FileSet, error) {
	byFolder, files := map[string]*Package{}, token.NewFileSet()
	var order []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		local, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if local = filepath.ToSlash(local); entry.IsDir() {
			if passedOver(local, skip) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(local, ".go") || strings.HasSuffix(local, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		folder := filepath.ToSlash(filepath.Dir(local))
		if byFolder[folder] == nil {
			byFolder[folder] = &Package{Folder: folder, Name: file.Name.Name, Files: map[string]*ast.File{}}
			order = append(order, folder)
		}
		byFolder[folder].Files[local] = file
		return nil
	})
	var out []Package
	for _, folder := range order {
		out = append(out, *byFolder[folder])
	}
	return out, files, err
}

func passedOver(folder string, skip []string) bool {
	base := folder[strings.LastIndex(folder, "/")+1:]
	if base == "testdata" || base == "bin" || folder != "." && strings.HasPrefix(base, ".") {
		return true
	}
	for _, s := range skip {
		if folder == s {
			return true
		}
	}
	return false
}

// Imports lists what a file imports: path → the name it has in the file, which
// is the last part of the path where the file gives none.
func Imports(file *ast.File) map[string]string {
	out := map[string]string{}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused it already
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if strings.HasPrefix(name, "v") && strings.Count(path, "/") > 0 && strings.Trim(name[1:], "0123456789") == "" {
			rest := strings.TrimSuffix(path, "/"+name)
			name = rest[strings.LastIndex(rest, "/")+1:]
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		out[path] = name
	}
	return out
}

// Undocumented lists the exported names without a comment. One comment may
// serve a group of constants or variables.
func Undocumented(file *ast.File) []string {
	var out []string
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Name.IsExported() && decl.Doc == nil && exportedReceiver(decl) {
				out = append(out, decl.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				out = append(out, undocumentedIn(spec, decl.Doc)...)
			}
		}
	}
	return out
}

func undocumentedIn(spec ast.Spec, group *ast.CommentGroup) []string {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() && spec.Doc == nil && spec.Comment == nil && group == nil {
			return []string{spec.Name.Name}
		}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() && spec.Doc == nil && spec.Comment == nil && group == nil {
				return []string{name.Name}
			}
		}
	}
	return nil
}

// exportedReceiver reports whether a function can be seen from outside: it has
// no receiver, or one of an exported type.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	t := f.Recv.List[0].Type
	for {
		switch typed := t.(type) {
		case *ast.StarExpr:
			t = typed.X
		case *ast.IndexExpr:
			t = typed.X
		case *ast.IndexListExpr:
			t = typed.X
		case *ast.Ident:
			return typed.IsExported()
		default:
			return true
		}
	}
}
