//go:build linux

package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"bakeoff/rehearsal/fault"
)

// loop mounts a small file system, from a file, over an empty folder, and fills it.
type loop struct{ fault.Disk }

func (l loop) prepare(_ context.Context, p Parameters, r *record) error {
	path, err := realFolder(l.Path, r, p)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	switch {
	case err != nil:
		return err
	case len(entries) > 0:
		return refuse("%s is not empty: what is in it would be hidden; mount a small file system there for good, and leave size out", l.Path)
	case os.Geteuid() != 0:
		return refuse("a loop file can be mounted by root alone, and this worker is not: mount a small file system at %s for good, and leave size out", l.Path)
	}
	for _, program := range []string{"mkfs.ext4", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			return refuse("a loop file needs %s: %v", program, err)
		}
	}
	r.Undo.Disk = &diskBefore{Ballast: ballast(path, r), Image: r.sibling(".img")}
	return nil
}

func (l loop) apply(ctx context.Context, r *record) error {
	image, path := r.Undo.Disk.Image, filepath.Dir(r.Undo.Disk.Ballast)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(image, l.Size); err != nil {
		return err
	}
	if err := command(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", image); err != nil {
		return err
	}
	if err := command(ctx, "mount", "-o", "loop,nosuid,nodev", image, path); err != nil {
		return fmt.Errorf("the kernel does not mount a loop file here: %w", err)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if err := os.Chmod(path, info.Mode().Perm()); err != nil {
		return err
	}
	return fill(ctx, r.Undo.Disk.Ballast, l.Leave)
}

// undo unmounts the file system, also while files of it are open: who has them
// keeps them, and nobody else sees them.
func (l loop) undo(ctx context.Context, r *record) error {
	if r.Undo.Disk == nil {
		return nil
	}
	image, path := r.Undo.Disk.Image, filepath.Dir(r.Undo.Disk.Ballast)
	unmounted, begun, failed := false, time.Now(), error(nil)
	isOver := func() bool {
		backing, err := backingFile(path)
		switch {
		case err != nil:
			return false
		case backing == image:
			failed = syscall.Unmount(path, syscall.MNT_DETACH)
			unmounted = failed == nil
			return false
		}
		return unmounted || !isAttached(image) || time.Since(begun) > attachedWithin
	}
	if err := until(ctx, isOver, "%s is still mounted over", path); err != nil {
		return errors.Join(err, failed)
	}
	return removeFile(image)
}

// attachedWithin is how long a loop file may be attached without being mounted. A
// mount that was killed in the kernel is carried out all the same, a moment later.
const attachedWithin = 2 * time.Second

// isAttached reports whether a loop device has the file.
func isAttached(image string) bool {
	devices, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	return err == nil && slices.ContainsFunc(devices, func(device string) bool {
		backing, err := os.ReadFile(device)
		return err == nil && backedBy(backing) == image
	})
}

// backedBy is the name of a loop file, as the kernel tells it.
func backedBy(said []byte) string {
	return strings.TrimSuffix(strings.TrimSuffix(string(said), "\n"), " (deleted)")
}

// backingFile is the loop file that is mounted at a path, on top; "" where none
// is.
func backingFile(path string) (string, error) {
	body, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	escaped := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
	device := ""
	for line := range bytes.Lines(body) {
		fields := strings.Fields(string(line)) // id parent major:minor root mountpoint options… - type source …
		if len(fields) > 4 && fields[4] == escaped {
			device = fields[2]
		}
	}
	if device == "" {
		return "", nil
	}
	backing, err := os.ReadFile(filepath.Join("/sys/dev/block", device, "loop/backing_file"))
	if err != nil {
		return "", nil //nolint:nilerr // another kind of file system
	}
	return backedBy(backing), nil
}

// command runs a program that dies with this process, so that what it does is
// not done later than what undoes it.
func command(ctx context.Context, name string, args ...string) error {
	runtime.LockOSThread() // the signal comes when the thread ends
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
