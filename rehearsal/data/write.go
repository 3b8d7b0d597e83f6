package data

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
)

// Writer writes rows in a format. Call Flush at the end.
type Writer struct {
	to      io.Writer
	csv     *csv.Writer
	columns []string
}

// NewWriter writes rows in a format. CSV has the header of these columns, even
// without any row.
func NewWriter(to io.Writer, format string, columns []string) (*Writer, error) {
	switch format {
	case CSV:
		w := &Writer{to: to, csv: csv.NewWriter(to), columns: columns}
		return w, w.csv.Write(columns)
	case NDJSON:
		return &Writer{to: to}, nil
	}
	return nil, fmt.Errorf("rows cannot be written as %q: use csv or ndjson", format)
}

// Write writes one row. CSV needs it to have the columns of the header.
func (w *Writer) Write(row Row) error {
	if w.csv == nil {
		return w.object(row)
	}
	fields := make([]string, len(row.Cells))
	for i, c := range row.Cells {
		fields[i] = c.Text
	}
	return w.csv.Write(fields)
}

func (w *Writer) object(row Row) error {
	var line bytes.Buffer
	line.WriteByte('{')
	for i, c := range row.Cells {
		if i > 0 {
			line.WriteByte(',')
		}
		line.Write(quoted(c.Column))
		line.WriteByte(':')
		if c.Kind == Text {
			line.Write(quoted(c.Text))
		} else {
			line.WriteString(c.Text)
		}
	}
	line.WriteString("}\n")
	_, err := w.to.Write(line.Bytes())
	return err
}

// quoted is a JSON string, with <, > and & as they are.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // strings always encode
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Flush writes what is still held back.
func (w *Writer) Flush() error {
	if w.csv == nil {
		return nil
	}
	w.csv.Flush()
	return w.csv.Error()
}
