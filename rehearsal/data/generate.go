package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"

	"bakeoff/rehearsal/seed"
	"bakeoff/rollout"
)

// Tables are the values of sets that others refer to: set → column → values by
// row. All columns of a set have as many.
type Tables map[string]map[string][]string

// Draw is what a template is made with.
type Draw struct {
	Seed   int64
	Set    string // the manifest's name of it: two sets of one template differ
	Rows   int    // 0: as many as the template says
	Tables Tables // what it may refer to
}

// Made is what came of a template.
type Made struct {
	Rows   int
	Digest string // of the bytes: "sha256:…"
	Rare   map[string]int
}

// Generate writes the rows of a template, which has no Problems. The same
// template, seed, set and tables give the same bytes. Each column has a source
// of numbers of its own: another column, a rare case or more rows change
// nothing in what was there before.
func Generate(to io.Writer, t Template, d Draw) (Made, error) {
	if d.Rows == 0 {
		d.Rows = t.Rows
	}
	if d.Rows < 1 || d.Rows > MaxRows {
		return Made{}, fmt.Errorf("make %s: %d rows are not from 1 to %d", d.Set, d.Rows, MaxRows)
	}
	columns, err := drawers(t, d)
	if err != nil {
		return Made{}, fmt.Errorf("make %s from template %s: %w", d.Set, t.Name, err)
	}
	sum := sha256.New()
	w, err := NewWriter(io.MultiWriter(to, sum), t.format(), t.names())
	if err != nil {
		return Made{}, err
	}
	made := Made{Rows: d.Rows, Rare: map[string]int{}}
	luck := seed.For(d.Seed, "data", d.Set, "rare cases")
	for range d.Rows {
		rare := t.rare(luck)
		made.Rare[rare.Name]++
		if err := w.Write(rowOf(columns, rare)); err != nil {
			return Made{}, fmt.Errorf("write %s: %w", d.Set, err)
		}
	}
	delete(made.Rare, "")
	if err := w.Flush(); err != nil {
		return Made{}, fmt.Errorf("write %s: %w", d.Set, err)
	}
	made.Digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return made, nil
}

// format is that of the rows, with the default written out.
func (t Template) format() string {
	if t.Format == "" {
		return CSV
	}
	return t.Format
}

// rare draws which of the rare cases a row is; a nameless one: none.
func (t Template) rare(luck *rand.Rand) Rare {
	reach, sum := between(luck)*float64(rollout.All), rollout.Weight(0)
	for _, r := range t.Rare {
		if sum += r.Share; reach < float64(sum) {
			return r
		}
	}
	return Rare{}
}

// rowOf draws one row. A column that a rare case sets is drawn all the same, so
// that the rows after it stay what they are.
func rowOf(columns []drawer, rare Rare) Row {
	state := drawing{texts: map[string]string{}, quantiles: map[string]float64{}, rows: map[string]int{}}
	row := Row{Cells: make([]Cell, len(columns))}
	for i := range columns {
		c := &columns[i]
		text := c.next(state)
		if set, isSet := rare.Set[c.Name]; isSet {
			text = set
		}
		state.texts[c.Name] = text
		row.Cells[i] = Cell{Column: c.Name, Text: text, Kind: c.cell()}
	}
	return row
}
