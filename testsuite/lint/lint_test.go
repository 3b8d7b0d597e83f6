package lint_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/testsuite/layers"
	"bakeoff/testsuite/lint"
)

// TestWorkflows lints the workflow code of this repository.
func TestWorkflows(t *testing.T) {
	packages, files, err := layers.Load("../../workflows")
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	for _, p := range packages {
		require.Empty(t, lint.Check(files, p.Files))
	}
}

// TestRulesFire proves each rule on a piece of code that breaks it.
func TestRulesFire(t *testing.T) {
	tests := []struct {
		name, source, want string
	}{
		{"math/rand", `import "math/rand"`, "no math/rand"},
		{"math/rand/v2", `import "math/rand/v2"`, "no math/rand/v2"},
		{"crypto/rand", `import "crypto/rand"`, "no crypto/rand"},
		{"rand under another name", `import dice "math/rand/v2"`, "no math/rand/v2"},
		{"os.Getenv", `import "os"; func f() { _ = os.Getenv("X") }`, "no os:"},
		{"os/exec", `import "os/exec"`, "no os/exec"},
		{"net", `import "net"`, "no net:"},
		{"net/http", `import "net/http"`, "no net/http"},
		{"sync", `import "sync"`, "no sync:"},
		{"sync/atomic", `import "sync/atomic"`, "no sync/atomic"},
		{"encoding/json", `import "encoding/json"`, "no encoding/json"},
		{"log", `import "log/slog"`, "no log/slog"},
		{"client", `import "go.temporal.io/sdk/client"; func f() { client.Dial(client.Options{}) }`, "no client.Dial"},
		{"dot import", `import . "strings"`, "no dot import"},
		{"time.Now", `import "time"; func f() { time.Now() }`, "no time.Now"},
		{"time.Since", `import "time"; func f() { time.Since(time.Time{}) }`, "no time.Since"},
		{"time.Sleep", `import "time"; func f() { time.Sleep(1) }`, "no time.Sleep"},
		{"time.After", `import "time"; func f() { time.After(1) }`, "no time.After"},
		{"time.AfterFunc", `import "time"; func f() { time.AfterFunc(1, nil) }`, "no time.AfterFunc"},
		{"time.NewTimer", `import "time"; func f() { time.NewTimer(1) }`, "no time.NewTimer"},
		{"clock as a value", `import "time"; func f() { now := time.Now; _ = now }`, "no time.Now"},
		{"time under another name", `import clock "time"; func f() { clock.Now() }`, "no time.Now"},
		{"go statement", `func f() { go f() }`, "no go statements"},
		{"select", `func f() { select {} }`, "no select statements"},
		{"channel type", `func f(c chan int) {}`, "no channels"},
		{"send", `func f() { c <- 1 }`, "no channels"},
		{"receive", `func f() { <-c }`, "no channels"},
		{"global", `var counter int`, "no package-level variable counter"},
		{"global table", `var table = map[string]int{"a": 1}`, "no package-level variable table"},
		{"global function value", `var f = func() {}`, "no package-level variable f"},
		{"activities with a value", `var a = &activities.Activities{}`, "no package-level variable a"},
		{"write to a sentinel", "import \"errors\"\nvar errX = errors.New(\"x\")\nfunc f() { errX = nil }", "no write to package-level variable errX"},
		{"write into a global", "var a *activities.Activities\nfunc f() { a.Vault = nil }", "no write to package-level variable a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			findings := check(t, tt.source)
			require.NotEmpty(t, findings)
			var all []string
			for _, f := range findings {
				all = append(all, f.String())
			}
			require.Contains(t, strings.Join(all, "\n"), tt.want)
			require.Contains(t, all[0], "bad.go:")
		})
	}
}

// TestGoodCodePasses keeps the rules from forbidding what workflows need.
func TestGoodCodePasses(t *testing.T) {
	const source = `
import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
)

var a *activities.Activities

var (
	errStop  = errors.New("stop")
	errOther = fmt.Errorf("other: %w", errStop)
	_        fmt.Stringer
	phase    = temporal.NewSearchAttributeKeyKeyword("RolloutPhase")
)

func metrics(ctx workflow.Context) client.MetricsHandler { return workflow.GetMetricsHandler(ctx) }

const limit = 5 * time.Minute

func f(ctx workflow.Context) time.Time {
	a := 1 // hides the global
	a = 2
	a++
	errStop := errStop
	errStop = nil
	var list []int
	list[0] = a
	return workflow.Now(ctx).Add(limit).In(time.UTC)
}
`
	require.Empty(t, check(t, source))
}

// TestFindingsOverFiles: a write is found in another file than the variable's.
func TestFindingsOverFiles(t *testing.T) {
	files := token.NewFileSet()
	sources := map[string]*ast.File{}
	for name, source := range map[string]string{"a.go": "package p\nimport \"errors\"\nvar errX = errors.New(\"x\")", "b.go": "package p\nfunc f() { errX = nil }"} {
		file, err := parser.ParseFile(files, name, source, 0)
		require.NoError(t, err)
		sources[name] = file
	}
	findings := lint.Check(files, sources)
	require.Len(t, findings, 1)
	require.Equal(t, "b.go:2:12: no write to package-level variable errX", findings[0].String())
}

func check(t *testing.T, source string) []lint.Finding {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "bad.go", "package p\n"+source, 0)
	require.NoError(t, err)
	return lint.Check(files, map[string]*ast.File{"bad.go": file})
}
