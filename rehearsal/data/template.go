package data

import (
	"time"

	"bakeoff/rollout"
)

// MaxRows bounds how many rows one set has.
const MaxRows = 10_000_000

// Template says how rows are made. Its version is raised with every change of
// what it makes; the digest of its file stands in the evidence beside it.
type Template struct {
	Kind         string        `json:"kind"`                   // DataTemplate
	Name         string        `json:"name"`                   // letters, digits, '.', '_' and '-'
	Version      int           `json:"version"`                // from 1
	Format       string        `json:"format,omitempty"`       // csv (default) or ndjson
	Rows         int           `json:"rows"`                   // 1 to 10,000,000, where a manifest does not say otherwise
	Columns      []Column      `json:"columns"`                // in the order in which they are written
	Correlations []Correlation `json:"correlations,omitempty"` // pairs of columns that rise together
	Rare         []Rare        `json:"rare,omitempty"`         // what happens to few rows
}

// Column is one column: exactly one of the distributions, sequence, uuid,
// pattern and reference.
type Column struct {
	Name string `json:"name"` // unique in the template
	Distribution
	Sequence  *Sequence  `json:"sequence,omitempty"`
	UUID      bool       `json:"uuid,omitempty"`      // a random UUID, version 4
	Pattern   string     `json:"pattern,omitempty"`   // # is a digit, ? a small letter, {name} the value of a column before this one, \ takes the next as it is
	Luhn      bool       `json:"luhn,omitempty"`      // the last digit of the pattern makes a valid card number
	Reference *Reference `json:"reference,omitempty"` // a value of another set
	Decimals  int        `json:"decimals,omitempty"`  // of a number, 0 to 9; default whole numbers
	Min       *float64   `json:"min,omitempty"`       // a smaller number becomes this
	Max       *float64   `json:"max,omitempty"`       // a larger number becomes this
	Given     *Given     `json:"given,omitempty"`     // other distributions where another column has some value
}

// Distribution is one way to draw a value; exactly one is written.
type Distribution struct {
	Uniform   *Uniform   `json:"uniform,omitempty"`
	Normal    *Normal    `json:"normal,omitempty"`
	LogNormal *LogNormal `json:"logNormal,omitempty"`
	Choice    *Choice    `json:"choice,omitempty"`
	Date      *Date      `json:"date,omitempty"`
}

// Uniform draws each number between its ends, both included, equally often.
type Uniform struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// Normal draws numbers around a mean.
type Normal struct {
	Mean   float64 `json:"mean"`
	Spread float64 `json:"spread"` // standard deviation, more than 0
}

// LogNormal draws positive numbers with a long tail.
type LogNormal struct {
	Median float64 `json:"median"` // more than 0
	Sigma  float64 `json:"sigma"`  // standard deviation of the logarithm, more than 0 and at most 10
}

// Choice draws one of some words: each equally often, by weight, or by rank.
type Choice struct {
	Values  []string  `json:"values"`            // at least one
	Weights []float64 `json:"weights,omitempty"` // as many, 0 or more, not all 0
	Zipf    float64   `json:"zipf,omitempty"`    // the value at rank r is drawn in proportion to r to the power of minus this; 0 to 10
}

// Date draws moments, each second between the ends equally often.
type Date struct {
	From time.Time `json:"from"`           // RFC 3339: 2026-01-01T00:00:00Z
	To   time.Time `json:"to"`             // included
	Days bool      `json:"days,omitempty"` // write 2026-01-31 and not 2026-01-31T12:00:00Z
}

// Sequence counts.
type Sequence struct {
	From int `json:"from"`
	Step int `json:"step,omitempty"` // default 1
}

// Reference takes a value from a row of another set, drawn equally often, or by
// rank, the first row first.
type Reference struct {
	Set     string  `json:"set"`               // named by the manifest before this one
	Column  string  `json:"column"`            // of that set
	Zipf    float64 `json:"zipf,omitempty"`    // as in choice
	SameRow string  `json:"sameRow,omitempty"` // a column before this one that refers to the same set: its row is taken
}

// Given replaces a column's distribution where another column, which stands
// before it, has one of these values.
type Given struct {
	Column string                  `json:"column"`
	Cases  map[string]Distribution `json:"cases"`
}

// Correlation makes the second column of a pair rise, or fall, with the first:
// a Gaussian copula. Both draw numbers or dates, and keep their distributions.
type Correlation struct {
	Columns     []string `json:"columns"`     // two, in the order of the columns; no column is second twice
	Coefficient float64  `json:"coefficient"` // of the normal numbers behind them, −1 to 1
}

// Rare is what happens to a few rows, drawn independently. A row has at most
// one of these.
type Rare struct {
	Name  string            `json:"name"`
	Share rollout.Weight    `json:"share"` // of the rows: "0.1%"; together at most 100%
	Set   map[string]string `json:"set"`   // column → the text that it has in such rows
}
