package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
)

// ErrIncomparable marks runs that have nothing in common that could be compared.
var ErrIncomparable = errors.New("the runs cannot be compared")

// Comparison is what moved between runs of one rehearsal.
type Comparison struct {
	Name      string       `json:"name"`
	Service   string       `json:"service"`
	Baseline  []Ref        `json:"baseline"`
	Candidate Ref          `json:"candidate"`
	Parts     []PartChange `json:"parts"` // of the fingerprints, by name
	Metrics   []Metric     `json:"metrics"`
	Criteria  []Change     `json:"criteria"` // those whose outcome is another than in the newest baseline run
	Insights  []string     `json:"insights"` // what changed, what moved, and why it matters
	Notes     []string     `json:"notes"`    // what to have in mind when reading it
	candidate []evidence.Criterion
}

// Ref names one run.
type Ref struct {
	ID        string           `json:"id"`
	StartedAt time.Time        `json:"startedAt"`
	Outcome   evidence.Outcome `json:"outcome"`
	Tool      string           `json:"tool"`
	Seed      int64            `json:"seed"`
}

// PartChange is one part of the fingerprints, and whether all runs agree in it.
type PartChange struct {
	Name  string `json:"name"`
	Agree bool   `json:"agree"`

	// Limits are those in which the runs differ, where they agree in all else of the
	// part: what was done was the same, and its figures are compared.
	Limits []string `json:"limits,omitempty"` // such as "drills[0].restoreWithin: 10s, 12s"
}

// Change is one criterion with its outcome before and now.
type Change struct {
	Name   string           `json:"name"`
	Before evidence.Outcome `json:"before"` // "": it was not judged
	Now    evidence.Outcome `json:"now"`
	Reason string           `json:"reason"`
}

// Compare says what is different in the last run from those before it, which
// are the baseline. Order is the caller's; their times play no part. Each metric
// is compared only where all runs agree in the parts of the fingerprint that it
// depends on, or differ there in limits alone; what is left out says which parts
// differ. [analysis.RunCompare]
// pairs values of the same drill, or of the same stretch of a series.
//
// It refuses, with an error that wraps [ErrIncomparable], fewer than two runs,
// one run twice, runs of other names or services, and runs that agree in no
// part, or in none that any metric depends on.
func Compare(runs []evidence.Run) (Comparison, error) {
	if err := oneRehearsal(runs); err != nil {
		return Comparison{}, fmt.Errorf("%w: %w", ErrIncomparable, err)
	}
	last := runs[len(runs)-1]
	c := Comparison{Name: last.Name, Service: last.Service, Candidate: ref(last), Parts: parts(runs), candidate: last.Criteria}
	for _, run := range runs[:len(runs)-1] {
		c.Baseline = append(c.Baseline, ref(run))
	}
	if !slices.ContainsFunc(c.Parts, func(p PartChange) bool { return p.Agree }) {
		return Comparison{}, fmt.Errorf("%w: they agree in no part of their fingerprints (%s)", ErrIncomparable, strings.Join(c.differ(), ", "))
	}
	c.Metrics = append([]Metric{}, compareMetrics(runs, c.Parts)...)
	if len(c.Metrics) > 0 && !slices.ContainsFunc(c.Metrics, func(m Metric) bool { return len(m.Differ) == 0 }) {
		return Comparison{}, fmt.Errorf("%w: every metric depends on parts in which they differ: %s", ErrIncomparable, strings.Join(c.differ(), ", "))
	}
	c.Criteria = changes(runs[len(runs)-2], last)
	c.Notes = c.notes()
	c.Insights = c.insights()
	return c, nil
}

// oneRehearsal says why runs are no runs of one rehearsal.
func oneRehearsal(runs []evidence.Run) error {
	if len(runs) < 2 {
		return fmt.Errorf("it takes two runs, and %d was given", len(runs))
	}
	first, seen := runs[0], map[string]bool{}
	for _, run := range runs {
		switch {
		case seen[run.ID]:
			return fmt.Errorf("run %s was given twice", run.ID)
		case run.Version > evidence.Version:
			return fmt.Errorf("run %s was written by a newer Bakeoff (version %d of the evidence, %d is known here)", run.ID, run.Version, evidence.Version)
		case run.Service != first.Service:
			return fmt.Errorf("%s rehearsed service %q, %s service %q", first.ID, first.Service, run.ID, run.Service)
		case run.Name != first.Name:
			return fmt.Errorf("%s is of rehearsal %q, %s of rehearsal %q", first.ID, first.Name, run.ID, run.Name)
		case len(run.Fingerprint.Parts) == 0:
			return fmt.Errorf("run %s has no fingerprint: it ended before its inputs were known (%s)", run.ID, run.Reason)
		}
		seen[run.ID] = true
	}
	return nil
}

func ref(run evidence.Run) Ref {
	return Ref{ID: run.ID, StartedAt: run.StartedAt, Outcome: run.Outcome, Tool: run.Tool, Seed: run.Seed}
}

// parts are those that any of the runs has; they agree where every run has the
// same digest.
func parts(runs []evidence.Run) []PartChange {
	digests, count := map[string]string{}, map[string]int{}
	for _, run := range runs {
		for _, p := range run.Fingerprint.Parts {
			if had, known := digests[p.Name]; !known || had == p.Digest {
				count[p.Name]++
			}
			digests[p.Name] = p.Digest
		}
	}
	var out []PartChange
	for name, n := range count {
		p := PartChange{Name: name, Agree: n == len(runs)}
		if !p.Agree {
			p.Limits = limitsOf(runs, name)
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b PartChange) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// differ are the names of the parts in which the runs differ.
func (c Comparison) differ() []string {
	var out []string
	for _, p := range c.Parts {
		if !p.Agree {
			out = append(out, p.Name)
		}
	}
	return out
}

// changes are the criteria with another outcome than before.
func changes(before, now evidence.Run) []Change {
	had := map[string]evidence.Outcome{}
	for _, c := range before.Criteria {
		had[c.Name] = c.Outcome
	}
	out := []Change{} // programs read it
	for _, c := range now.Criteria {
		if had[c.Name] != c.Outcome {
			out = append(out, Change{c.Name, had[c.Name], c.Outcome, c.Reason})
		}
	}
	return out
}
