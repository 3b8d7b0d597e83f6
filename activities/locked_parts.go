package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// unverified is all that can be said of a part that no driver tells.
const unverified = "not verified by what serves: only its file was looked at"

// lockedParts holds the parts of the baseline that files describe to the digests
// that the manifest locks and, where a driver tells it, to what serves. It says which
// are not so, or cannot be looked at.
func (a *Activities) lockedParts(ctx context.Context, m rehearsal.Manifest, from *sources) (inputs []evidence.Input, problems []rollout.Problem) {
	b := m.Baseline
	for _, part := range []struct{ name, digest string }{{"config", b.Config}, {"flags", b.Flags}, {"infrastructure", b.Infrastructure}} {
		if part.digest == "" {
			continue
		}
		file, how, err := a.lockedPart(ctx, m, part.name, part.digest, from)
		if err != nil {
			problems = append(problems, rollout.Problem{Path: "baseline." + part.name, Message: said(err)})
			continue
		}
		from.keep = append(from.keep, file)
		inputs = append(inputs, evidence.Input{Name: rehearsal.PartOf(part.name), Source: file, Digest: part.digest, SourceSum: part.digest,
			Steps: append([]string{how}, from.history(file)...)})
	}
	return inputs, problems
}

// lockedPart says which file describes a part, and how that was verified. A file
// that has changed is never replaced by one that was kept: it says that the part has.
func (a *Activities) lockedPart(ctx context.Context, m rehearsal.Manifest, name, digest string, from *sources) (file, how string, err error) {
	file, known := a.Practice.Parts[name]
	if !known {
		return "", "", fmt.Errorf("is locked, and this worker cannot look at it: name its file in rehearsals.parts.%s", name)
	}
	body, err := from.read(ctx, file, "")
	if errors.Is(err, ErrNotFound) {
		body, err = from.read(ctx, file, digest)
	}
	if err != nil {
		return "", "", fmt.Errorf("cannot be looked at: %w", err)
	}
	if found := data.Digest(body); found != digest {
		return "", "", fmt.Errorf("%s is locked, and %s is there: it has changed", digest, found)
	}
	how = unverified
	if name == "flags" {
		how, err = a.servingFlags(ctx, m.Rollout.Target.Flags, body)
	}
	return file, how, err
}

// servingFlags holds the flags that a file locks, a JSON object of their values by
// name, to those that serve. Flags that it does not name are not compared.
func (a *Activities) servingFlags(ctx context.Context, d *rollout.Driver, locked []byte) (how string, err error) {
	want, are := flagsIn(locked)
	switch {
	case d == nil:
		return unverified + ", and the rollout has no flags driver", nil
	case !are:
		return unverified + ", which is no JSON object of flags by name", nil
	}
	var serve map[string]any
	driver, err := a.Drivers.flags(d)
	if err == nil {
		serve, err = driver.Flags(ctx)
	}
	if errors.Is(err, ErrFinal) { // such as a worker that may not ask there
		return unverified + ": " + said(err), nil
	} else if err != nil {
		return "", fmt.Errorf("cannot be compared with what serves: %w", err)
	}
	if differ := flagDifferences(want, serve); len(differ) > 0 {
		return "", fmt.Errorf("what serves is not what is locked: %s", strings.Join(differ, "; "))
	}
	return fmt.Sprintf("verified: its %d flags have these values", len(want)), nil
}

// flagsIn are the flags of a file, if it holds any that can be compared.
func flagsIn(file []byte) (flags map[string]any, are bool) {
	err := json.Unmarshal(file, &flags)
	return flags, err == nil
}
