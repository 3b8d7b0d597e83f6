package report_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
)

var update = flag.Bool("update", false, "write the golden files")

func written(t *testing.T, write func(io.Writer, evidence.Run) error, run evidence.Run) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b, run))
	return b.String()
}

// golden holds a file in testdata against what was written.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "write it with: go test ./rehearsal/report -update")
	require.Equal(t, string(want), got)
}

func TestMarkdown(t *testing.T) {
	golden(t, "rich.md", written(t, report.Markdown, rich("20261122T101500Z-4f2a", 1)))
	golden(t, "refused.md", written(t, report.Markdown, refused()))
	golden(t, "poor.md", written(t, report.Markdown, poor()))
}
