package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"bakeoff/rehearsal/seed"
)

// drawer draws one column, row by row.
type drawer struct {
	Column
	rand        *rand.Rand
	leader      string // the column that this one rises with; "": none
	coefficient float64
	values      []string              // of the reference
	sums        []float64             // of the reference's weights
	choices     map[*Choice][]float64 // the same of choices
	count       int                   // rows drawn
}

// drawing is what was drawn of one row so far, by column.
type drawing struct {
	texts     map[string]string
	quantiles map[string]float64
	rows      map[string]int // which row of another set
}

// drawers prepares the columns.
func drawers(t Template, d Draw) ([]drawer, error) {
	out := make([]drawer, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = drawer{Column: c, choices: map[*Choice][]float64{}, rand: seed.For(d.Seed, "data", d.Set, "column", c.Name)}
		for _, pair := range t.Correlations {
			if pair.Columns[1] == c.Name {
				out[i].leader, out[i].coefficient = pair.Columns[0], pair.Coefficient
			}
		}
		if r := c.Reference; r != nil {
			out[i].values = d.Tables[r.Set][r.Column]
			if len(out[i].values) == 0 {
				return nil, fmt.Errorf("column %s: there is no set %s with a column %s before this one", c.Name, r.Set, r.Column)
			}
			out[i].sums = summed(ranks(len(out[i].values), r.Zipf))
		}
	}
	return out, nil
}

// next draws the column's value of the next row, and notes how in the state.
func (c *drawer) next(state drawing) string {
	c.count++
	switch {
	case c.Sequence != nil:
		step := c.Sequence.Step
		if step == 0 {
			step = 1
		}
		return strconv.Itoa(c.Sequence.From + (c.count-1)*step)
	case c.UUID:
		return c.uuid()
	case c.Pattern != "":
		text := fill(c.Pattern, func(name string) string { return state.texts[name] }, c.rand)
		if c.Luhn {
			text = withLuhn(text)
		}
		return text
	case c.Reference != nil:
		return c.refer(state)
	}
	u := between(c.rand)
	if c.leader != "" {
		lead := normalAt(state.quantiles[c.leader])
		u = shareBelow(c.coefficient*lead + math.Sqrt(1-c.coefficient*c.coefficient)*normalAt(u))
	}
	state.quantiles[c.Name] = u
	d := c.distribution(state)
	if d.Choice != nil {
		return c.choose(d.Choice, u)
	}
	return c.drawn(d, u)
}

// choose is the u-th part of a choice.
func (c *drawer) choose(choice *Choice, u float64) string {
	sums := c.choices[choice]
	if sums == nil {
		weights := choice.Weights
		if weights == nil {
			weights = ranks(len(choice.Values), choice.Zipf)
		}
		sums = summed(weights)
		c.choices[choice] = sums
	}
	return choice.Values[pick(sums, u)]
}

// distribution is the one of the case that fits the row.
func (c *drawer) distribution(state drawing) Distribution {
	if c.Given != nil {
		if d, fits := c.Given.Cases[state.texts[c.Given.Column]]; fits {
			return d
		}
	}
	return c.Distribution
}

func (c *drawer) refer(state drawing) string {
	row := pick(c.sums, between(c.rand))
	if c.Reference.SameRow != "" {
		row = state.rows[c.Reference.SameRow]
	}
	state.rows[c.Name] = row
	return c.values[row]
}

func (c *drawer) uuid() string {
	var id [16]byte
	for i := range id {
		id[i] = byte(c.rand.Uint64())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4, variant 10
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
