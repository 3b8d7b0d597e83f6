package data

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"bakeoff/rollout"
)

// Check is what must hold of the rows of a file, or of a table.
type Check struct {
	Table   string `json:"table,omitempty"`   // for sql: which table; otherwise the file's rows, or the table that they fill
	Rows    *Range `json:"rows,omitempty"`    // how many rows there are
	Field   string `json:"field,omitempty"`   // the field that the next three check
	NotNull bool   `json:"notNull,omitempty"` // every row has a value
	Unique  bool   `json:"unique,omitempty"`  // no two rows have the same value; missing values do not count
	Sum     *Range `json:"sum,omitempty"`     // of the values, which are numbers
}

// Range is a closed range. An end that is not there does not bound.
type Range struct {
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// Problems says everything that is wrong with the check.
func (c Check) Problems(path string) []rollout.Problem {
	var p problems
	ofField := c.NotNull || c.Unique || c.Sum != nil
	p.require(c.Rows != nil || ofField, path, "asks nothing: write rows, notNull, unique or sum")
	p.require(!ofField || c.Field != "", at(path, "field"), "is missing: of which field?")
	p.require(ofField || c.Field == "", at(path, "field"), "asks nothing: write notNull, unique or sum")
	c.Rows.problems(&p, at(path, "rows"))
	c.Sum.problems(&p, at(path, "sum"))
	return p
}

func (r *Range) problems(p *problems, path string) {
	if r == nil {
		return
	}
	p.require(r.Min != nil || r.Max != nil, path, "bounds nothing: write min or max")
	p.require(r.Min == nil || r.Max == nil || *r.Min <= *r.Max, path, "has a max that is less than its min")
}

// Refuses says how a value is out of the range; "" where it is in it.
func (r *Range) Refuses(v float64) string {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	switch {
	case r == nil:
	case r.Min != nil && !(v >= *r.Min):
		return fmt.Sprintf("%s is less than %s", text, strconv.FormatFloat(*r.Min, 'f', -1, 64))
	case r.Max != nil && !(v <= *r.Max):
		return fmt.Sprintf("%s is more than %s", text, strconv.FormatFloat(*r.Max, 'f', -1, 64))
	}
	return ""
}

// Verify holds a snapshot to its digest, and its rows to their checks. It
// returns how many rows there are; 0 where the format does not show them. The
// checks of sql are left to the database. No error holds a value of the data.
func Verify(s Snapshot, body []byte) (rows int, err error) {
	if is := Digest(body); is != s.Digest {
		return 0, digestError(fmt.Sprintf("snapshot %s: %s is not what was locked: its digest is %s, and the manifest says %s", s.Name, s.File, is, s.Digest))
	}
	format := FormatOf(s.File)
	if format != CSV && format != NDJSON {
		return 0, nil
	}
	return CheckRows(File{Name: s.File, Format: format, Body: body}, s.Checks)
}

// CheckRows reads all rows of a file and returns how many there are. The error
// names everything that does not hold. Where there is no row, nothing holds of a
// field.
func CheckRows(f File, checks []Check) (rows int, err error) {
	from, err := NewReader(f.Name, f.Format, bytes.NewReader(f.Body))
	if err != nil {
		return 0, err
	}
	tallies := make([]tally, len(checks))
	for i, c := range checks {
		tallies[i] = tally{Check: c, seen: map[string]int{}}
	}
	for ; ; rows++ {
		row, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		for i := range tallies {
			tallies[i].count(row)
		}
	}
	var wrong []string
	for _, t := range tallies {
		wrong = append(wrong, t.wrong(rows)...)
	}
	if len(wrong) > 0 {
		return rows, fmt.Errorf("%s: %s", f.Name, strings.Join(wrong, "; "))
	}
	return rows, nil
}

// tally is a check on its way through the rows.
type tally struct {
	Check
	there  bool           // some row has the field
	seen   map[string]int // value → line
	sum    float64
	broken []string // at most one for each question
}

func (t *tally) count(row Row) {
	if t.Field == "" {
		return
	}
	c, there := row.Cell(t.Field)
	if t.there = t.there || there; c.Empty() {
		if t.NotNull {
			t.say("line %d has no value", row.Line)
			t.NotNull = false
		}
		return
	}
	if before := t.seen[c.Text]; t.Unique && before > 0 {
		t.say("line %d repeats line %d", row.Line, before)
		t.Unique = false
	}
	if t.Unique {
		t.seen[c.Text] = row.Line
	}
	if t.Sum == nil {
		return
	}
	v, err := strconv.ParseFloat(c.Text, 64)
	if err != nil {
		t.say("line %d is not a number", row.Line)
		t.Sum = nil
	}
	t.sum += v
}

func (t *tally) say(format string, args ...any) {
	t.broken = append(t.broken, "field "+t.Field+": "+fmt.Sprintf(format, args...))
}

func (t *tally) wrong(rows int) []string {
	if t.Field != "" && rows == 0 {
		t.say("there is no row of which it could be asked")
	} else if t.Field != "" && !t.there {
		return []string{"there is no field " + t.Field}
	}
	if refuses := t.Rows.Refuses(float64(rows)); refuses != "" {
		t.broken = append(t.broken, "rows: "+refuses)
	}
	if refuses := t.Sum.Refuses(t.sum); refuses != "" {
		t.say("the sum %s", refuses)
	}
	return t.broken
}
