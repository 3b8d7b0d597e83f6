package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// health is what is known of the baseline after one poll.
type health struct {
	bad     string // why it is not healthy
	unknown string // which absolute checks cannot be judged so far, and why
	judged  int    // absolute checks that pass
	waits   bool   // some of them pass by one poll alone
}

// healthGauge applies the absolute checks to the baseline, over the polls.
type healthGauge struct {
	checks []rollout.Check
	within time.Duration // how long checks may be without data enough
	ends   bool          // the load does: nothing may come in after what failed
	last   reference
	began  time.Time
	trials map[string]*trial
	good   int       // polls in a row that did not find it bad
	since  time.Time // when one did, or when it began
}

func newHealthGauge(a *Activities, in VerifyHealthInput) *healthGauge {
	g := &healthGauge{within: in.Within.Std(), ends: in.Rehearsed, last: reference{}, began: a.now(), since: a.now(), trials: map[string]*trial{}}
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

// judge adds one poll: a check that fails is bad, and stays so until there is
// something newer, which a load that ends may never bring; one of which too little
// has come in is unknown. Counters of a server that scrapes move less often than it
// is asked.
func (g *healthGauge) judge(r Reading, now time.Time) health {
	var h health
	var bad, unknown []string
	for _, check := range g.checks {
		counts, missing := g.measure(check, r)
		t := g.trials[check.Name]
		if missing == "" {
			if t == nil {
				t = newTrial(check, g.began)
				g.trials[check.Name] = t
			}
			t.note(counts, now)
		}
		switch {
		case t == nil:
			unknown = append(unknown, missing)
		case t.failing != "" && missing != "" && g.ends:
			unknown = append(unknown, fmt.Sprintf("%s after it failed: %s", missing, t.failing))
		case t.failing != "":
			bad = append(bad, t.failing)
		case t.lacks != "":
			unknown = append(unknown, t.lacks)
		default:
			h.judged++
			h.waits = h.waits || t.polls < 2
		}
	}
	h.bad, h.unknown = strings.Join(bad, "; "), strings.Join(unknown, "; ")
	return h
}

// suffices reports whether the polls so far are enough to go on: two in a row are
// good, and so is every check by two polls or more, or nobody can say more in time.
func (g *healthGauge) suffices(h health, now time.Time) bool {
	if g.good++; h.bad != "" {
		g.good, g.since = 0, now
	}
	late := now.Sub(g.since) >= g.within
	return g.good >= 2 && (late || h.unknown == "" && !h.waits)
}

// measure is what came in of a check since it was measured last; missing says why
// there is nothing.
func (g *healthGauge) measure(check rollout.Check, r Reading) (c analysis.Counts, missing string) {
	if why := r.Checks[check.Name].Error; why != "" {
		return c, check.Name + ": " + why
	}
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
