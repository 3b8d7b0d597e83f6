//go:build linux || darwin

package temporald

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock takes the lock file for this process and returns how to give it back. Two
// servers on one database would take its shard from each other for ever. The
// kernel frees the lock of a killed process; the file itself stays, because
// removing it would race with the next start.
func lock(file string) (unlock func() error, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("taking %s: %w", file, err), f.Close())
	}
	return f.Close, nil
}
