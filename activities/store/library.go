package store

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"bakeoff/activities"
)

// Library is a folder of templates, snapshots and recordings. It only reads.
type Library struct {
	directory string
}

var _ activities.Library = Library{}

// NewLibrary returns the library in a folder.
func NewLibrary(directory string) Library { return Library{directory} }

// Open reads a file; activities.ErrNotFound when there is none.
func (l Library) Open(_ context.Context, name string) (io.ReadCloser, error) {
	if name == "." || !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q is no name in the library: %w", name, activities.ErrFinal)
	}
	f, err := os.OpenInRoot(l.directory, name)
	if err != nil {
		return nil, refused(fmt.Errorf("open %s of the library: %w", name, err))
	}
	return f, nil
}
