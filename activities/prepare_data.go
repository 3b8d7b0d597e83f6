package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// prepareData verifies what a rehearsal starts from: the snapshots of its baseline
// by digest and rows, and its data, which it masks and makes. What is wrong with
// a file is a problem of the manifest; an error is worth another try.
func (a *Activities) prepareData(ctx context.Context, m rehearsal.Manifest) (prepared []data.Prepared, problems []rollout.Problem, err error) {
	problems = a.lockedParts(ctx, m)
	sets := m.Sets()
	if len(sets) == 0 || len(problems) > 0 {
		return nil, problems, nil
	}
	prepared, err = data.Prepare(m.Seed, sets, data.Sources{Read: a.Practice.reader(ctx), Parse: a.Practice.Template, Masker: a.Practice.Masker})
	var lost *unreadable
	switch {
	case errors.As(err, &lost) && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrFinal):
		return nil, nil, err
	case err != nil:
		return nil, []rollout.Problem{{Path: placeOf(m, err), Message: said(err)}}, nil
	}
	return prepared, nil, nil
}

// keepData puts what was prepared beside the evidence of the run, which it belongs to.
func (a *Activities) keepData(ctx context.Context, run string, m rehearsal.Manifest, prepared []data.Prepared) (inputs []evidence.Input, err error) {
	sets := m.Sets()
	for i, p := range prepared {
		if err := a.keep(ctx, run, inputName(sets[i]), p.Body); err != nil {
			return nil, err
		}
		inputs = append(inputs, p.Input)
	}
	return inputs, nil
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

// lockedParts says which parts of the baseline are not what the manifest locks,
// or cannot be looked at.
func (a *Activities) lockedParts(ctx context.Context, m rehearsal.Manifest) []rollout.Problem {
	var out []rollout.Problem
	refuse := func(path, format string, args ...any) {
		out = append(out, rollout.Problem{Path: "baseline." + path, Message: fmt.Sprintf(format, args...)})
	}
	b := m.Baseline
	for _, part := range []struct{ name, digest string }{{"config", b.Config}, {"flags", b.Flags}, {"infrastructure", b.Infrastructure}} {
		if part.digest == "" {
			continue
		}
		file, known := a.Practice.Parts[part.name]
		if !known {
			refuse(part.name, "is locked, and this worker cannot look at it: name its file in rehearsals.parts.%s", part.name)
			continue
		}
		body, err := a.Practice.reader(ctx)(file)
		if err != nil {
			refuse(part.name, "cannot be looked at: %s", said(err))
		} else if found := data.Digest(body); found != part.digest {
			refuse(part.name, "%s is locked, and %s is there: it has changed", part.digest, found)
		}
	}
	return out
}

// unreadable is a file that could not be read now.
type unreadable struct{ error }

func (e *unreadable) Unwrap() error { return e.error }

// reader reads whole files that manifests name.
func (p Practice) reader(ctx context.Context) func(string) ([]byte, error) {
	return func(file string) ([]byte, error) {
		from, err := p.open(ctx, file)
		if err != nil {
			return nil, &unreadable{err}
		}
		defer func() { _ = from.Close() }() // it was only read
		body, err := io.ReadAll(io.LimitReader(from, largestInput+1))
		if err != nil {
			return nil, &unreadable{err}
		}
		if len(body) > largestInput {
			return nil, fmt.Errorf("%s is larger than %d MiB: %w", file, largestInput>>20, ErrFinal)
		}
		return body, nil
	}
}

// largestInput bounds one file of data.
const largestInput = 256 << 20
