package activities

import (
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"bakeoff/rollout"
)

// windowsPrefix is the folder of a run in which the raw windows are that its rollouts
// were judged by: below it one for each rollout, by its epoch.
const windowsPrefix = "windows/"

// keepWindows copies the raw windows of a run's rollouts to its evidence, where this
// worker keeps them: who has the run has all that its verdicts were made from, and
// each by its digest. Without rollouts, or where windows are kept elsewhere, there are
// none.
func (a *Activities) keepWindows(ctx context.Context, in ConcludeRehearsalInput) error {
	environment, rest, _ := strings.Cut(in.Order.Manifest.Target().String(), "/")
	folders, err := a.Archive.Runs(ctx, environment, rest)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		epoch, err := strconv.ParseInt(path.Base(folder), 10, 64)
		if err != nil || !in.Facts.practised(time.UnixMilli(epoch)) {
			continue // a run, or a rollout of somebody else
		}
		files, err := a.Archive.Files(ctx, folder)
		if err != nil {
			return fmt.Errorf("list the windows of %s: %w", folder, err)
		}
		for _, f := range files {
			if err := a.copyFile(ctx, folder, f.Name, in.Plan.Run, windowsPrefix+path.Base(folder)+"/"+f.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// practised reports whether a rollout that began at a moment was one of the run's:
// nobody else's begins while one of them has the target.
func (f RehearsalFacts) practised(began time.Time) bool {
	within := func(from, to time.Time) bool {
		return !began.Before(from.Truncate(time.Millisecond)) && !began.After(to)
	}
	for _, d := range f.Drills {
		for _, r := range d.Repeats {
			if r.RunID != "" && within(r.StartedAt, r.EndedAt) {
				return true
			}
		}
	}
	for _, s := range []*rollout.Status{f.Rollout, f.Back} {
		switch {
		case s == nil:
		case s.EndedAt == nil && within(s.StartedAt, f.End), s.EndedAt != nil && within(s.StartedAt, *s.EndedAt):
			return true
		}
	}
	return false
}

// copyFile copies a file of the archive to a run.
func (a *Activities) copyFile(ctx context.Context, from, name, run, as string) error {
	source, err := a.Archive.Open(ctx, from, name)
	if err != nil {
		return fmt.Errorf("open %s of %s: %w", name, from, err)
	}
	defer func() { _ = source.Close() }() // it was only read
	body, err := io.ReadAll(source)
	if err != nil {
		return fmt.Errorf("read %s of %s: %w", name, from, err)
	}
	return a.keep(ctx, run, as, body)
}
