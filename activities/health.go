package activities

import (
	"context"
	"strings"
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// health is what one poll of the baseline said.
type health struct {
	bad     string // why it is not healthy
	unknown string // which absolute checks could not be judged
	judged  int    // absolute checks that passed
}

// healthGauge applies the absolute checks to the baseline, poll by poll.
type healthGauge struct {
	checks []rollout.Check
	last   reference
	at     time.Time
}

func newHealthGauge(a *Activities, in VerifyHealthInput) *healthGauge {
	g := &healthGauge{last: reference{}, at: a.now()}
	for _, check := range in.Checks {
		if check.IsAbsolute() && check.IsGating() {
			g.checks = append(g.checks, check)
		}
	}
	return g
}

// healthOnce asks the platform and the absolute checks once. Only an error of
// the platform is an error: metrics that cannot be read are unknown.
func (a *Activities) healthOnce(ctx context.Context, in VerifyHealthInput, p Platform, g *healthGauge) (health, error) {
	if in.Baseline == "" {
		return health{}, nil
	}
	bad, err := readyBaseline(ctx, p, in.Baseline)
	if err != nil || bad != "" || len(g.checks) == 0 {
		return health{bad: bad}, err
	}
	metrics, err := a.Drivers.metrics(in.Drivers.Metrics)
	if err != nil {
		return health{}, err
	}
	now := a.now().Add(-metrics.Delay())
	self := Version{Version: in.Baseline, Endpoints: in.Endpoints[in.Baseline]}
	// The baseline stands trial here. It is asked for as both sides, so that
	// matchers of either name find it.
	reading, err := metrics.Read(ctx, MetricsQuery{Checks: g.checks, Sides: map[Side]Version{Baseline: self}, At: now})
	if err != nil {
		return health{unknown: err.Error()}, nil //nolint:nilerr // unread metrics are unknown, not a failure of the platform
	}
	return g.judge(reading, now), nil
}

// judge looks at one poll alone: a failing measurement is bad, a missing one
// unknown.
func (g *healthGauge) judge(r Reading, now time.Time) health {
	var h health
	var bad, unknown []string
	for _, check := range g.checks {
		side, found := r.Checks[check.Name].Sides[Baseline]
		if !found {
			unknown = append(unknown, check.Name+": no data")
			continue
		}
		counts, known, err := g.last.counts(check.Name, Baseline, side)
		g.last.remember(check.Name, Baseline, side)
		counts = slowAsFailures(check, counts)
		if err != nil || !known || counts.Value == nil && counts.Requests == 0 {
			unknown = append(unknown, check.Name+": no new data")
			continue
		}
		if reason := failsAlone(check, counts, g.at, now); reason != "" {
			bad = append(bad, reason)
			continue
		}
		h.judged++
	}
	g.at = now
	h.bad, h.unknown = strings.Join(bad, "; "), strings.Join(unknown, "; ")
	return h
}

// failsAlone judges one measurement by itself.
func failsAlone(check rollout.Check, c analysis.Counts, start, end time.Time) string {
	j, err := judgeOf(check, analysis.Taught{}, 0.01, true)
	if err != nil {
		return err.Error()
	}
	if !end.After(start) {
		end = start.Add(time.Millisecond)
	}
	w := analysis.Window{Check: check.Name, Start: seconds(start), End: seconds(end), Candidate: &c}
	if err := j.Fold(w); err != nil {
		return err.Error()
	}
	if e := j.Verdict(); e.Verdict == analysis.Fail || e.Verdict == analysis.Error {
		return e.Reason
	}
	return ""
}
