package activities

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// What a worker lets rehearsals do where its configuration does not say.
const (
	defaultRate     load.Rate = 1000
	longestPractice           = rollout.Duration(2 * time.Hour)
)

func (p Practice) rate() load.Rate { return orDefault(p.Rate, defaultRate) }

func orDefault[T comparable](v, otherwise T) T {
	var none T
	if v == none {
		return otherwise
	}
	return v
}

// isProduction reports whether an environment is one that no rehearsal touches. A
// name in other letters, as Production, is meant by it, too.
func (p Practice) isProduction(environment string) bool {
	marked := p.Production
	if marked == nil {
		marked = []string{"production", "prod"}
	}
	return slices.ContainsFunc(marked, func(name string) bool { return strings.EqualFold(name, environment) })
}

// problems says what a worker does not let a manifest do. No day and no actor
// would change that.
func (p Practice) problems(m rehearsal.Manifest) []rollout.Problem {
	var out []rollout.Problem
	refuse := func(broken bool, path, format string, args ...any) {
		if broken {
			out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
		}
	}
	marked, declared := p.isProduction(m.Environment), m.Isolation == rehearsal.IsolationProduction
	refuse(marked && !declared, "environment", "%s is production here: a rehearsal does not touch it", m.Environment)
	refuse(declared && !slices.Contains(p.Drills, m.Environment), "isolation",
		"drills in %s are not allowed: this worker's rehearsals.productionDrills does not name it", m.Environment)
	for i, l := range m.Load {
		refuse(p.Reaches != nil && !p.Reaches(l.URL), fmt.Sprintf("load[%d].url", i), "load may not go to %s: this worker's rehearsals.urls does not name it", l.URL)
	}
	return append(out, p.Faults.Problems("faults", m.Faults)...)
}

// longest is how long a run may take here: the lower of what its quotas and the
// worker say.
func (p Practice) longest(m rehearsal.Manifest) rollout.Duration {
	return min(m.Longest(), orDefault(p.Longest, longestPractice))
}

// lengthOf says that loads, or faults, last longer than the run may.
func (p Practice) lengthOf(m rehearsal.Manifest, schedules []*load.Schedule) (out []rollout.Problem) {
	longest := p.longest(m)
	for _, s := range schedules {
		if ends := endOf(s); ends > longest {
			i := slices.IndexFunc(m.Load, func(l load.Load) bool { return l.Name == s.Load().Name })
			out = append(out, rollout.Problem{Path: fmt.Sprintf("load[%d].for", i), Message: tooLong(ends, longest)})
		}
	}
	for i, f := range m.Faults {
		if ends := f.At + f.Within + f.For; ends > longest {
			out = append(out, rollout.Problem{Path: fmt.Sprintf("faults[%d].for", i), Message: tooLong(ends, longest)})
		}
	}
	return out
}

func tooLong(ends, longest rollout.Duration) string {
	if whole := rollout.Duration(ends.Std().Round(time.Second)); whole > longest { // the end of a recording is a moment after its last request
		ends = whole
	}
	return fmt.Sprintf("ends %s after the beginning, and a run is stopped after %s here (the lower of quotas.for and this worker's rehearsals.longest)", ends, longest)
}

// ratesOf says that loads mean to send more than they may, together at any moment.
func (p Practice) ratesOf(m rehearsal.Manifest, schedules []*load.Schedule) []rollout.Problem {
	allowed, by := p.rate(), "this worker's rehearsals.rate"
	if q := m.Quotas.Rate; q != nil && *q < allowed {
		allowed, by = *q, "quotas.rate"
	}
	if most := m.Quotas.Requests; most > 0 && sendsMore(schedules, most) {
		return []rollout.Problem{{Path: "quotas.requests", Message: fmt.Sprintf("the loads mean to send more than %d requests or journeys", most)}}
	}
	if peak := load.TogetherOf(schedules); peak > float64(allowed) {
		return []rollout.Problem{{Path: "load", Message: fmt.Sprintf("all together they may send %s at once, more than the %s of %s", load.Rate(peak), allowed, by)}}
	}
	return nil
}

// sendsMore reports whether loads have more arrivals than a number. Closed ones
// have no end, and so always do.
func sendsMore(schedules []*load.Schedule, most int) bool {
	arrivals := 0
	for _, s := range schedules {
		for range s.Arrivals(0, 1) {
			if arrivals++; arrivals > most {
				return true
			}
		}
	}
	return false
}

// open reads a file that a manifest names.
func (p Practice) open(ctx context.Context, name string) (io.ReadCloser, error) {
	if p.Library == nil {
		return nil, fmt.Errorf("%s: this worker has no files for rehearsals: configure rehearsals.directory: %w", name, ErrFinal)
	}
	return p.Library.Open(ctx, name)
}
