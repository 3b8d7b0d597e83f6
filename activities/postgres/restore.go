package postgres

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"bakeoff/activities"
	"bakeoff/rehearsal/data"
)

// Restore replaces what a table holds by the rows of a CSV file, of which an
// empty value that is not quoted is null; or runs an SQL file, as pg_dump writes
// it. The format is that of the file's name.
func (d *Database) Restore(ctx context.Context, into data.Into, file string, from io.Reader) error {
	var restore func(context.Context, *pgx.Conn, string, io.Reader) error
	switch data.FormatOf(file) {
	case data.CSV:
		restore = rows
	case data.SQL:
		restore = statements
	default:
		return fmt.Errorf("restore %s: only .csv and .sql can be restored: %w", file, activities.ErrFinal)
	}
	err := d.in(ctx, func(conn *pgx.Conn) error { return restore(ctx, conn, into.Table, from) })
	if err != nil {
		return fmt.Errorf("restore %s: %w", file, refused(err))
	}
	return nil
}

// rows fills a table from CSV.
func rows(ctx context.Context, conn *pgx.Conn, table string, from io.Reader) error {
	lines := bufio.NewReader(from)
	header, err := lines.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	columns, err := csv.NewReader(strings.NewReader(header)).Read()
	if err != nil {
		return fmt.Errorf("line 1: no header of columns in one line: %w", activities.ErrFinal)
	}
	for i, c := range columns {
		columns[i] = pgx.Identifier{c}.Sanitize()
	}
	if _, err := conn.Exec(ctx, "TRUNCATE "+identifier(table)); err != nil {
		return err
	}
	_, err = conn.PgConn().CopyFrom(ctx, io.MultiReader(strings.NewReader(header), lines),
		fmt.Sprintf("COPY %s (%s) FROM STDIN WITH (FORMAT csv, HEADER true)", identifier(table), strings.Join(columns, ", ")))
	return err
}

// copying is how pg_dump begins the rows of a table; they end with \.
var copying = regexp.MustCompile(`(?i)^COPY .* FROM stdin;\s*$`)

// statements runs an SQL file.
func statements(ctx context.Context, conn *pgx.Conn, _ string, from io.Reader) error {
	lines := bufio.NewReader(from)
	var pending strings.Builder
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		last := err != nil
		switch {
		case copying.MatchString(line) || last:
			if last {
				pending.WriteString(line)
			}
			if _, err := conn.PgConn().Exec(ctx, pending.String()).ReadAll(); err != nil || last {
				return err
			}
			pending.Reset()
			data := copyRows{lines: lines}
			if _, err := conn.PgConn().CopyFrom(ctx, &data, strings.TrimRight(line, "; \r\n")); err != nil {
				return err
			}
			n += data.read
		case strings.HasPrefix(line, `\restrict `), strings.HasPrefix(line, `\unrestrict `): // only psql needs them
		case strings.HasPrefix(line, `\`):
			return fmt.Errorf("line %d is a command of psql, and no SQL: %w", n, activities.ErrFinal)
		default:
			pending.WriteString(line)
		}
	}
}

// copyRows reads the rows of one COPY, and ends before its \.
type copyRows struct {
	lines *bufio.Reader
	rest  string
	ended bool
	read  int
}

// Read implements io.Reader.
func (c *copyRows) Read(into []byte) (int, error) {
	if c.rest == "" && !c.ended {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return 0, fmt.Errorf(`the rows of a COPY do not end with \.: %w`, activities.ErrFinal)
		}
		c.read++
		c.ended = strings.TrimRight(line, "\r\n") == `\.`
		if !c.ended {
			c.rest = line
		}
	}
	if c.ended {
		return 0, io.EOF
	}
	n := copy(into, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}
