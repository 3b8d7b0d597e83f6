package data

import (
	"errors"
	"io"
)

// ReadTable reads all rows into the values of each column, for sets that refer
// to them. A value that a row does not have is "".
func ReadTable(file, format string, from io.Reader) (map[string][]string, error) {
	r, err := NewReader(file, format, from)
	if err != nil {
		return nil, err
	}
	table := map[string][]string{}
	for _, column := range r.Columns {
		table[column] = nil
	}
	for rows := 0; ; rows++ {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			for column := range table {
				table[column] = padded(table[column], rows)
			}
			return table, nil
		} else if err != nil {
			return nil, err
		}
		for _, c := range row.Cells {
			table[c.Column] = append(padded(table[c.Column], rows), c.Text)
		}
	}
}

// padded has as many values as there are rows.
func padded(values []string, rows int) []string {
	return append(values, make([]string, rows-len(values))...)
}
