// Package postgres restores snapshots into PostgreSQL, and says by digests and
// checks what its tables hold. Read [Database.Restore] first.
//
// Where the database is, and who may write to it, is known to the worker's
// configuration alone. Errors tell lines, columns and codes, and no values.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"bakeoff/activities"
)

// Database is one database of one server. Each call has a connection of its
// own. It is safe for concurrent use.
type Database struct {
	config *pgx.ConnConfig
}

var _ activities.Database = (*Database)(nil)

// connectWithin bounds how long a connection may take where the address does
// not say.
const connectWithin = 5 * time.Second

// asText makes the text of values the same in every session.
var asText = map[string]string{
	"TimeZone": "UTC", "DateStyle": "ISO, YMD", "IntervalStyle": "iso_8601", "bytea_output": "hex", "extra_float_digits": "3", "client_encoding": "UTF8",
}

// New returns the database at an address as libpq takes it:
// postgres://user:password@host/database.
func New(address string) (*Database, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the address of a database cannot be read: write postgres://user@host:5432/database") // what it says may hold a password
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectWithin
	}
	for name, value := range asText {
		config.RuntimeParams[name] = value
	}
	return &Database{config}, nil
}

// in calls a function with a connection, in one transaction. Nothing is left of
// one that returns an error.
func (d *Database) in(ctx context.Context, f func(*pgx.Conn) error) (err error) {
	conn, err := pgx.ConnectConfig(ctx, d.config.Copy())
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return pgx.BeginFunc(ctx, conn, func(pgx.Tx) error { return f(conn) })
}

// identifier quotes a name, which may have a schema before it.
func identifier(name string) string { return pgx.Identifier(strings.Split(name, ".")).Sanitize() }

// codes says what the common refusals of data mean; messages of PostgreSQL
// quote it.
var codes = map[string]string{
	"22P02": "is not of the column's type",
	"22P04": "has not the columns of the table",
	"22007": "is not a date",
	"22008": "is not a possible date",
	"22003": "is a number out of the column's range",
	"22001": "is too long",
	"23502": "has no value, and needs one",
	"23503": "is tied to a row that is not there, or still is",
	"23505": "repeats a key",
	"23514": "breaks a check of the table",
}

// copied finds the place in what PostgreSQL says of a COPY.
var copied = regexp.MustCompile(`, line (\d+)(?:, column ([A-Za-z0-9_]+))?`)

// refused turns a refusal of the server into words without values, and says
// where trying again cannot help.
func refused(err error) error {
	var told *pgconn.PgError
	if !errors.As(err, &told) {
		return err
	}
	class := told.Code[:2]
	text := told.Message
	if class == "22" || class == "23" { // data, and its constraints
		text = "a value or row was refused"
		if meaning := codes[told.Code]; meaning != "" {
			text = "a value or row " + meaning
		}
		if at := copied.FindStringSubmatch(told.Where); at != nil {
			text = "line " + at[1] + strings.TrimSuffix(", column "+at[2], ", column ") + ": " + text
		}
	}
	text += " (SQLSTATE " + told.Code + ")"
	switch {
	case told.Code == "42P01":
		return fmt.Errorf("%s: %w: %w", text, activities.ErrNotFound, activities.ErrFinal)
	case class == "22", class == "23", class == "42", class == "0A", class == "28", told.Code == "3D000":
		return fmt.Errorf("%s: %w", text, activities.ErrFinal)
	}
	return errors.New(text)
}
