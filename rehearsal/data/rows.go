package data

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// longestLine bounds one line of NDJSON, in bytes.
const longestLine = 16 << 20

// Kind is what a cell is, beyond its text.
type Kind int

// The kinds. CSV knows text alone. Raw is JSON that is written as it was read:
// null, booleans, lists and objects.
const (
	Text Kind = iota
	Number
	Raw
)

// Cell is one value of a row. Text is without quotes, except that of Raw.
type Cell struct {
	Column string
	Text   string
	Kind   Kind
}

// Empty reports whether there is no value: nothing, or null.
func (c Cell) Empty() bool { return c.Text == "" || c.Kind == Raw && c.Text == "null" }

// Row is one row with its cells in their order, and the line that it began on.
type Row struct {
	Line  int
	Cells []Cell
}

// Cell returns the cell of a column.
func (r Row) Cell(column string) (Cell, bool) {
	i := slices.IndexFunc(r.Cells, func(c Cell) bool { return c.Column == column })
	if i < 0 {
		return Cell{}, false
	}
	return r.Cells[i], true
}

// Reader reads rows. Next returns io.EOF after the last. What cannot be read
// is an error with file, line and column, and without any of the content.
type Reader struct {
	// Columns are those of the header of CSV; NDJSON has them row by row.
	Columns []string

	file  string
	csv   *csv.Reader
	lines *bufio.Scanner
	line  int
}

// NewReader reads rows in a format. The file's name is for errors.
func NewReader(file, format string, from io.Reader) (*Reader, error) {
	r := &Reader{file: file}
	switch format {
	case CSV:
		r.csv = csv.NewReader(from)
		header, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: is empty: a header line is needed", file)
		} else if err != nil {
			return nil, r.broken(err)
		}
		if twice := repeated(header); len(twice) > 0 {
			return nil, fmt.Errorf("%s:1: column %s is there twice", file, strings.Join(twice, ", "))
		}
		r.Columns = header
	case NDJSON:
		r.lines = bufio.NewScanner(from)
		r.lines.Buffer(nil, longestLine)
	default:
		return nil, fmt.Errorf("%s: rows of %q cannot be read: use csv or ndjson", file, format)
	}
	return r, nil
}

// broken says where CSV could not be read.
func (r *Reader) broken(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("%s:%d:%d: %w", r.file, parse.Line, parse.Column, parse.Err)
	}
	return fmt.Errorf("%s: %w", r.file, err)
}

// Next returns the next row, and io.EOF after the last.
func (r *Reader) Next() (Row, error) {
	if r.csv == nil {
		return r.object()
	}
	fields, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return Row{}, io.EOF
	} else if err != nil {
		return Row{}, r.broken(err)
	}
	row := Row{Cells: make([]Cell, len(fields))}
	row.Line, _ = r.csv.FieldPos(0)
	for i, text := range fields {
		row.Cells[i] = Cell{Column: r.Columns[i], Text: text}
	}
	return row, nil
}

// object reads the next line that is not blank.
func (r *Reader) object() (Row, error) {
	for r.lines.Scan() {
		r.line++
		line := bytes.TrimSpace(r.lines.Bytes())
		if len(line) == 0 {
			continue
		}
		cells, column, err := cellsOf(line)
		if err != nil {
			return Row{}, fmt.Errorf("%s:%d:%d: %w", r.file, r.line, column, err)
		}
		return Row{Line: r.line, Cells: cells}, nil
	}
	if err := r.lines.Err(); err != nil {
		return Row{}, fmt.Errorf("%s:%d: %w", r.file, r.line+1, err)
	}
	return Row{}, io.EOF
}

// errNoObject hides what the decoder would quote from the line.
var errNoObject = errors.New("is no JSON object")

// cellsOf takes one object apart, in its order. Its column is where it broke,
// from 1.
func cellsOf(line []byte) (cells []Cell, column int, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	here := func() int { return int(d.InputOffset()) + 1 }
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, here(), errNoObject
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, here(), errNoObject
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, here(), errNoObject
		}
		cell := cellOf(name.(string), value) // keys of an object are strings
		if seen[cell.Column] {
			return nil, here(), fmt.Errorf("column %s is there twice", cell.Column)
		}
		seen[cell.Column] = true
		cells = append(cells, cell)
	}
	_, closed := d.Token()
	if _, behind := d.Token(); closed != nil || !errors.Is(behind, io.EOF) {
		return nil, here(), errNoObject
	}
	return cells, 0, nil
}

func cellOf(column string, value json.RawMessage) Cell {
	var text string
	switch c := value[0]; {
	case c == '"' && json.Unmarshal(value, &text) == nil:
		return Cell{column, text, Text}
	case c == '-' || c >= '0' && c <= '9':
		return Cell{column, string(value), Number}
	}
	return Cell{column, string(value), Raw}
}
