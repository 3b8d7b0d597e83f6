package main

import (
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

// reportStanding says where a service stands after all runs of a folder.
func (c *cli) reportStanding(folder string, r reporting) error {
	if r.older.Duration <= 0 {
		return fail(exitUsage, "--older must be a length of time, such as 30d")
	}
	runs, changed, err := c.readRuns(folder)
	if err != nil {
		return err
	}
	service, err := theService(runs, r.service)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	s := report.StandingOf(service, runs, c.now(), r.older.Std())
	write := map[string]func(io.Writer) error{
		"text": s.Text, "markdown": s.Markdown, "html": s.HTML, "json": func(w io.Writer) error { return writeJSON(w, s) },
	}[orElse(r.format, string(c.output))]
	if write == nil {
		return fail(exitUsage, "--format: %q is not one of text, markdown, html, json", r.format)
	}
	if err := c.into(r.file, write); err != nil || !changed {
		return err
	}
	return exit(exitFailed)
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

// theService is the one that was asked for, or the only one.
func theService(runs []evidence.Run, asked string) (string, error) {
	var services []string
	for _, run := range runs {
		services = append(services, run.Service)
	}
	slices.Sort(services)
	services = slices.Compact(services)
	switch {
	case len(services) == 0:
		return "", errors.New("there is no evidence of any rehearsal")
	case asked != "" && !slices.Contains(services, asked):
		return "", fmt.Errorf("there is no rehearsal of %s, but of %s", asked, strings.Join(services, ", "))
	case asked != "":
		return asked, nil
	case len(services) > 1:
		return "", fail(exitUsage, "there are rehearsals of %s: choose one with --service", strings.Join(services, ", "))
	}
	return services[0], nil
}
