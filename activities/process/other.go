//go:build !linux

// Package process runs versions as processes of this machine, on Linux only.
package process

import (
	"errors"

	"bakeoff/activities"
)

// New refuses: the driver needs Linux.
func New(activities.With) (activities.Deployer, error) {
	return nil, errors.New("the process driver needs Linux (/proc and flock)")
}
