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
	waits   bool   // some that passed before have no newer data
}

// healthGauge applies the absolute checks to the baseline, poll by poll.
type healthGauge struct {
	checks []rollout.Check
	last   reference
	at     time.Time
	said   map[string]string // what each check said last, where it was judged; "": it passed
}

func newHealthGauge(a *Activities, in VerifyHealthInput) *healthGauge {
	g := &healthGauge{last: reference{}, at: a.now(), said: map[string]string{}}
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
		h := g.judge(Reading{}, now)
		if h.unknown != "" {
			h.unknown = err.Error()
		}
		return h, nil // unread metrics are unknown, not a failure of the platform
	}
	return g.judge(reading, now), nil
}

// judge looks at one poll: a failing measurement is bad, and stays so until there
// is a newer one; one that is missing from the start is unknown. Counters of a
// server that scrapes move less often than it is asked.
func (g *healthGauge) judge(r Reading, now time.Time) health {
	var h health
	var bad, unknown []string
	measured := false
	for _, check := range g.checks {
		counts, missing := g.measure(check, r)
		if missing == "" {
			measured = true
			g.said[check.Name] = failsAlone(check, counts, g.at, now)
		}
		said, judged := g.said[check.Name]
		switch {
		case !judged:
			unknown = append(unknown, missing)
		case said != "":
			bad = append(bad, said)
		case missing != "":
			h.waits = true
		default:
			h.judged++
		}
	}
	if measured {
		g.at = now
	}
	h.bad, h.unknown = strings.Join(bad, "; "), strings.Join(unknown, "; ")
	return h
}

// measure is what came in of a check since it was measured last; missing says why
// there is nothing.
func (g *healthGauge) measure(check rollout.Check, r Reading) (c analysis.Counts, missing string) {
	side, found := r.Checks[check.Name].Sides[Baseline]
	if !found {
		return c, check.Name + ": no data"
	}
	c, known, err := g.last.counts(check.Name, Baseline, side)
	g.last.remember(check.Name, Baseline, side)
	if err == nil {
		c, err = slowAsFailures(check, c)
	}
	if err != nil || !known || c.Value == nil && c.Requests == 0 {
		return c, check.Name + ": no new data"
	}
	return c, ""
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
