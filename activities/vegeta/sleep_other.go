//go:build !linux

package vegeta

import "time"

// sleep is as exact as Go's timers are.
func sleep(d time.Duration) { <-time.After(d) }
