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

// Copies is a database that can keep what a table holds, and put it back.
type Copies interface {
	// Keep copies a table to where PutBack finds it, and returns the digest of what is
	// kept. Repeating it in a run is success, and keeps what was there the first time;
	// kept is the digest of then, "" for the first time. ErrFinal: another run has left
	// its copy, or the one of this run is gone.
	Keep(ctx context.Context, run, table, kept string) (digest string, err error)
	// PutBack replaces what a table holds by its copy, holds it to the digest that Keep
	// returned, and removes the copy: all of it or nothing. Repeating it is success, and
	// so it is where the run has kept nothing (""). ErrFinal: the rows do not fit any
	// more, or the copy is gone and the table does not hold what was kept.
	PutBack(ctx context.Context, run, table, kept string) error
}
