// Package store keeps the files of rehearsals below folders of this machine:
// [Archive] what runs leave, [Library] what they start from. Names that lead out
// of the folder, also over a symbolic link, are refused.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"bakeoff/activities"
	"bakeoff/rehearsal/evidence"
)

// partial begins the names of files that are being written. What comes behind
// the name of the file tells writers apart.
const partial = ".writing-"

// Archive keeps a folder for each run: environment/name/run. It is safe for
// concurrent use, also by several processes.
type Archive struct {
	directory string
}

var _ activities.Archive = Archive{}

// NewArchive returns the archive below a folder, which is made when the first
// file is.
func NewArchive(directory string) Archive { return Archive{directory} }

// Create begins a file. It is there under its name, whole, once it
// is closed; until then what was there before is. Where nothing was, what a
// writer that died had written is read until the next one begins.
func (a Archive) Create(_ context.Context, run, name string) (io.WriteCloser, error) {
	if err := checked(run, name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(a.directory, 0o750); err != nil {
		return nil, fmt.Errorf("make the archive: %w", err)
	}
	root, err := os.OpenRoot(a.directory)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	w, err := begin(root, path.Join(run, name))
	if err != nil {
		return nil, errors.Join(refused(fmt.Errorf("create %s of run %s: %w", name, run, err)), root.Close())
	}
	return w, nil
}

// Open reads a file; activities.ErrNotFound when there is none.
func (a Archive) Open(_ context.Context, run, name string) (io.ReadCloser, error) {
	if err := checked(run, name); err != nil {
		return nil, err
	}
	var f *os.File
	err := a.look(func(root *os.Root) (err error) {
		file := path.Join(run, name)
		if f, err = root.Open(file); errors.Is(err, fs.ErrNotExist) {
			if left := unfinished(root, file); len(left) > 0 {
				f, err = root.Open(left[0])
			}
		}
		return err
	})
	if err != nil {
		return nil, refused(fmt.Errorf("open %s of run %s: %w", name, run, err))
	}
	return f, nil
}

// look calls a function with the archive's folder, from which no name leads
// out. The error is fs.ErrNotExist where there is none yet.
func (a Archive) look(into func(root *os.Root) error) error {
	root, err := os.OpenRoot(a.directory)
	if err != nil {
		return err
	}
	return errors.Join(into(root), root.Close())
}

// Files lists the files of a run, by name; none where there is no such run. What a
// writer that died has left gets its name first, so that who reads the folder finds
// what the list says.
func (a Archive) Files(ctx context.Context, run string) ([]evidence.File, error) {
	if err := checked(run, "x"); err != nil {
		return nil, err
	}
	var names []string
	err := a.look(func(root *os.Root) error {
		return fs.WalkDir(root.FS(), run, func(file string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				settle(root, file)
				names = append(names, strings.TrimPrefix(whole(file), run+"/"))
			}
			return err
		})
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list run %s: %w", run, err)
	}
	slices.Sort(names)
	var out []evidence.File
	for _, name := range slices.Compact(names) {
		file, err := a.describe(ctx, run, name)
		if err != nil {
			return nil, err
		}
		out = append(out, file)
	}
	return out, nil
}

func (a Archive) describe(ctx context.Context, run, name string) (evidence.File, error) {
	f, err := a.Open(ctx, run, name)
	if err != nil {
		return evidence.File{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return evidence.File{}, fmt.Errorf("read %s of run %s: %w", name, run, err)
	}
	return evidence.File{Name: name, Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Bytes: n}, nil
}

// Runs lists the runs of a rehearsal, oldest first: their ids begin with the
// time. There is none where there is no such rehearsal.
func (a Archive) Runs(_ context.Context, environment, name string) ([]string, error) {
	folder := path.Join(environment, name)
	if err := checked(folder, "x"); err != nil {
		return nil, err
	}
	var entries []fs.DirEntry
	err := a.look(func(root *os.Root) (err error) {
		entries, err = fs.ReadDir(root.FS(), folder)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the runs of %s: %w", folder, err)
	}
	var out []string
	for _, e := range entries { // by name
		if e.IsDir() {
			out = append(out, path.Join(folder, e.Name()))
		}
	}
	return out, nil
}

// checked refuses names that are no local paths, and those that a file has
// while it is written.
func checked(run, name string) error {
	for _, p := range []string{run, name} {
		if p == "." || !fs.ValidPath(p) || strings.ContainsAny(p, "\\\x00") || strings.Contains("/"+p, "/"+partial) {
			return fmt.Errorf("%q is not a name in the archive: %w", p, activities.ErrFinal)
		}
	}
	return nil
}

// refused says of an error that trying again cannot help, where that is so.
func refused(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", activities.ErrNotFound, err)
	}
	return err
}

// unfinished lists what writers of a file left behind, the newest first.
func unfinished(root *os.Root, file string) []string {
	found, err := fs.Glob(root.FS(), path.Join(path.Dir(file), partial+path.Base(file)+".*"))
	if err != nil {
		return nil // of a name with * and the like: nothing was left of it
	}
	found = slices.DeleteFunc(found, func(f string) bool { return whole(f) != file })
	slices.SortFunc(found, func(a, b string) int { return modified(root, b).Compare(modified(root, a)) })
	return found
}

// settle gives what a dead writer left the name that it would have had, unless there
// is such a file. Living ones hold a lock.
func settle(root *os.Root, file string) {
	name := whole(file)
	if _, err := root.Lstat(name); name == file || err == nil {
		return
	}
	f, err := root.Open(file)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		_ = root.Rename(file, name) // else it is read under the name that it has
	}
}

// whole is the name that a file will have once it is written.
func whole(file string) string {
	name, writing := strings.CutPrefix(path.Base(file), partial)
	if !writing {
		return file
	}
	return path.Join(path.Dir(file), name[:strings.LastIndex(name, ".")])
}

// begin opens a file to be written, and removes what others left of it.
func begin(root *os.Root, file string) (*writer, error) {
	if err := root.MkdirAll(path.Dir(file), 0o750); err != nil {
		return nil, err
	}
	for _, left := range unfinished(root, file) {
		if err := root.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	temporary := path.Join(path.Dir(file), fmt.Sprintf("%s%s.%016x", partial, path.Base(file), rand.Uint64()))
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, err
	}
	// Where the file system knows no locks, it cannot be told that a writer died.
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return &writer{File: f, root: root, temporary: temporary, file: file}, nil
}
