package layers_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/testsuite/layers"
)

const root = "../.."

// rule says what a folder's packages may import. Test files are free.
type rule struct {
	ours   []string // folders of ours; "x/..." with everything below it
	others []string // prefixes of other modules; "*" is any
	pure   bool     // no clock, network, files or processes
}

var temporal = []string{"go.temporal.io/"}

// rules are design.md's, "Folders". The longest name that a folder begins with
// is its rule.
var rules = map[string]rule{
	"rollout":             {},
	"rollout/specfile":    {ours: []string{"rollout"}, others: []string{"github.com/goccy/go-yaml", "github.com/invopop/jsonschema", "go.yaml.in/yaml"}},
	"rollout/freeze":      {ours: []string{"rollout"}, others: []string{"github.com/teambition/rrule-go"}, pure: true},
	"rollout/tracing":     {others: []string{"go.opentelemetry.io/", "go.temporal.io/"}},
	"rollout/signature":   {ours: []string{"rollout"}, others: []string{"github.com/hiddeco/sshsig", "golang.org/x/crypto"}},
	"analysis":            {ours: []string{"analysis/..."}, others: []string{"github.com/expr-lang/expr", "gonum.org/"}, pure: true},
	"rehearsal":           {ours: []string{"rehearsal/...", "rollout", "analysis"}, others: []string{"gonum.org/"}, pure: true},
	"activities":          {ours: []string{"rollout", "rehearsal/...", "analysis"}, others: temporal},
	"activities/":         {ours: []string{"activities", "activities/selector", "activities/identity", "rollout", "rehearsal/..."}, others: []string{"*"}},
	"activities/identity": {},
	"activities/selector": {ours: []string{"activities", "rollout"}, others: []string{"*"}},
	"workflows":           {ours: []string{"activities", "rollout", "rehearsal/...", "analysis"}, others: temporal},
	"starter":             {ours: []string{"starter/...", "rollout/...", "rehearsal/...", "analysis/..."}, others: []string{"*"}},
	"worker": {ours: []string{"worker/...", "workflows", "activities/...", "rollout/...", "rehearsal/...", "analysis/...", "testsuite/histories"},
		others: []string{"*"}},
	"testsuite": {ours: []string{"..."}, others: []string{"*"}},
}

func ruleOf(folder string) (rule, bool) {
	best, found := "", false
	for name := range rules {
		if folder == name || strings.HasPrefix(folder, strings.TrimSuffix(name, "/")+"/") {
			if len(name) > len(best) {
				best, found = name, true
			}
		}
	}
	return rules[best], found
}

func (r rule) allows(path, ownFolder string) bool {
	if ours, ok := strings.CutPrefix(path, layers.Module+"/"); ok || path == layers.Module {
		return ours == ownFolder || slices.ContainsFunc(r.ours, func(may string) bool {
			above, all := strings.CutSuffix(may, "...")
			return ours == may || all && (strings.HasPrefix(ours, above) || ours == strings.TrimSuffix(above, "/"))
		})
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") { // the standard library
		return !r.pure || !slices.Contains([]string{"net", "os", "syscall", "testing"}, first)
	}
	return slices.ContainsFunc(r.others, func(may string) bool { return may == "*" || strings.HasPrefix(path, may) })
}

// load parses the main module. deploy/dev is a module of its own.
func load(t *testing.T) []layers.Package {
	t.Helper()
	packages, _, err := layers.Load(root, "deploy/dev")
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	return packages
}

// TestLayers holds the direction of imports that design.md draws.
func TestLayers(t *testing.T) {
	var wrong []string
	for _, p := range load(t) {
		r, known := ruleOf(p.Folder)
		require.True(t, known, "%s has no place in the layers", p.Folder)
		for name, file := range p.Files {
			for path := range layers.Imports(file) {
				if !r.allows(path, p.Folder) {
					wrong = append(wrong, name+" must not import "+path)
				}
			}
		}
	}
	slices.Sort(wrong)
	require.Empty(t, wrong)
}

// TestRulesBite keeps the rules themselves from becoming toothless.
func TestRulesBite(t *testing.T) {
	tests := []struct {
		folder, path string
		want         bool
	}{
		{"rollout", "time", true},
		{"rollout", "github.com/goccy/go-yaml", false},
		{"rollout", "bakeoff/analysis", false},
		{"rollout/specfile", "bakeoff/rollout", true},
		{"rollout/specfile", "github.com/goccy/go-yaml/ast", true},
		{"rollout/specfile", "go.temporal.io/sdk/client", false},
		{"rollout/freeze", "github.com/teambition/rrule-go", true},
		{"rollout/freeze", "os", false},
		{"rollout/signature", "golang.org/x/crypto/ssh", true},
		{"rollout/signature", "github.com/goccy/go-yaml", false},
		{"rollout/tracing", "go.opentelemetry.io/otel/trace", true},
		{"rollout/tracing", "bakeoff/rollout", false},
		{"workflows", "bakeoff/rollout/tracing", false},
		{"activities", "bakeoff/rollout/signature", false},
		{"analysis", "math", true},
		{"analysis", "bakeoff/rollout", false},
		{"analysis", "net/http", false},
		{"analysis", "os", false},
		{"analysis", "go.temporal.io/sdk/workflow", false},
		{"rehearsal", "os/exec", false},
		{"activities", "bakeoff/workflows", false},
		{"activities", "bakeoff/activities/web", false},
		{"activities", "bakeoff/analysis", true},
		{"activities/caddy", "bakeoff/activities", true},
		{"activities/caddy", "bakeoff/activities/selector", true},
		{"activities/faults", "bakeoff/activities/identity", true},
		{"activities/faults", "bakeoff/rehearsal/fault", true},
		{"activities/identity", "bakeoff/activities", false},
		{"activities/caddy", "bakeoff/activities/web", false},
		{"activities/caddy", "bakeoff/analysis", false},
		{"activities/caddy", "bakeoff/worker", false},
		{"workflows", "bakeoff/activities", true},
		{"workflows", "bakeoff/activities/web", false},
		{"workflows", "bakeoff/rollout/specfile", false},
		{"starter", "bakeoff/rollout/specfile", true},
		{"starter", "bakeoff/activities", false},
		{"starter", "bakeoff/workflows", false},
		{"starter", "bakeoff/worker", false},
		{"worker", "bakeoff/activities/web", true},
		{"worker", "bakeoff/testsuite/sim", false},
		{"testsuite/sim", "bakeoff/activities", true},
	}
	for _, tt := range tests {
		r, known := ruleOf(tt.folder)
		require.True(t, known, tt.folder)
		require.Equal(t, tt.want, r.allows(tt.path, tt.folder), "%s → %s", tt.folder, tt.path)
	}
}

// TestPurePackagesHaveNoClock: time comes in as an argument.
func TestPurePackagesHaveNoClock(t *testing.T) {
	for _, p := range load(t) {
		if r, _ := ruleOf(p.Folder); !r.pure {
			continue
		}
		for name, file := range p.Files {
			clock, imported := layers.Imports(file)["time"]
			if !imported {
				continue
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == clock {
						require.NotContains(t, []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}, s.Sel.Name, name)
					}
				}
				return true
			})
		}
	}
}

// TestFolders: the list of design.md is complete. What git ignores is no part
// of the repository.
func TestFolders(t *testing.T) {
	allowed := []string{"workflows", "activities", "worker", "starter", "testsuite", "deploy", "rollout", "analysis", "rehearsal", "docs", ".ci", ".git"}
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	require.NoError(t, err)
	for line := range strings.Lines(string(ignored)) {
		allowed = append(allowed, strings.Trim(strings.TrimSpace(line), "/"))
	}
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() {
			require.Contains(t, allowed, e.Name(), "a new top-level folder needs a place in design.md")
		}
	}
}

// TestModule: the server is a dependency of deploy/dev alone.
func TestModule(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	require.NotContains(t, string(mod), "go.temporal.io/server")
	require.NotContains(t, string(mod), "replace ")
}

// TestDocumented: every package says what it is, every exported name, too.
func TestDocumented(t *testing.T) {
	packages, _, err := layers.Load(root)
	require.NoError(t, err)
	var bare []string
	for _, p := range packages {
		documented := false
		for path, file := range p.Files {
			for _, name := range layers.Undocumented(file) {
				bare = append(bare, path+": "+name)
			}
			documented = documented || file.Doc != nil && strings.HasPrefix(file.Doc.Text(), packageOpening(p))
		}
		if !documented {
			bare = append(bare, p.Folder+": the package needs a comment that begins with "+packageOpening(p))
		}
		require.NotContains(t, []string{"util", "utils", "common", "types", "helpers", "shared"}, p.Name, p.Folder)
	}
	slices.Sort(bare)
	require.Empty(t, bare, "exported names and packages need comments")
}

// packageOpening is how the comment begins: a command bears its binary's name.
func packageOpening(p layers.Package) string {
	if p.Name == "main" {
		return "Command "
	}
	return "Package " + p.Name + " "
}

func TestUndocumented(t *testing.T) {
	const source = `package p
func Bare() {}
// Told is.
func Told() {}
type T struct{}
// U is.
type U struct{}
func (*U) Method() {}
func (u) Method2() {}
// Both are.
const ( A = 1; B = 2 )
var C int
type u struct{}
func small() {}
type G[X any] struct{}
func (g G[X]) Generic() {}
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.ParseComments)
	require.NoError(t, err)
	require.Equal(t, []string{"Bare", "T", "Method", "C", "G", "Generic"}, layers.Undocumented(file))
}

func TestImports(t *testing.T) {
	const source = `package p
import ( "math/rand/v2"; "time"; clock "time/tzdata"; . "fmt"; "example.org/x/version" )
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.ImportsOnly)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"math/rand/v2": "rand", "time": "time", "time/tzdata": "clock", "fmt": ".", "example.org/x/version": "version"},
		layers.Imports(file))
}
