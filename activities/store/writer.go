package store

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// writer is a file on its way.
type writer struct {
	*os.File
	root            *os.Root
	temporary, file string
}

// Close puts the file in its place. A writer whose place another took in the
// meantime gets an error, and changes nothing.
func (w *writer) Close() error {
	err := errors.Join(w.Sync(), w.File.Close())
	if err == nil {
		err = w.root.Rename(w.temporary, w.file)
	}
	if err = errors.Join(err, w.root.Close()); err != nil {
		return fmt.Errorf("keep %s: %w", w.file, err)
	}
	return nil
}

// modified is when a file was written last; the zero time where it is gone.
func modified(root *os.Root, file string) time.Time {
	info, err := root.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
