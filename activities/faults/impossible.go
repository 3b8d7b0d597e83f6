//go:build linux

package faults

import (
	"context"
	"slices"
	"strings"

	"bakeoff/activities"
	"bakeoff/rehearsal/fault"
)

// Impossible says why a fault could not begin on this machine now: the field of it
// that is wrong, and why; "" where nothing is known against it. It looks at all that
// Inject looks at before it registers a fault, and changes nothing. What another
// fault changes just now is no longer so when this one begins, and is left to that.
func (d *Driver) Impossible(ctx context.Context, f fault.Fault) (field, why string) {
	field, what := subject(f)
	isChanging := func(r record) bool {
		_, theirs := subject(r.Order.Fault)
		return r.EndedAt == nil && (theirs == what || d.Same(f, r.Order.Fault))
	}
	records, err := d.registry.list()
	if err == nil && !slices.ContainsFunc(records, isChanging) {
		_, err = d.look(ctx, activities.FaultOrder{Fault: f})
	}
	if err != nil {
		why = strings.TrimSuffix(err.Error(), ": "+activities.ErrFinal.Error())
	}
	return field, why
}

// subject is what a fault is about, such as "proxy db", and the field that names it.
func subject(f fault.Fault) (field, what string) {
	kind := f.Kind()
	switch x, is := processOf(f); {
	case f.ProxyName() != "":
		return kind + ".proxy", "proxy " + f.ProxyName()
	case is && x.PIDFile != "":
		return kind + ".pidFile", "process " + x.PIDFile
	case is:
		return kind + ".name", "process " + x.Name
	case kind == fault.KindClock:
		return "clock.process", "process " + f.Clock.Process
	case kind == fault.KindDrift:
		return "drift.file", "file " + f.Drift.File
	case kind == fault.KindDisk:
		return "disk.path", "disk " + f.Disk.Path
	}
	return kind, ""
}
