package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
	"bakeoff/rollout"
)

// evidenceFile is the name of the evidence in the folder of a run.
const evidenceFile = "evidence.json"

// holdsRuns reports whether a place is a folder, and not that of one run.
func holdsRuns(place string) bool {
	info, err := os.Stat(place)
	if err != nil || !info.IsDir() {
		return false
	}
	_, err = os.Stat(filepath.Join(place, evidenceFile))
	return errors.Is(err, fs.ErrNotExist)
}

// reportStanding says where a service stands after all runs of a folder or, of
// several services, where each does.
func (c *cli) reportStanding(ctx context.Context, folder string, r reporting) error {
	if r.older.Duration <= 0 {
		return fail(exitUsage, "--older must be a length of time, such as 30d")
	}
	runs, changed, err := c.readRuns(folder)
	if err != nil {
		return err
	}
	services, err := servicesOf(runs, r.service)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	var all report.Standings
	for _, service := range services {
		all = append(all, report.StandingOf(service, runs, c.now(), r.older.Std()))
	}
	if r.serves {
		if err := c.askWhatServes(ctx, all); err != nil {
			return err
		}
	}
	write := standingWriter(all, orElse(r.format, string(c.output)))
	if write == nil {
		return fail(exitUsage, "--format: %q is not one of text, markdown, html, json", r.format)
	}
	if err := c.into(r.file, write); err != nil || !changed {
		return err
	}
	return exit(exitFailed)
}

// standingWriter is what writes a format: of one service all, of several a line
// each; nil where there is no such format.
func standingWriter(all report.Standings, format string) func(io.Writer) error {
	var what interface {
		Text(w io.Writer) error
		Markdown(w io.Writer) error
		HTML(w io.Writer) error
	} = all
	if len(all) == 1 {
		what = all[0]
	}
	return map[string]func(io.Writer) error{"text": what.Text, "markdown": what.Markdown, "html": what.HTML, "json": func(w io.Writer) error {
		for _, s := range all {
			if err := writeJSON(w, s); err != nil {
				return err
			}
		}
		return nil
	}}[format]
}

// askWhatServes asks the Targets of the services what serves there now: what was
// promoted last, unless somebody changed it from outside.
func (c *cli) askWhatServes(ctx context.Context, all report.Standings) error {
	svc, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer svc.Close()
	asked, err := askTargets(ctx, svc, "ExecutionStatus = 'Running'", func(t rollout.Target) bool {
		return slices.ContainsFunc(all, func(s report.Standing) bool { return s.Readiness.Service == t.Service })
	})
	if err != nil {
		return err
	}
	slices.SortFunc(asked, func(a, b *askedTarget) int { return strings.Compare(a.target.String(), b.target.String()) })
	for i := range all {
		var serves []report.Serving
		for _, a := range asked {
			if a.target.Service == all[i].Readiness.Service {
				serves = append(serves, serving(a))
			}
		}
		if len(serves) == 0 {
			serves = []report.Serving{{Target: all[i].Readiness.Service, Unknown: "Temporal knows no target of it: nothing was started for one"}}
		}
		all[i].Hold(serves)
	}
	return nil
}

// serving is what a Target says of itself.
func serving(a *askedTarget) report.Serving {
	out := report.Serving{Target: a.target.String()}
	good := a.known.Good
	switch {
	case a.err != nil:
		out.Unknown = "its Target does not answer: " + a.err.Error()
	case len(good) == 0:
		out.Unknown = "nothing was promoted there yet"
	default:
		out.Version, out.Since = good[0].Release.Version, &good[0].At
		if len(good) > 1 {
			out.Before = good[1].Release.Version
		}
	}
	return out
}

// readRuns reads the evidence of every run below a folder, and tells what speaks
// against it.
func (c *cli) readRuns(folder string) (runs []evidence.Run, changed bool, err error) {
	err = filepath.WalkDir(folder, func(place string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != evidenceFile {
			return err
		}
		run, err := readEvidence(place)
		if err == nil {
			changed = c.doubt(filepath.Dir(place), run) || changed
		}
		runs = append(runs, run)
		return err
	})
	return runs, changed, err
}

// servicesOf are those that there are runs of, by name; only the one that was asked
// for, where one was.
func servicesOf(runs []evidence.Run, asked string) ([]string, error) {
	var services []string
	for _, run := range runs {
		services = append(services, run.Service)
	}
	slices.Sort(services)
	services = slices.Compact(services)
	switch {
	case len(services) == 0:
		return nil, errors.New("there is no evidence of any rehearsal")
	case asked == "":
		return services, nil
	case !slices.Contains(services, asked):
		return nil, fmt.Errorf("no rehearsal of %s found; there are rehearsals of %s", asked, strings.Join(services, ", "))
	}
	return []string{asked}, nil
}
