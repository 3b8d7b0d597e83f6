package load

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
)

// RawWriter writes single requests as a gzipped table: a first line with the
// format and the load's start, one with the names of the columns, and one for
// each request; times in microseconds. It is not safe for concurrent use.
type RawWriter struct {
	gz   *gzip.Writer
	line []byte
	err  error
}

const (
	rawFormat  = "bakeoff-load-1"
	rawColumns = "arrival,step,ledger,planned,late,latency,status,version,kind"
)

// NewRawWriter begins a table.
func NewRawWriter(to io.Writer, start time.Time) *RawWriter {
	gz, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err == nil {
		_, err = fmt.Fprintf(gz, "%s,%s\n%s\n", rawFormat, start.UTC().Format(time.RFC3339Nano), rawColumns)
	}
	return &RawWriter{gz: gz, err: err}
}

// Write adds a request. What goes wrong is said by Close.
func (w *RawWriter) Write(r Record) {
	if w.err != nil {
		return
	}
	b := w.line[:0]
	number := func(n int64) { b = append(strconv.AppendInt(b, n, 10), ',') }
	number(int64(r.Arrival))
	number(int64(r.Step))
	b = append(append(b, r.Ledger...), ',')
	number(r.Planned.Microseconds())
	number(r.Late.Microseconds())
	number(r.Latency.Microseconds())
	number(int64(r.Status))
	b = append(appendPlain(b, r.Version), ',')
	w.line = append(append(b, r.Kind...), '\n')
	_, w.err = w.gz.Write(w.line)
}

// Plain is a version as it stands in a table.
func Plain(version string) string { return string(appendPlain(nil, version)) }

// appendPlain adds a text of somebody else's, 100 bytes at most, with all that
// is no name's as '_'.
func appendPlain(b []byte, s string) []byte {
	for i := range min(len(s), 100) {
		if isName(s[i:i+1]) || s[i] == '.' || s[i] == '+' {
			b = append(b, s[i])
		} else {
			b = append(b, '_')
		}
	}
	return b
}

// Flush makes what was written so far readable, should nothing come after it.
func (w *RawWriter) Flush() {
	if w.err == nil {
		w.err = w.gz.Flush()
	}
}

// Close ends the table, and leaves what it was written to open.
func (w *RawWriter) Close() error {
	if w.err == nil {
		w.err = w.gz.Close()
	}
	if w.err != nil {
		return fmt.Errorf("write raw requests: %w", w.err)
	}
	return nil
}

// ReadRaw reads a table that a RawWriter wrote. The requests are in the order
// of their answers; an error is the last. A table that was cut off, because its
// writer died, ends with its last whole request, and has no start where it was
// cut off before that.
func ReadRaw(from io.Reader) (start time.Time, records iter.Seq2[Record, error], err error) {
	rows, start, err := rawRows(from)
	switch {
	case isCut(err):
		return time.Time{}, func(func(Record, error) bool) {}, nil
	case err != nil:
		return time.Time{}, nil, fmt.Errorf("read raw requests: %w", err)
	}
	return start, func(yield func(Record, error) bool) {
		for {
			row, err := rows.Read()
			if isCut(err) {
				return
			}
			var r Record
			if err == nil {
				r, err = recordOf(row)
			}
			if err != nil {
				err = fmt.Errorf("read raw requests: %w", err)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}, nil
}

// isCut reports whether a table ends here, properly or not.
func isCut(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// rawRows reads what comes before the requests.
func rawRows(from io.Reader) (rows *csv.Reader, start time.Time, err error) {
	gz, err := gzip.NewReader(bufio.NewReader(from))
	if err != nil {
		return nil, start, err
	}
	rows = csv.NewReader(gz)
	rows.ReuseRecord, rows.FieldsPerRecord = true, -1
	first, err := rows.Read()
	if err != nil {
		return nil, start, err
	}
	if len(first) != 2 || first[0] != rawFormat {
		return nil, start, fmt.Errorf("the first line is not that of %s", rawFormat)
	}
	if start, err = time.Parse(time.RFC3339Nano, first[1]); err != nil {
		return nil, start, fmt.Errorf("start: %w", err)
	}
	names, err := rows.Read()
	if err == nil && strings.Join(names, ",") != rawColumns {
		err = fmt.Errorf("the columns are not %s", rawColumns)
	}
	return rows, start, err
}

// recordOf reads one row.
func recordOf(row []string) (Record, error) {
	if len(row) != strings.Count(rawColumns, ",")+1 {
		return Record{}, fmt.Errorf("a line has %d columns", len(row))
	}
	var err error
	number := func(i int) int64 {
		n, e := strconv.ParseInt(row[i], 10, 64)
		err = errors.Join(err, e)
		return n
	}
	micro := func(i int) time.Duration { return time.Duration(number(i)) * time.Microsecond }
	r := Record{Arrival: int(number(0)), Step: int(number(1)), Planned: micro(3), Late: micro(4), Latency: micro(5), Status: int(number(6))}
	r.Ledger, r.Version, r.Kind = strings.Clone(row[2]), strings.Clone(row[7]), strings.Clone(row[8])
	return r, err
}
