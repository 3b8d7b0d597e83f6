package report

import (
	_ "embed" // the page and its style
	"fmt"
	"html/template"
	"io"
	"strings"

	"bakeoff/rehearsal/report/chart"
)

//go:embed page.html
var pageText string

//go:embed style.css
var style string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"style":  func() template.CSS { return template.CSS(style) },
	"wide":   func(f chart.Figure) template.HTML { return template.HTML(f.SVG(chart.Wide)) }, // chart escapes what it is given
	"narrow": func(f chart.Figure) template.HTML { return template.HTML(f.SVG(chart.Narrow)) },
	"symbol": func(t tone) string { return strings.ReplaceAll(symbol(t), " ", "\u00a0") }, // stays with its word
	"number": func(i int) int { return i + 1 },
}).Parse(pageText))

// html writes the page: one file, which needs nothing else.
func (d document) html(w io.Writer) error {
	if err := page.Execute(w, d); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// symbol says a tone without colour.
func symbol(t tone) string {
	switch t {
	case good:
		return "✓ "
	case bad:
		return "✗ "
	case unsure:
		return "? "
	default:
		return ""
	}
}
