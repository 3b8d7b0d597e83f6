package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"bakeoff/activities"
	"bakeoff/rehearsal/data"
)

// Digest is the SHA-256 of the sorted SHA-256 of the rows, each as the text
// that PostgreSQL makes of it. The server works it out: 32 bytes a row in its
// memory, so at most 30 million rows.
func (d *Database) Digest(ctx context.Context, table string) (digest string, rows int, err error) {
	err = d.in(ctx, func(conn *pgx.Conn) error {
		digest, rows, err = digestOf(ctx, conn, table)
		return err
	})
	if err != nil {
		return "", 0, fmt.Errorf("digest of table %s: %w", table, refused(err))
	}
	return digest, rows, nil
}

func digestOf(ctx context.Context, conn *pgx.Conn, table string) (digest string, rows int, err error) {
	err = conn.QueryRow(ctx, `SELECT 'sha256:' || encode(sha256(coalesce(string_agg(h, ''::bytea ORDER BY h), ''::bytea)), 'hex'), count(*)
		FROM (SELECT sha256(convert_to(t::text, 'UTF8')) AS h FROM `+identifier(table)+` AS t) AS hashed`).Scan(&digest, &rows)
	return digest, rows, err
}

// Check asks the server of each check. A field without a value is null there;
// an empty text is a value.
func (d *Database) Check(ctx context.Context, table string, checks []data.Check) error {
	var wrong []string
	err := d.in(ctx, func(conn *pgx.Conn) error {
		for _, c := range checks {
			found, err := check(ctx, conn, table, c)
			if err != nil {
				return err
			}
			wrong = append(wrong, found...)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("check table %s: %w", table, refused(err))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("table %s: %s: %w", table, strings.Join(wrong, "; "), activities.ErrFinal)
	}
	return nil
}

func check(ctx context.Context, conn *pgx.Conn, table string, c data.Check) (wrong []string, err error) {
	ask := func(what string) (v float64) {
		err = errors.Join(err, conn.QueryRow(ctx, "SELECT ("+what+")::float8 FROM "+identifier(table)).Scan(&v))
		return v
	}
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	field := pgx.Identifier{c.Field}.Sanitize()
	if c.Rows != nil {
		if refuses := c.Rows.Refuses(ask("count(*)")); refuses != "" {
			say("rows: %s", refuses)
		}
	}
	if c.NotNull {
		if n := ask("count(*) - count(" + field + ")"); n > 0 {
			say("field %s: %.0f rows have no value", c.Field, n)
		}
	}
	if c.Unique {
		if n := ask("count(" + field + ") - count(DISTINCT " + field + ")"); n > 0 {
			say("field %s: %.0f values are repeated", c.Field, n)
		}
	}
	if c.Sum != nil {
		if refuses := c.Sum.Refuses(ask("coalesce(sum(" + field + "), 0)")); refuses != "" {
			say("field %s: the sum %s", c.Field, refuses)
		}
	}
	return wrong, err
}
