//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"bakeoff/rehearsal/fault"
)

// diskBefore says what fills the disk.
type diskBefore struct {
	Ballast string `json:"ballast"`         // a file that takes the room
	Image   string `json:"image,omitempty"` // the loop file that is mounted over the path
}

// largestDisk is the largest file system that is filled, in bytes: a small one,
// made for it.
const largestDisk = 1 << 30

// disk fills the file system that is mounted at a path.
type disk struct{ fault.Disk }

func (d disk) prepare(_ context.Context, p Parameters, r *record) error {
	path, err := realFolder(d.Path, r, p)
	if err != nil {
		return err
	}
	device, err1 := deviceOf(path)
	above, err2 := deviceOf(filepath.Dir(path))
	registry, err3 := deviceOf(p.Directory)
	var s syscall.Statfs_t
	if err := errors.Join(err1, err2, err3, syscall.Statfs(path, &s)); err != nil {
		return err
	}
	switch size := int64(s.Blocks) * s.Bsize; {
	case device == above || path == "/":
		return refuse("%s is not a file system of its own: mount a small one there, or give size to have a loop file mounted", d.Path)
	case device == registry:
		return refuse("%s is the file system of the registry of faults", d.Path)
	case size > largestDisk:
		return refuse("%s is a file system of %d bytes: only those of at most 1 GiB are filled", d.Path, size)
	}
	r.Undo.Disk = &diskBefore{Ballast: ballast(path, r)}
	return nil
}

// realFolder is the folder that a path leads to, which must be allowed, too.
func realFolder(path string, r *record, p Parameters) (string, error) {
	folder, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", refuse("%v: make the folder, or give another path", err)
	}
	info, err := os.Stat(folder)
	if err != nil || !info.IsDir() {
		return "", refuse("%s is not a folder", path)
	}
	real := r.Order.Fault
	real.Disk = &fault.Disk{Path: folder}
	if problems := p.Limits.Refusals("fault", real); len(problems) > 0 {
		return "", refuse("%s leads to another folder: %s", path, join(problems))
	}
	return folder, nil
}

func deviceOf(path string) (uint64, error) {
	var s syscall.Stat_t
	if err := syscall.Stat(path, &s); err != nil {
		return 0, fmt.Errorf("look at %s: %w", path, err)
	}
	return s.Dev, nil
}

func ballast(folder string, r *record) string {
	return filepath.Join(folder, ".bakeoff-"+key(r.Order.ID))
}

func (d disk) apply(ctx context.Context, r *record) error {
	return fill(ctx, r.Undo.Disk.Ballast, d.Leave)
}

func (d disk) undo(_ context.Context, r *record) error {
	if r.Undo.Disk == nil {
		return nil
	}
	return removeFile(r.Undo.Disk.Ballast)
}

// fill makes a file that takes all room but so many bytes.
func fill(ctx context.Context, file string, leave int64) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	end := int64(0)
	for chunk := int64(largestDisk); chunk >= 4096 && ctx.Err() == nil; {
		room, err := free(file)
		if err != nil {
			return err
		}
		want := min(chunk, room-leave)
		if want <= 0 {
			break
		}
		switch err := syscall.Fallocate(int(f.Fd()), 0, end, want); {
		case err == nil:
			end += want
		case errors.Is(err, syscall.ENOSPC): // the file system needs some of it for itself
			chunk = want / 2
		case !errors.Is(err, syscall.EINTR):
			return fmt.Errorf("fill %s: %w", filepath.Dir(file), err)
		}
	}
	return ctx.Err()
}

// free is how many bytes may still be written, by root where this is root.
func free(path string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, err
	}
	if os.Geteuid() == 0 {
		return int64(s.Bfree) * s.Bsize, nil
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// removeFile deletes a file; one that is not there is success.
func removeFile(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
