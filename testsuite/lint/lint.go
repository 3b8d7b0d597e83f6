// Package lint is the house lint of workflow code: what would make a replay go
// another way than the first run did, and what workflowcheck does not see
// (math/rand/v2, time.AfterFunc, the environment, package-level state). It is
// strict rather than clever: workflow code has no use for any of it.
package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"bakeoff/testsuite/layers"
)

// forbiddenImports are packages that workflow code must not know at all; those
// below them are forbidden, too.
var forbiddenImports = map[string]string{
	"math/rand":     "randomness differs on replay: take it from an activity",
	"crypto/rand":   "randomness differs on replay: take it from an activity",
	"os":            "the environment differs between workers: take it from an activity",
	"net":           "only activities reach the world",
	"syscall":       "only activities reach the world",
	"sync":          "workflow code has one thread: use workflow.Mutex, workflow.WaitGroup",
	"encoding/json": "its order and its rules may change: digests are computed in activities",
	"log":           "use workflow.GetLogger: it is silent on replay",
}

// forbiddenTime are functions of package time that read the clock or wait.
var forbiddenTime = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// sdkClient may be imported for its metrics types only: workflow.
// GetMetricsHandler returns one.
const sdkClient = "go.temporal.io/sdk/client"

// Finding is one place that breaks a rule.
type Finding struct {
	Position token.Position
	Message  string
}

// String reads "workflows/rollout.go:12:3: no go statements: …".
func (f Finding) String() string { return f.Position.String() + ": " + f.Message }

// Check lints the files of one package, by path. Test files should not be
// among them. Findings are in the order of the files and lines.
func Check(files *token.FileSet, sources map[string]*ast.File) []Finding {
	c := checker{files: files, globals: map[string]bool{}, specs: map[*ast.ValueSpec]bool{}}
	for _, file := range sources {
		c.findGlobals(file)
	}
	for _, file := range sources {
		c.imports(file)
		ast.Inspect(file, func(n ast.Node) bool { c.node(file, n); return true })
	}
	slices.SortFunc(c.findings, func(a, b Finding) int {
		if a.Position.Filename != b.Position.Filename {
			return strings.Compare(a.Position.Filename, b.Position.Filename)
		}
		return a.Position.Offset - b.Position.Offset
	})
	return c.findings
}

type checker struct {
	files    *token.FileSet
	globals  map[string]bool         // names of package-level variables
	specs    map[*ast.ValueSpec]bool // their declarations
	findings []Finding
}

func (c *checker) add(n ast.Node, format string, args ...any) {
	c.findings = append(c.findings, Finding{c.files.Position(n.Pos()), fmt.Sprintf(format, args...)})
}

func (c *checker) imports(file *ast.File) {
	names := layers.Imports(file)
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		for forbidden, why := range forbiddenImports {
			if path == forbidden || strings.HasPrefix(path, forbidden+"/") {
				c.add(spec, "no %s: %s", path, why)
			}
		}
		if names[path] == "." {
			c.add(spec, "no dot import: it hides where names come from")
		}
	}
}

// findGlobals notes package-level variables and reports those that hold state.
func (c *checker) findGlobals(file *ast.File) {
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.VAR {
			continue
		}
		for _, spec := range d.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			c.specs[v] = true
			for i, name := range v.Names {
				if name.Name == "_" {
					continue
				}
				c.globals[name.Name] = true
				if !isActivities(v, name.Name) && !(i < len(v.Values) && isConstant(v.Values[i])) {
					c.add(name, "no package-level variable %s: it is shared by all workflows of the process; use a function or a constant", name.Name)
				}
			}
		}
	}
}

// isActivities recognises `var a *activities.Activities`, which only names
// activities and is never set.
func isActivities(v *ast.ValueSpec, name string) bool {
	star, ok := v.Type.(*ast.StarExpr)
	if !ok || name != "a" || len(v.Values) > 0 {
		return false
	}
	s, ok := star.X.(*ast.SelectorExpr)
	return ok && isName(s.X, "activities") && s.Sel.Name == "Activities"
}

// isConstant recognises what is made once and cannot be changed: errors to
// compare with, and keys of search attributes.
func isConstant(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && (isName(s.X, "errors") && s.Sel.Name == "New" || isName(s.X, "fmt") && s.Sel.Name == "Errorf" ||
		isName(s.X, "temporal") && strings.HasPrefix(s.Sel.Name, "NewSearchAttributeKey"))
}

func isName(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}

func (c *checker) node(file *ast.File, n ast.Node) {
	switch n := n.(type) {
	case *ast.GoStmt:
		c.add(n, "no go statements: use workflow.Go")
	case *ast.SelectStmt:
		c.add(n, "no select statements: use workflow.NewSelector")
	case *ast.ChanType:
		c.add(n, "no channels: use workflow.NewChannel")
	case *ast.SendStmt:
		c.add(n, "no channels: use workflow.NewChannel")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			c.add(n, "no channels: use workflow.NewChannel")
		}
	case *ast.SelectorExpr:
		c.selector(file, n)
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, left := range n.Lhs {
				c.written(left)
			}
		}
	case *ast.IncDecStmt:
		c.written(n.X)
	}
}

// selector reports what of an allowed package is forbidden all the same.
func (c *checker) selector(file *ast.File, n *ast.SelectorExpr) {
	names := layers.Imports(file)
	if clock := names["time"]; clock != "" && isName(n.X, clock) && slices.Contains(forbiddenTime, n.Sel.Name) {
		c.add(n, "no time.%s: use workflow.Now, workflow.Sleep or workflow.NewTimer", n.Sel.Name)
	}
	if client := names[sdkClient]; client != "" && isName(n.X, client) && !strings.HasPrefix(n.Sel.Name, "Metrics") {
		c.add(n, "no client.%s: workflow code must not call the server", n.Sel.Name)
	}
}

// written reports a write to a package-level variable, or into one.
func (c *checker) written(left ast.Expr) {
	for {
		switch e := left.(type) {
		case *ast.IndexExpr:
			left = e.X
		case *ast.SelectorExpr:
			left = e.X
		case *ast.StarExpr:
			left = e.X
		case *ast.ParenExpr:
			left = e.X
		case *ast.Ident:
			if c.globals[e.Name] && !c.isLocal(e) {
				c.add(e, "no write to package-level variable %s", e.Name)
			}
			return
		default:
			return
		}
	}
}

// isLocal reports whether the name was declared within a function. The parser
// resolves such names; those of another file of the package it does not.
func (c *checker) isLocal(e *ast.Ident) bool {
	if e.Obj == nil {
		return false
	}
	spec, ok := e.Obj.Decl.(*ast.ValueSpec)
	return !ok || !c.specs[spec]
}
