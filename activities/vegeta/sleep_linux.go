package vegeta

import (
	"syscall"
	"time"
)

// sleep is exact to a tenth of a millisecond: the kernel wakes this very thread.
func sleep(d time.Duration) {
	wait := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&wait, nil) // a signal may end it early: the caller looks
}
