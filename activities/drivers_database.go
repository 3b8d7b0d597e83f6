package activities

import (
	"context"
	"io"

	"bakeoff/rehearsal/data"
)

// Database is where the practised service keeps its data. Nothing that it says
// of a failure holds a value of the data.
type Database interface {
	// Restore replaces what a table holds, or runs the statements of an SQL file:
	// all of it or nothing. Repeating it is success. ErrFinal: the file does not
	// fit.
	Restore(ctx context.Context, into data.Into, file string, from io.Reader) error
	// Digest is the same as long as a table has the same rows, in any order:
	// "sha256:…". ErrNotFound when there is no such table.
	Digest(ctx context.Context, table string) (digest string, rows int, err error)
	// Check holds a table to its checks. ErrFinal names everything that does not
	// hold.
	Check(ctx context.Context, table string, checks []data.Check) error
}
