package data_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rehearsal/data"
)

// What is written is read back, whatever it holds.
func TestRowsSurviveWritingAndReading(t *testing.T) {
	text := rapid.StringMatching(`[a-z",;\\ \n<&>é#{}0-9-]{0,8}`)
	rapid.Check(t, func(r *rapid.T) {
		rows := rapid.SliceOf(rapid.Custom(func(r *rapid.T) []data.Cell {
			return []data.Cell{{Column: "a b", Text: text.Draw(r, "a")}, {Column: `"c"`, Text: text.Draw(r, "c")}}
		})).Draw(r, "rows")
		for _, format := range []string{data.CSV, data.NDJSON} {
			var out bytes.Buffer
			w, err := data.NewWriter(&out, format, []string{"a b", `"c"`})
			require.NoError(t, err)
			for _, cells := range rows {
				require.NoError(t, w.Write(data.Row{Cells: cells}))
			}
			require.NoError(t, w.Flush())
			from, err := data.NewReader("f", format, &out)
			require.NoError(t, err)
			for _, cells := range rows {
				row, err := from.Next()
				require.NoError(t, err)
				require.Equal(t, cells, row.Cells)
			}
			_, err = from.Next()
			require.ErrorIs(t, err, io.EOF)
		}
	})
}

// FuzzReader: whatever a file holds, it is read, or refused with a place.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", `{"a":1,"b":[null]}`, "{\"a\":\"\\ud800\"}\n\n{}", "\"", "{\"a\"", "[]", "a\n\"\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, format := range []string{data.CSV, data.NDJSON} {
			from, err := data.NewReader("file", format, strings.NewReader(body))
			for err == nil {
				_, err = from.Next()
			}
			if !errors.Is(err, io.EOF) {
				require.ErrorContains(t, err, "file:")
			}
		}
	})
}

func BenchmarkGenerate(b *testing.B) {
	t := template(b, "customers")
	t.Rows = b.N
	_, err := data.Generate(io.Discard, t, data.Draw{Set: "customers"})
	require.NoError(b, err)
}

func BenchmarkMask(b *testing.B) {
	m := masker(b, key)
	for b.Loop() {
		m.Value(data.Mask{As: data.AsEmail}, "ada.lovelace@mail.example.com")
	}
}
