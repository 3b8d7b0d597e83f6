package chart

import (
	"html"
	"strconv"
	"strings"
)

// canvas writes SVG elements. Whatever it is given is escaped.
type canvas struct{ strings.Builder }

// element writes one element; attributes are names and values by turns. A title
// is what a pointer shows.
func (c *canvas) element(name, title string, attributes ...string) {
	c.open(name, attributes...)
	if title != "" {
		c.title(title)
	}
	c.close(name)
}

func (c *canvas) title(text string) {
	c.WriteString("<title>" + html.EscapeString(text) + "</title>")
}

func (c *canvas) open(name string, attributes ...string) {
	c.WriteString("<" + name)
	for i := 0; i+1 < len(attributes); i += 2 {
		c.WriteString(" " + attributes[i] + `="` + html.EscapeString(attributes[i+1]) + `"`)
	}
	c.WriteString(">")
}

func (c *canvas) close(name string) { c.WriteString("</" + name + ">") }

// spot is a place, or a size, in pixels: to the right, and down.
type spot struct{ x, y float64 }

func (c *canvas) rect(class, title string, corner, size spot) {
	c.element("rect", title, "class", class, "x", n(corner.x), "y", n(corner.y), "width", n(size.x), "height", n(size.y))
}

func (c *canvas) line(class string, from, to spot) {
	c.element("line", "", "class", class, "x1", n(from.x), "y1", n(from.y), "x2", n(to.x), "y2", n(to.y))
}

func (c *canvas) path(class, title, d string) {
	if d != "" {
		c.element("path", title, "class", class, "d", d)
	}
}

// text writes one line of text; anchor is start, middle or end.
func (c *canvas) text(class, anchor string, at spot, text string) {
	c.open("text", "class", class, "text-anchor", anchor, "x", n(at.x), "y", n(at.y))
	c.WriteString(html.EscapeString(text))
	c.close("text")
}

// n is a coordinate, to a tenth of a pixel.
func n(x float64) string { return trimmed(strconv.FormatFloat(x, 'f', 1, 64)) }
