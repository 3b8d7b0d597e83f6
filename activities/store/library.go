package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

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
		return nil, fmt.Errorf("%q is not a name in the library: %w", name, activities.ErrFinal)
	}
	f, err := os.OpenInRoot(l.directory, name)
	if err != nil {
		return nil, refused(fmt.Errorf("open %s of the library: %w", name, err))
	}
	return f, nil
}

// Files lists the regular files of the folder and of those below, by name; what
// begins with a dot is left out.
func (l Library) Files(ctx context.Context) ([]string, error) {
	root, err := os.OpenRoot(l.directory)
	if err != nil {
		return nil, refused(fmt.Errorf("open the library: %w", err))
	}
	var out []string
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular():
			out = append(out, name)
		}
		return ctx.Err()
	})
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, fmt.Errorf("list the library: %w", err)
	}
	return out, nil
}
