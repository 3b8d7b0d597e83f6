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
func (d *Database) Keep(ctx context.Context, run, table string) error {
	err := d.copying(ctx, table, func(conn *pgx.Conn, kept, owner string, found bool) error {
		switch {
		case found && owner == run:
			return nil
		case found:
			return fmt.Errorf("%s is there: the copy of %q, which did not put it back; look whether its rows are wanted, and drop it: %w", kept, owner, activities.ErrFinal)
		}
		for _, sql := range []string{
			"LOCK TABLE " + identifier(table) + " IN SHARE MODE",
			"CREATE TABLE " + identifier(kept) + " AS TABLE " + identifier(table),
			"COMMENT ON TABLE " + identifier(kept) + " IS '" + strings.ReplaceAll(run, "'", "''") + "'",
		} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep what table %s holds: %w", table, refused(err))
	}
	return nil
}

// PutBack implements activities.Copies. Sequences are not set back.
func (d *Database) PutBack(ctx context.Context, run, table string) error {
	err := d.copying(ctx, table, func(conn *pgx.Conn, kept, owner string, found bool) error {
		if !found || owner != run {
			return nil
		}
		var columns string // without those that the table works out itself
		err := conn.QueryRow(ctx, `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
			WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`, identifier(table)).Scan(&columns)
		if err != nil {
			return err
		}
		for _, sql := range []string{
			"TRUNCATE " + identifier(table),
			fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s", identifier(table), columns, columns, identifier(kept)),
		} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		before, _, err := digestOf(ctx, conn, kept)
		if err != nil {
			return err
		}
		after, _, err := digestOf(ctx, conn, table)
		if err != nil {
			return err
		}
		if after != before {
			return fmt.Errorf("its rows are not what they were, as where a trigger changes them; they are in %s: %w", kept, activities.ErrFinal)
		}
		_, err = conn.Exec(ctx, "DROP TABLE "+identifier(kept))
		return err
	})
	if err != nil {
		return fmt.Errorf("put back what table %s held: %w", table, refused(err))
	}
	return nil
}

// copying calls a function with the copy of a table, and whose it is, in one
// transaction.
func (d *Database) copying(ctx context.Context, table string, f func(conn *pgx.Conn, kept, owner string, found bool) error) error {
	kept, err := copyOf(table)
	if err != nil {
		return err
	}
	return d.in(ctx, func(conn *pgx.Conn) error {
		var owner *string
		var found bool
		err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL, obj_description(to_regclass($1), 'pg_class')", identifier(kept)).Scan(&found, &owner)
		if err != nil {
			return err
		}
		if owner == nil {
			owner = new(string)
		}
		return f(conn, kept, *owner, found)
	})
}
