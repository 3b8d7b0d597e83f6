//go:build !linux

// Package faults injects the faults of rehearsals, on Linux only.
package faults

import (
	"context"
	"errors"
	"time"

	"bakeoff/activities"
)

var errNoLinux = errors.New("faults need Linux (/proc and flock)")

// Driver is not there.
type Driver struct{ activities.Faults }

// New refuses: the driver needs Linux.
func New(activities.With) (*Driver, error) { return nil, errNoLinux }

// Sweep has nothing to undo.
func (*Driver) Sweep(context.Context) error { return errNoLinux }

// RemoveAll has nothing to remove.
func (*Driver) RemoveAll(context.Context) error { return errNoLinux }

// HoldBack has nothing to hold back.
func (*Driver) HoldBack(time.Time) error { return errNoLinux }

// Allow has nothing to allow.
func (*Driver) Allow() error { return errNoLinux }

// Keep refuses: the driver needs Linux.
func Keep(context.Context, string) error { return errNoLinux }
