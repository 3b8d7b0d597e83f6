package activities

import (
	"context"
	"io"

	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// Archive keeps what rehearsals leave: files, in a folder for each run. Names
// are local paths.
type Archive interface {
	// Create begins a new file, or an existing one anew. The file is complete once
	// it is closed; what a writer wrote before it died stays, and may end anywhere.
	Create(ctx context.Context, run, name string) (io.WriteCloser, error)
	// Open reads a file; ErrNotFound when there is none.
	Open(ctx context.Context, run, name string) (io.ReadCloser, error)
	// Files lists the files of a run, by name.
	Files(ctx context.Context, run string) ([]evidence.File, error)
	// Runs lists the runs of a rehearsal, oldest first.
	Runs(ctx context.Context, environment, name string) ([]string, error)
}

// Library is what rehearsals start from: templates, snapshots and recordings, by
// the names that manifests use.
type Library interface {
	// Open reads a file; ErrNotFound if there is none.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Files lists the names of all files.
	Files(ctx context.Context) ([]string, error)
}

// Practice is what a worker lets rehearsals do, and by what means.
type Practice struct {
	Production []string              // environments that no rehearsal may touch; nil: production and prod
	Drills     []string              // of those, the ones in which a declared drill of the first step may be made
	Reaches    func(url string) bool // where load and probes may go; nil: anywhere
	Rate       load.Rate             // most requests a second of all loads together; default 1000/s
	Longest    rollout.Duration      // of a run; default 2h
	Faults     fault.Limits          // default: none

	Library  Library                                                           // nil: no manifest can name a file
	Parts    map[string]string                                                 // config, flags, infrastructure → file of the library that describes it
	Template func(file string, body []byte) (data.Template, []rollout.Problem) // reads a template
	Masker   func() (*data.Masker, error)                                      // with the worker's key
	Database func(name string) (Database, error)                               // by the names that manifests use
	Place    func(run string) string                                           // where people find the evidence of a run
	Version  string                                                            // of Bakeoff
}
