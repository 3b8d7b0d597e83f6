package specfile

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write descriptions.json")

func TestDescriptionsAreThoseOfTheSource(t *testing.T) {
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	all := comments(t, "../spec.go", "../needs.go", "../schedule.go", "../strategies.go", "../adaptive.go", "../fleet.go")
	for name, text := range ofRehearsals(t) {
		all[name] = text
	}
	require.NoError(t, enc.Encode(all))
	if *update {
		require.NoError(t, os.WriteFile("descriptions.json", want.Bytes(), 0o644))
	}
	have, err := os.ReadFile("descriptions.json")
	require.NoError(t, err)
	require.Equal(t, want.String(), string(have), "run go generate ./rollout/specfile")
}

// ofRehearsals gathers what is written about the manifests of rehearsals, under
// the names that Go has for them, such as load.Load.
func ofRehearsals(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for folder, files := range map[string][]string{
		"rehearsal": {"manifest.go", "suite.go", "expect.go", "drill.go", "probe.go"}, "load": {"load/load.go"}, "fault": {"fault/fault.go"},
		"scaling": {"scaling/expect.go"}, "data": {"data/baseline.go", "data/mask.go", "data/check.go"},
	} {
		for i := range files {
			files[i] = filepath.Join("../../rehearsal", files[i])
		}
		for name, text := range comments(t, files...) {
			out[folder+"."+name] = text
		}
	}
	return out
}

// comments gathers what is written about each struct and each of its fields.
func comments(t *testing.T, files ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, file := range files {
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range source.Decls {
			if general, ok := decl.(*ast.GenDecl); ok && general.Tok == token.TYPE {
				describeTypes(general, out)
			}
		}
	}
	return out
}

func describeTypes(general *ast.GenDecl, out map[string]string) {
	for _, spec := range general.Specs {
		spec := spec.(*ast.TypeSpec)
		structure, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		out[spec.Name.Name] = oneLine(general.Doc)
		for _, f := range structure.Fields.List {
			for _, name := range f.Names {
				if text := oneLine(f.Comment) + oneLine(f.Doc); text != "" {
					out[spec.Name.Name+"."+name.Name] = text
				}
			}
		}
	}
}

func oneLine(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
