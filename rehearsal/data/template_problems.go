package data

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"bakeoff/rollout"
)

// Validate is Problems of a whole file.
func (t Template) Validate() []rollout.Problem { return t.Problems("") }

// Problems says everything that is wrong with the template. What it refers to
// in other sets is seen only when it is made.
func (t Template) Problems(path string) []rollout.Problem {
	var p problems
	p.require(t.Kind == "DataTemplate", at(path, "kind"), "%q is not served: write kind: DataTemplate", t.Kind)
	p.name(t.Name, at(path, "name"))
	p.require(t.Version >= 1, at(path, "version"), "is missing: count from 1, and raise it with every change")
	p.require(slices.Contains([]string{"", CSV, NDJSON}, t.Format), at(path, "format"), "%q is not one of csv, ndjson", t.Format)
	p.require(t.Rows >= 1 && t.Rows <= MaxRows, at(path, "rows"), "%d is not from 1 to %d", t.Rows, MaxRows)
	p.require(len(t.Columns) > 0, at(path, "columns"), "is missing: at least one column")
	for i, c := range t.Columns {
		c.problems(&p, fmt.Sprintf("%s[%d]", at(path, "columns"), i), t.Columns[:i])
	}
	for _, name := range repeated(t.names()) {
		p.add(at(path, "columns"), "%s is there twice", name)
	}
	t.correlationProblems(&p, at(path, "correlations"))
	t.rareProblems(&p, at(path, "rare"))
	return p
}

// names are the columns' names.
func (t Template) names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// column returns the place of a column; −1: there is none.
func (t Template) column(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
}

func (c Column) problems(p *problems, path string, before []Column) {
	p.require(c.Name != "", at(path, "name"), "is missing")
	kinds := c.Distribution.problems(p, path)
	for _, there := range []bool{c.Sequence != nil, c.UUID, c.Pattern != "", c.Reference != nil} {
		if there {
			kinds++
		}
	}
	p.require(kinds == 1, path, "needs one of uniform, normal, logNormal, choice, date, sequence, uuid, pattern, reference; it has %d", kinds)
	p.require(c.Decimals >= 0 && c.Decimals <= 9, at(path, "decimals"), "%d is not from 0 to 9", c.Decimals)
	p.require(c.Min == nil || c.Max == nil || *c.Min <= *c.Max, at(path, "max"), "is less than min")
	p.require(c.Decimals == 0 && c.Min == nil && c.Max == nil || c.rises() && c.Date == nil, path, "decimals, min and max are only for uniform, normal and logNormal")
	p.require(!c.Luhn || strings.Contains(c.Pattern, "#"), at(path, "luhn"), "needs a pattern with #")
	for _, name := range referred(c.Pattern) {
		p.require(hasColumn(before, name), at(path, "pattern"), "there is no column %s before this one", name)
	}
	if r := c.Reference; r != nil {
		p.require(r.Set != "", at(path, "reference.set"), "is missing: name a set of the manifest")
		p.require(r.Column != "", at(path, "reference.column"), "is missing")
		p.require(r.Zipf >= 0 && r.Zipf <= 10, at(path, "reference.zipf"), "%g is not from 0 to 10", r.Zipf)
		p.require(r.SameRow == "" || refersTo(before, r.SameRow, r.Set), at(path, "reference.sameRow"), "there is no column %s before this one that refers to %s", r.SameRow, r.Set)
	}
	c.givenProblems(p, at(path, "given"), before)
}

func (c Column) givenProblems(p *problems, path string, before []Column) {
	if c.Given == nil {
		return
	}
	p.require(c.Distribution != (Distribution{}), path, "needs a column with a distribution: it is drawn where no case fits")
	p.require(hasColumn(before, c.Given.Column), at(path, "column"), "there is no column %s before this one", c.Given.Column)
	p.require(len(c.Given.Cases) > 0, at(path, "cases"), "is missing")
	for _, value := range sortedKeys(c.Given.Cases) {
		here := at(path, "cases."+value)
		d := c.Given.Cases[value]
		p.require(d.problems(p, here) == 1, here, "needs one of uniform, normal, logNormal, choice, date")
		p.require(d.kind() == c.kind(), here, "draws %s, and the column draws %s", d.kind(), c.kind())
	}
}

func hasColumn(among []Column, name string) bool {
	return slices.ContainsFunc(among, func(c Column) bool { return c.Name == name })
}

func refersTo(among []Column, name, set string) bool {
	return slices.ContainsFunc(among, func(c Column) bool { return c.Name == name && c.Reference != nil && c.Reference.Set == set })
}

// problems returns how many distributions are written.
func (d Distribution) problems(p *problems, path string) int {
	n := 0
	if u := d.Uniform; u != nil {
		n++
		p.require(finite(u.From, u.To) && u.From <= u.To, at(path, "uniform"), "needs from, and to that is not less")
	}
	if g := d.Normal; g != nil {
		n++
		p.require(finite(g.Mean, g.Spread) && g.Spread > 0, at(path, "normal.spread"), "%g is not more than 0", g.Spread)
	}
	if l := d.LogNormal; l != nil {
		n++
		p.require(finite(l.Median) && l.Median > 0, at(path, "logNormal.median"), "%g is not more than 0", l.Median)
		p.require(l.Sigma > 0 && l.Sigma <= 10, at(path, "logNormal.sigma"), "%g is not more than 0 and at most 10", l.Sigma)
	}
	if c := d.Choice; c != nil {
		n++
		c.problems(p, at(path, "choice"))
	}
	if t := d.Date; t != nil {
		n++
		p.require(!t.From.IsZero() && !t.To.Before(t.From), at(path, "date"), "needs from, and to that is not earlier")
	}
	return n
}

func (c Choice) problems(p *problems, path string) {
	p.require(len(c.Values) > 0, at(path, "values"), "is missing: at least one")
	p.require(c.Zipf >= 0 && c.Zipf <= 10, at(path, "zipf"), "%g is not from 0 to 10", c.Zipf)
	p.require(c.Zipf == 0 || c.Weights == nil, at(path, "zipf"), "cannot stand beside weights")
	if c.Weights == nil {
		return
	}
	sum := 0.0
	for i, w := range c.Weights {
		p.require(finite(w) && w >= 0, fmt.Sprintf("%s[%d]", at(path, "weights"), i), "%g is not 0 or more", w)
		sum += w
	}
	p.require(len(c.Weights) == len(c.Values), at(path, "weights"), "has %d for %d values", len(c.Weights), len(c.Values))
	p.require(sum > 0, at(path, "weights"), "are all 0")
}

func (t Template) correlationProblems(p *problems, path string) {
	var seconds []string
	for i, c := range t.Correlations {
		here := fmt.Sprintf("%s[%d]", path, i)
		p.require(c.Coefficient >= -1 && c.Coefficient <= 1, at(here, "coefficient"), "%g is not from -1 to 1", c.Coefficient)
		if len(c.Columns) != 2 {
			p.add(at(here, "columns"), "needs two columns")
			continue
		}
		for _, name := range c.Columns {
			k := t.column(name)
			p.require(k >= 0 && t.Columns[k].rises(), at(here, "columns"), "%s is not a column that draws numbers or dates", name)
		}
		p.require(t.column(c.Columns[0]) < t.column(c.Columns[1]), at(here, "columns"), "%s must stand before %s", c.Columns[0], c.Columns[1])
		seconds = append(seconds, c.Columns[1])
	}
	for _, name := range repeated(seconds) {
		p.add(path, "%s is the second of more than one pair", name)
	}
}

func (t Template) rareProblems(p *problems, path string) {
	var sum rollout.Weight
	for i, r := range t.Rare {
		here := fmt.Sprintf("%s[%d]", path, i)
		p.require(r.Name != "", at(here, "name"), "is missing")
		p.require(r.Share > 0, at(here, "share"), "is missing, or not above 0%%: a percentage such as 0.1%%")
		p.require(len(r.Set) > 0, at(here, "set"), "is missing: what such rows have")
		sum += r.Share
		for _, name := range sortedKeys(r.Set) {
			k := t.column(name)
			p.require(k >= 0, at(here, "set."+name), "there is no such column")
			if k >= 0 && t.Columns[k].cell() == Number {
				p.require(plainNumber.MatchString(r.Set[name]), at(here, "set."+name), "%q is not a number, and the column has numbers", r.Set[name])
			}
		}
	}
	p.require(sum <= rollout.All, path, "the shares come to %s: at most 100%%", sum)
}

// plainNumber is a number that JSON and databases read.
var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

func finite(values ...float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}
