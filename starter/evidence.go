package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
)

// doubt tells what speaks against the evidence of a run, and reports whether
// anything does.
func (c *cli) doubt(place string, run evidence.Run) bool {
	doubts, warning := doubtsOf(place, run)
	st := c.style(c.errIsTerminal)
	for _, d := range doubts {
		fmt.Fprintf(c.err, "%s %s\n", st.paint(red, "evidence changed:"), d)
	}
	if warning != "" {
		fmt.Fprintf(c.err, "warning: %s\n", warning)
	}
	return len(doubts) > 0
}

// doubtsOf says which files of a run are not those that its evidence names, and
// where its outcome is not that of its criteria. Of evidence.json alone, away from
// its folder, the files cannot be looked at: that is a warning.
func doubtsOf(place string, run evidence.Run) (doubts []string, warning string) {
	info, err := os.Stat(place)
	alone := err == nil && !info.IsDir()
	folder := place
	if alone {
		folder = filepath.Dir(place)
	}
	gone := 0
	for _, f := range run.Files {
		digest, err := digestOf(folder, f.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			gone++
			doubts = append(doubts, fmt.Sprintf("%s: %s is gone", run.ID, f.Name))
		case err != nil:
			doubts = append(doubts, fmt.Sprintf("%s: %s cannot be read: %v", run.ID, f.Name, err))
		case digest != f.Digest:
			doubts = append(doubts, fmt.Sprintf("%s: %s is not what was kept: its digest is %s, and was %s", run.ID, f.Name, digest, f.Digest))
		}
	}
	if alone && gone > 0 && gone == len(run.Files) {
		doubts, warning = nil, place+" is without its folder: the files that it names were not looked at"
	}
	if why := contradiction(run); why != "" {
		doubts = append(doubts, fmt.Sprintf("%s: %s", run.ID, why))
	}
	return doubts, warning
}

// digestOf is the digest of a file below a folder.
func digestOf(folder, name string) (string, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }() // it was only read
	file, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // it was only read
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	return fmt.Sprintf("sha256:%x", sum.Sum(nil)), err
}

// contradiction says that the outcome of a run cannot be that of its criteria; ""
// where it can. A control may be Unmeasured whatever its criteria are: nothing was
// practised.
func contradiction(run evidence.Run) string {
	is := func(o evidence.Outcome) func(evidence.Criterion) bool {
		return func(c evidence.Criterion) bool { return c.Outcome == o }
	}
	failed := slices.ContainsFunc(run.Criteria, is(evidence.Failed))
	open := slices.ContainsFunc(run.Criteria, is(evidence.Unmeasured))
	switch {
	case run.Outcome == evidence.Passed && run.Halt != nil:
		return "the outcome is Passed, and a probe halted it"
	case run.Outcome == evidence.Passed && run.Negative && !failed:
		return "the outcome of this control is Passed, and none of its criteria failed"
	case run.Outcome == evidence.Passed && !run.Negative && (failed || open):
		return "the outcome is Passed, and not all of its criteria are"
	case run.Outcome == evidence.Unmeasured && !run.Negative && (failed || !open):
		return "the outcome is Unmeasured, and its criteria say something else"
	case run.Outcome == evidence.Failed && !run.Negative && !failed && !open && strings.HasPrefix(run.Reason, "all "):
		return "the outcome is Failed, and all of its criteria hold"
	}
	return ""
}
