package rollout

import (
	"maps"
	"slices"
	"time"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// WithDefaults returns the spec with every default filled in, so that a plan
// shows what will happen and nothing is left to be guessed later.
func (s Spec) WithDefaults() Spec {
	s.ReadyWithin = orElse(s.ReadyWithin, Duration(10*time.Minute))
	s.NeedsHumanAfter = orElse(s.NeedsHumanAfter, Duration(5*time.Minute))
	s.SettleWithin = orElse(s.SettleWithin, Duration(5*time.Minute))
	s.Drain = orElse(s.Drain, Duration(30*time.Second))
	s.Target.Replicas = orElse(s.Target.Replicas, "match")
	s.Policy = s.Policy.withDefaults()
	s.Strategy.Baseline = orElse(s.Strategy.Baseline, BaselineServing)
	s.Strategy.Window.Cap = orElse(s.Strategy.Window.Cap, max(Duration(12*time.Hour), s.Strategy.Window.First))
	s.Strategy.Canary, s.Strategy.Rings = slices.Clone(s.Strategy.Canary), slices.Clone(s.Strategy.Rings)
	for _, steps := range [][]Step{s.Strategy.Canary, s.Strategy.Rings} {
		for i, step := range steps {
			steps[i].Approve = step.Approve.withDefaults()
		}
	}
	if s.Strategy.Promote != nil {
		s.Strategy.Promote = &Promote{Owner: s.Strategy.Promote.Owner, Approve: s.Strategy.Promote.Approve.withDefaults()}
	}
	if l := s.Strategy.Linear; l != nil {
		linear := *l
		linear.Until = orElse(linear.Until, All)
		s.Strategy.Linear = &linear
	}
	if s.Strategy.KeepBaseline == nil {
		keep := min(lastBake(s.Strategy), Duration(10*time.Minute))
		s.Strategy.KeepBaseline = &keep
	}
	s.Checks = slices.Clone(s.Checks)
	for i := range s.Checks {
		s.Checks[i] = s.Checks[i].withDefaults()
		s.Checks[i].Judge = s.Checks[i].Judge.within(s.Strategy)
	}
	s.Hooks = slices.Clone(s.Hooks)
	for i, h := range s.Hooks {
		s.Hooks[i] = h.withDefaults()
	}
	s.Needs = slices.Clone(s.Needs)
	for i, need := range s.Needs {
		s.Needs[i] = need.withDefaults(s.Release.Version)
	}
	s.Deadline = orElse(s.Deadline, defaultDeadline(s.Strategy))
	return s
}

func (p Policy) withDefaults() Policy {
	p.Alpha = orElse(p.Alpha, 0.01)
	p.Require = orElse(p.Require, RequireNoHarm)
	p.Inconclusive = orElse(p.Inconclusive, RuleHold)
	p.NoData = orElse(p.NoData, RuleHold)
	p.Error = orElse(p.Error, RuleHold)
	p.Drift = orElse(p.Drift, RuleHold)
	p.Grace = orElse(p.Grace, Duration(3*time.Minute))
	p.HoldFor = orElse(p.HoldFor, Duration(2*time.Hour))
	p.Otherwise = orElse(p.Otherwise, RuleRollback)
	p.OnNewRelease = orElse(p.OnNewRelease, "reject")
	p.Absolute = orElse(p.Absolute, RuleWarn)
	p.Foresight = orElse(p.Foresight, RuleWarn)
	p.Share = orElse(p.Share, RuleWarn)
	return p
}

func (c Check) withDefaults() Check {
	c.MinRequests = orElse(c.MinRequests, 20)
	c.Weight = orElse(c.Weight, 1)
	if c.By == nil {
		c.By = &By{Label: "version"}
	}
	if c.Judge == nil {
		switch {
		case c.Failures != "":
			c.Judge = &Judge{RateRatio: &RateRatio{}}
		case c.Histogram != "":
			c.Judge = &Judge{TailLadder: &TailLadder{}}
		case c.Query != "":
			c.Judge = &Judge{Points: &Points{}}
		}
	}
	return c
}

// within fills in what depends on how long the bakes are.
func (j *Judge) within(s Strategy) *Judge {
	steps := s.steps()
	if j == nil || len(steps) == 0 {
		return j
	}
	filled := *j
	shortest, longest, total := steps[0].Bake, steps[0].Bake, Duration(0)
	for _, step := range steps {
		shortest, longest, total = min(shortest, step.Bake), max(longest, step.Bake), total+step.Bake
	}
	point := min(Duration(15*time.Second), shortest/20)
	if filled.Points != nil {
		points := *filled.Points
		points.Step = orElse(points.Step, point)
		filled.Points = &points
	}
	if filled.MeanCS != nil {
		mean := *filled.MeanCS
		mean.Step = orElse(mean.Step, point)
		mean.TOpt = orElse(mean.TOpt, max(1, float64(total/max(2*mean.Step, 1))))
		filled.MeanCS = &mean
	}
	if filled.BurnRate != nil && len(filled.BurnRate.Windows) == 0 {
		burn := *filled.BurnRate
		burn.Windows = burnWindows(longest)
		filled.BurnRate = &burn
	}
	return &filled
}

// burnWindows are the page windows of the SRE Workbook, or for short bakes
// their like with a sixth and a twelfth of the length.
func burnWindows(longestBake Duration) []BurnWindows {
	if longestBake < Duration(time.Hour) {
		return []BurnWindows{
			{Long: Duration(10 * time.Minute), Short: Duration(time.Minute), Factor: 14.4},
			{Long: Duration(30 * time.Minute), Short: Duration(3 * time.Minute), Factor: 6}}
	}
	return []BurnWindows{
		{Long: Duration(time.Hour), Short: Duration(5 * time.Minute), Factor: 14.4},
		{Long: Duration(6 * time.Hour), Short: Duration(30 * time.Minute), Factor: 6}}
}

func (a *Approval) withDefaults() *Approval {
	if a == nil {
		return nil
	}
	filled := a.WithDefaults()
	return &filled
}

// WithDefaults returns the approval with every default filled in.
func (a Approval) WithDefaults() Approval {
	filled := a
	roles, votes := a.sides()
	if len(roles) > 0 {
		filled.From = roles
	}
	filled.Quorum = orElse(filled.Quorum, max(votes, 1))
	filled.Within = orElse(filled.Within, Duration(24*time.Hour))
	filled.Otherwise = orElse(filled.Otherwise, RuleRollback)
	return filled
}

// lastBake is the bake at the highest weight before promotion.
func lastBake(s Strategy) Duration {
	if steps := s.steps(); len(steps) > 0 {
		return steps[len(steps)-1].Bake
	}
	return 0
}

// defaultDeadline is 2 × all bakes + approvals + 1h, at most a hundred years.
func defaultDeadline(s Strategy) Duration {
	total := Duration(time.Hour)
	add := func(d Duration) { total = min(total+min(d, Duration(longest)), Duration(longest)) }
	approvals := []*Approval{}
	steps := s.steps()
	if s.Adaptive != nil {
		steps = s.Adaptive.rungs()
	}
	for _, step := range steps {
		add(2 * step.Bake)
		approvals = append(approvals, step.Approve)
	}
	if s.Promote != nil {
		approvals = append(approvals, s.Promote.Approve)
	}
	for _, a := range approvals {
		if a != nil {
			add(a.withDefaults().Within)
		}
	}
	return total
}

// steps lists the rungs before promotion, whatever strategy wrote them.
// Of an adaptive one they are the fastest way.
func (s Strategy) steps() []Step {
	switch {
	case s.Adaptive != nil:
		return s.Adaptive.fastest()
	case s.BlueGreen != nil:
		return []Step{{Bake: s.BlueGreen.Preview, Owner: s.BlueGreen.Owner}}
	case s.AllAtOnce != nil:
		return []Step{{Weight: All, Bake: s.AllAtOnce.Bake, Owner: s.AllAtOnce.Owner}}
	case s.Linear == nil:
		_, steps := s.listed()
		return steps
	}
	var steps []Step
	until := orElse(s.Linear.Until, All)
	for w := s.Linear.Step; w > 0 && w < until; w += s.Linear.Step {
		steps = append(steps, Step{Weight: w, Bake: s.Linear.Bake, Owner: s.Linear.Owner})
	}
	return steps
}
