package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"bakeoff/activities"
)

var _ activities.Copies = (*Database)(nil)

// keptPrefix begins the name of a copy, which is a table beside the one that it is
// of; whose it is stands in its comment.
const keptPrefix = "bakeoff_before_"

// longestIdentifier is how long names are in PostgreSQL.
const longestIdentifier = 63

// copyOf names the copy of a table.
func copyOf(table string) (string, error) {
	schema, name, found := strings.Cut(table, ".")
	if !found {
		schema, name = "", table
	}
	name = keptPrefix + name
	if len(name) > longestIdentifier {
		return "", fmt.Errorf("the name of the table is too long for a copy beside it: %d letters at most: %w", longestIdentifier-len(keptPrefix), activities.ErrFinal)
	}
	if schema == "" {
		return name, nil
	}
	return schema + "." + name, nil
}

// Keep implements activities.Copies. The rows stay in the database.
func (d *Database) Keep(ctx context.Context, run, table, kept string) (digest string, err error) {
	err = d.copying(ctx, table, func(conn *pgx.Conn, c tableCopy) error {
		switch {
		case c.found && c.owner == run:
			digest, _, err = digestOf(ctx, conn, c.name)
			return err
		case c.found:
			return fmt.Errorf("%s is there: the copy of %q, which did not put it back; look whether its rows are wanted, and drop it: %w", c.name, c.owner, activities.ErrFinal)
		case kept != "":
			return fmt.Errorf("its copy %s is gone: %w", c.name, activities.ErrFinal)
		}
		for _, sql := range []string{
			"LOCK TABLE " + identifier(table) + " IN SHARE MODE",
			"CREATE TABLE " + identifier(c.name) + " AS TABLE " + identifier(table),
			"COMMENT ON TABLE " + identifier(c.name) + " IS '" + strings.ReplaceAll(run, "'", "''") + "'",
		} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		digest, _, err = digestOf(ctx, conn, c.name)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keep what table %s holds: %w", table, refused(err))
	}
	return digest, nil
}

// PutBack implements activities.Copies. Sequences are not set back.
func (d *Database) PutBack(ctx context.Context, run, table, kept string) error {
	err := d.copying(ctx, table, func(conn *pgx.Conn, c tableCopy) error {
		switch ours := c.found && c.owner == run; {
		case ours:
			return fillAgain(ctx, conn, table, c.name, kept)
		case kept != "":
			return isBack(ctx, conn, table, c, kept)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("put back what table %s held: %w", table, refused(err))
	}
	return nil
}

// fillAgain replaces what a table holds by its copy, and drops the copy.
func fillAgain(ctx context.Context, conn *pgx.Conn, table, from, kept string) error {
	before, _, err := digestOf(ctx, conn, from)
	if err != nil {
		return err
	}
	if kept != "" && before != kept {
		return fmt.Errorf("somebody changed its copy %s, which does not hold any more what was kept: %w", from, activities.ErrFinal)
	}
	var columns string // without those that the table works out itself
	err = conn.QueryRow(ctx, `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`, identifier(table)).Scan(&columns)
	if err != nil {
		return err
	}
	for _, sql := range []string{
		"TRUNCATE " + identifier(table),
		fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s", identifier(table), columns, columns, identifier(from)),
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	after, _, err := digestOf(ctx, conn, table)
	if err != nil {
		return err
	}
	if after != before {
		return fmt.Errorf("its rows are not what they were, as where a trigger changes them; they are in %s: %w", from, activities.ErrFinal)
	}
	_, err = conn.Exec(ctx, "DROP TABLE "+identifier(from))
	return err
}

// isBack tells a table that was put back, by a try whose answer was lost, from one
// whose copy somebody took away.
func isBack(ctx context.Context, conn *pgx.Conn, table string, c tableCopy, kept string) error {
	now, _, err := digestOf(ctx, conn, table)
	if err != nil || now == kept {
		return err
	}
	why := "is gone"
	if c.found {
		why = fmt.Sprintf("is that of %q", c.owner)
	}
	return fmt.Errorf("its copy %s %s, and it does not hold what it held before: %w", c.name, why, activities.ErrFinal)
}

// tableCopy is the copy of a table, and whose it is.
type tableCopy struct {
	name, owner string
	found       bool
}

// copying calls a function with the copy of a table, in one transaction.
func (d *Database) copying(ctx context.Context, table string, f func(*pgx.Conn, tableCopy) error) error {
	name, err := copyOf(table)
	if err != nil {
		return err
	}
	return d.in(ctx, func(conn *pgx.Conn) error {
		c := tableCopy{name: name}
		var owner *string
		err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL, obj_description(to_regclass($1), 'pg_class')", identifier(name)).Scan(&c.found, &owner)
		if err != nil {
			return err
		}
		if owner != nil {
			c.owner = *owner
		}
		return f(conn, c)
	})
}
