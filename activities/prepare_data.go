package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// prepareData verifies what a rehearsal starts from: the snapshots of its baseline
// by digest and rows, and its data, which it masks and makes. What is wrong with
// a file is a problem of the manifest; an error is worth another try.
func (a *Activities) prepareData(ctx context.Context, m rehearsal.Manifest, from *sources) (prepared []data.Prepared, problems []rollout.Problem, err error) {
	sets := m.Sets()
	if len(sets) == 0 {
		return nil, nil, nil
	}
	read := func(file, digest string) ([]byte, error) {
		if !slices.Contains(from.keep, file) {
			digest = "" // no run keeps a snapshot
		}
		return from.read(ctx, file, digest)
	}
	prepared, err = data.Prepare(m.Seed, sets, data.Sources{Read: read, Parse: a.Practice.Template, Masker: a.Practice.Masker})
	var lost *unreadable
	switch {
	case errors.As(err, &lost) && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrFinal):
		return nil, nil, err
	case err != nil:
		return nil, []rollout.Problem{{Path: placeOf(m, err), Message: said(err)}}, nil
	}
	return prepared, nil, nil
}

// keepData puts what was prepared, and the files of which the run is made, beside its
// evidence.
func (a *Activities) keepData(ctx context.Context, run string, m rehearsal.Manifest, prepared []data.Prepared, from *sources) (inputs []evidence.Input, err error) {
	sets := m.Sets()
	for i, p := range prepared {
		if err := a.keep(ctx, run, inputName(sets[i]), p.Body); err != nil {
			return nil, err
		}
		if template := sets[i].Template; template != "" {
			p.Input.Steps = append(p.Input.Steps, from.history(template)...)
		}
		inputs = append(inputs, p.Input)
	}
	return inputs, a.keepSources(ctx, run, from)
}

// placeOf is where the set stands in the manifest that an error is about; "data"
// where it is about several.
func placeOf(m rehearsal.Manifest, err error) string {
	var wrong *data.SetError
	if !errors.As(err, &wrong) {
		return "data"
	}
	return strings.TrimSuffix(pathOfSet(m, wrong.Set)+"."+wrong.Field, ".")
}

// pathOfSet is where one of [rehearsal.Manifest.Sets] stands in the manifest.
func pathOfSet(m rehearsal.Manifest, i int) string {
	if locked := len(m.Baseline.Data); i >= locked {
		return fmt.Sprintf("data[%d]", i-locked)
	}
	return fmt.Sprintf("baseline.data[%d]", i)
}

// unknownDatabases says which sets go into a database that this worker does not
// know, or cannot reach the address of.
func (p Practice) unknownDatabases(m rehearsal.Manifest) (out []rollout.Problem) {
	for i, s := range m.Sets() {
		if s.Into == nil {
			continue
		}
		if _, err := p.database(s.Into.Database); err != nil {
			out = append(out, rollout.Problem{Path: pathOfSet(m, i) + ".into.database", Message: said(err)})
		}
	}
	return out
}

func extension(format string) string {
	if format == "" {
		return ""
	}
	return "." + format
}
