//go:build linux

package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"bakeoff/rehearsal/fault"
)

// fileBefore is a file before the fault, and during it.
type fileBefore struct {
	Path    string      `json:"path"`
	Missing bool        `json:"missing,omitempty"` // there was none
	Body    []byte      `json:"body"`
	Mode    fs.FileMode `json:"mode"`
	UID     int         `json:"uid"`
	GID     int         `json:"gid"`
	During  []byte      `json:"during"`
}

// longestFile is the longest file that is changed, in bytes: its body is kept in
// the registry.
const longestFile = 1 << 20

// lookAt reads a file as it is. One that is missing is all right here.
func lookAt(path string) (fileBefore, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fileBefore{Path: path, Missing: true, Mode: 0o644, UID: os.Getuid(), GID: os.Getgid()}, nil
	case err != nil:
		return fileBefore{}, err
	case !info.Mode().IsRegular():
		return fileBefore{}, refuse("%s is not a regular file", path)
	case info.Size() > longestFile:
		return fileBefore{}, refuse("%s has %d bytes: at most 1 MiB can be put back", path, info.Size())
	}
	body, err := os.ReadFile(path)
	before := fileBefore{Path: path, Body: body, Mode: info.Mode().Perm()}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		before.UID, before.GID = int(owner.Uid), int(owner.Gid)
	}
	return before, err
}

// write gives the file a body. Its folder is never without it, and it never has
// another mode or owner than it had.
func (f fileBefore) write(r *record, body []byte) error {
	return replaceAs(f.Path, f.scratch(r), body, f.Mode, func(file *os.File) error {
		return errors.Join(file.Chmod(f.Mode), file.Chown(f.UID, f.GID))
	})
}

// owned refuses a file that this process could not give back to its owner: it is
// replaced by another one, which is its own.
func (f fileBefore) owned() error {
	groups, err := os.Getgroups()
	if err != nil {
		return err
	}
	me := os.Geteuid()
	if me == 0 || me == f.UID && (f.GID == os.Getegid() || slices.Contains(groups, f.GID)) {
		return nil
	}
	return refuse("%s belongs to user %d and group %d, and only root could give it back to them: this worker is user %d", f.Path, f.UID, f.GID, me)
}

// scratch is the name under which a new body is written first.
func (f fileBefore) scratch(r *record) string {
	return filepath.Join(filepath.Dir(f.Path), ".bakeoff-"+key(r.Order.ID))
}

// putBack makes the file what it was. What somebody else has written into it
// since is kept beside the registration.
func (f fileBefore) putBack(r *record) error {
	if err := os.Remove(f.scratch(r)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	is, err := lookAt(f.Path)
	if err != nil {
		return err
	}
	switch {
	case is.Missing && f.Missing:
		return nil
	case !is.Missing && !f.Missing && bytes.Equal(is.Body, f.Body) && is.Mode == f.Mode && is.UID == f.UID && is.GID == f.GID:
		return nil
	case !is.Missing && !bytes.Equal(is.Body, f.During) && !bytes.Equal(is.Body, f.Body):
		if err := replace(r.sibling(".found"), r.sibling(".tmp"), is.Body, 0o600); err != nil {
			return fmt.Errorf("keep what was found in %s: %w", f.Path, err)
		}
	}
	if f.Missing {
		return errors.Join(os.Remove(f.Path), syncFolder(filepath.Dir(f.Path)))
	}
	return f.write(r, f.Body)
}

// undoFile puts the record's file back and reads it.
func (r *record) undoFile() error {
	f := r.Undo.File
	if f == nil {
		return nil
	}
	if err := f.putBack(r); err != nil {
		return fmt.Errorf("put %s back: %w", f.Path, err)
	}
	is, err := lookAt(f.Path)
	if err == nil && (is.Missing != f.Missing || !bytes.Equal(is.Body, f.Body)) {
		err = fmt.Errorf("%s is not as it was", f.Path)
	}
	return err
}

// drift changes what is in a file.
type drift struct{ fault.Drift }

func (d drift) prepare(_ context.Context, p Parameters, r *record) error {
	path, err := filepath.EvalSymlinks(d.File)
	if err != nil {
		return refuse("%v: a drift changes a file that is there: create it, or give another one", err)
	}
	real := r.Order.Fault
	real.Drift = &fault.Drift{File: path}
	if problems := p.Limits.Refusals("fault", real); len(problems) > 0 {
		return refuse("%s leads to another file: %s", d.File, join(problems))
	}
	before, err := lookAt(path)
	if err == nil {
		err = before.owned()
	}
	if err != nil {
		return err
	}
	if before.During, err = d.during(string(before.Body)); err != nil {
		return err
	}
	r.Undo.File = &before
	return nil
}

// during is what is in the file during the fault.
func (d drift) during(body string) ([]byte, error) {
	if d.Content != nil {
		return []byte(*d.Content), nil
	}
	for _, old := range slices.Sorted(maps.Keys(d.Replace)) {
		if !strings.Contains(body, old) {
			return nil, refuse("%s does not hold %q: replace names texts that are in the file", d.File, old)
		}
		body = strings.ReplaceAll(body, old, d.Replace[old])
	}
	return []byte(body), nil
}

func (d drift) apply(_ context.Context, r *record) error {
	return r.Undo.File.write(r, r.Undo.File.During)
}

func (d drift) undo(_ context.Context, r *record) error { return r.undoFile() }
