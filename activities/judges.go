package activities

import (
	"encoding/json"
	"fmt"
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// judgeOf makes the judge of a check. Specs and judges share names and JSON,
// so a judge is configured by the check itself.
func judgeOf(check rollout.Check, known analysis.Taught, alpha float64, anyShare bool) (*analysis.Judge, error) {
	config, err := configOf(check)
	if err != nil {
		return nil, err
	}
	config.Bounds, config.Learned, config.Alpha, config.AnyShare = known.Bounds, known.Learned, alpha, anyShare
	return analysis.New(config)
}

func configOf(check rollout.Check) (analysis.Config, error) {
	body, err := json.Marshal(check)
	if err != nil {
		return analysis.Config{}, fmt.Errorf("check %s: %w", check.Name, err)
	}
	return analysis.ParseConfig(body)
}

// taughtOf gathers by check what was fixed in advance.
func taughtOf(bounds map[string][]float64, learned map[string]*analysis.Learned) map[string]analysis.Taught {
	all := map[string]analysis.Taught{}
	for check, b := range bounds {
		all[check] = analysis.Taught{Bounds: b}
	}
	for check, l := range learned {
		all[check] = analysis.Taught{Bounds: all[check].Bounds, Learned: l}
	}
	return all
}

// panel is the judges of one rollout, with what was read last.
type panel struct {
	checks []rollout.Check
	judges map[string]*analysis.Judge
	last   reference
	at     map[string]time.Time // when each check was read last
	values gathering            // of checks whose step is not over
	failed lastFailures         // when failures were counted last
	bakes  int                  // begun so far
}

// beginBake lets every judge count its minimum evidence anew.
func (p *panel) beginBake() {
	p.bakes++
	for _, j := range p.judges {
		j.BeginStep()
	}
}

// newPanel makes a judge for each check, α shared over the gating ones.
func newPanel(checks []rollout.Check, known map[string]analysis.Taught, policy rollout.Policy) (*panel, error) {
	p := &panel{checks: checks, judges: map[string]*analysis.Judge{}, last: reference{}, at: map[string]time.Time{}, values: gathering{}, failed: lastFailures{}}
	for _, check := range checks {
		j, err := judgeOf(check, known[check.Name], policy.Alpha*shareOf(check, checks), policy.Share != rollout.RuleRequired)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", err, ErrFinal)
		}
		p.judges[check.Name] = j
	}
	return p, nil
}

// shareOf is a check's part of α: by weight over the gating checks. An
// advisory one gets all of it, because it decides nothing.
func shareOf(check rollout.Check, checks []rollout.Check) float64 {
	if !check.IsGating() {
		return 1
	}
	total := 0.0
	for _, c := range checks {
		if c.IsGating() {
			total += max(c.Weight, 0)
		}
	}
	if total == 0 {
		return 1
	}
	return check.Weight / total
}

// panelState is a panel as bytes: what is carried between windows, and over
// the death of a worker.
type panelState struct {
	Judges map[string][]byte    `json:"judges"`
	Last   reference            `json:"last"`
	At     map[string]time.Time `json:"at"`
	Values gathering            `json:"values,omitempty"`
	Failed lastFailures         `json:"failedAt,omitempty"`
	Bakes  int                  `json:"bakes,omitempty"`
}

func (p *panel) save() (panelState, error) {
	s := panelState{Judges: map[string][]byte{}, Last: p.last, At: p.at, Values: p.values, Failed: p.failed, Bakes: p.bakes}
	for name, j := range p.judges {
		state, err := j.MarshalBinary()
		if err != nil {
			return s, fmt.Errorf("save the state of %s: %w", name, err)
		}
		s.Judges[name] = state
	}
	return s, nil
}

// load continues from a saved state. A check that it does not know starts
// afresh; a damaged state is final.
func (p *panel) load(s panelState) error {
	for name, state := range s.Judges {
		if j := p.judges[name]; j != nil {
			if err := j.UnmarshalBinary(state); err != nil {
				return fmt.Errorf("load the state of %s: %w: %w", name, err, ErrFinal)
			}
		}
	}
	if s.Last != nil && s.At != nil {
		p.last, p.at = s.Last, s.At
	}
	if s.Values != nil {
		p.values = s.Values
	}
	if s.Failed != nil {
		p.failed = s.Failed
	}
	p.bakes = s.Bakes
	return nil
}

// fold judges one poll: what each side did since the one before, and which share
// of the requests the candidate was to get since then. Relative checks are
// left out while the candidate warms up. It returns the windows that it folded
// and, by check, what is wrong with the data.
func (p *panel) fold(r Reading, at time.Time, warm bool, share func(from time.Time) float64) ([]analysis.Window, map[string]trouble) {
	var windows []analysis.Window
	troubles := map[string]trouble{}
	for _, check := range p.checks {
		start := p.at[check.Name]
		w, problem := p.window(check, r.Checks[check.Name], at)
		if problem.verdict != "" {
			troubles[check.Name] = problem
			continue
		}
		if !warm && !check.IsAbsolute() {
			p.forget(check, at)
			continue
		}
		if w == nil {
			continue
		}
		w.Share, w.Step = share(start), p.bakes
		windows = append(windows, *w)
		if err := p.judges[check.Name].Fold(*w); err != nil {
			troubles[check.Name] = trouble{rollout.Error, err.Error()}
		}
	}
	return windows, troubles
}

// trouble is a check that cannot be judged now: NoData or Error, and why.
type trouble struct {
	verdict rollout.Verdict
	reason  string
}

// window turns a reading into one window of a check. It is nil when the
// reading only sets the reference for the next one.
func (p *panel) window(check rollout.Check, r CheckReading, at time.Time) (*analysis.Window, trouble) {
	if r.Error != "" {
		return nil, trouble{rollout.Error, check.Name + ": " + r.Error}
	}
	for _, side := range []Side{Candidate, Baseline} {
		if _, found := r.Sides[side]; !found && (side == Candidate || !check.IsAbsolute()) {
			return nil, trouble{rollout.NoData, fmt.Sprintf("%s: no data of the %s", check.Name, side)}
		}
	}
	if gathers(check) {
		return p.gather(check, r, at)
	}
	from, begun := p.at[check.Name]
	w := &analysis.Window{Check: check.Name, Start: seconds(from), End: seconds(at)}
	if w.Start == w.End { // read twice at one moment, as where two windows meet
		return nil, trouble{}
	}
	if side, gone := p.failuresGone(check.Name, r); gone {
		return nil, trouble{rollout.NoData, fmt.Sprintf("%s: failures of the %s are not counted any more, while its requests go on", check.Name, side)}
	}
	complete := begun && at.After(from) // a value alone does not say since when it is so
	for side, counts := range map[Side]**analysis.Counts{Baseline: &w.Baseline, Candidate: &w.Candidate} {
		now, found := r.Sides[side]
		if !found {
			continue
		}
		c, known, err := p.last.counts(check.Name, side, now)
		p.failed.note(check.Name, side, p.last[check.Name][side], now, at)
		p.last.remember(check.Name, side, now)
		if err != nil {
			return nil, trouble{rollout.Error, check.Name + ": " + err.Error()}
		}
		complete = complete && known
		if c, err = slowAsFailures(check, c); err != nil {
			return nil, trouble{rollout.Error, check.Name + ": " + err.Error()}
		}
		*counts = &c
	}
	p.at[check.Name] = at
	if !complete {
		return nil, trouble{}
	}
	return w, trouble{}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// boundsOf fixes the latencies at which a check counts, from the baseline's
// own histogram.
func boundsOf(check rollout.Check, side SideReading) []float64 {
	c, _, err := reference{check.Name: {Baseline: {}}}.counts(check.Name, Baseline, side)
	if err != nil || c.Buckets["+Inf"] < 100 {
		return nil
	}
	var quantiles []float64
	if check.Judge != nil && check.Judge.TailLadder != nil {
		quantiles = check.Judge.TailLadder.Quantiles
	}
	return analysis.ChooseBounds(c, check.SLO.Std().Seconds(), quantiles...)
}

// sloUnknown says why a check of a histogram cannot tell what its objective
// asks, "" when it can.
func sloUnknown(check rollout.Check, side SideReading) string {
	c, _, err := reference{check.Name: {Baseline: {}}}.counts(check.Name, Baseline, side)
	if err != nil || len(c.Buckets) == 0 {
		return ""
	}
	if _, err := slowAsFailures(check, c); err != nil {
		return check.Name + ": " + err.Error()
	}
	return ""
}

// results says where every check stands: finally, at the end of a bake, or so
// far. Where only absolute checks may decide, the others are not judged: next
// to nobody is on the baseline to compare with.
func (p *panel) results(final, absolute bool, require string, troubles map[string]trouble) []rollout.CheckResult {
	var out []rollout.CheckResult
	for _, check := range p.checks {
		if absolute && !check.IsAbsolute() {
			continue
		}
		evidence := p.judges[check.Name].Verdict()
		if final {
			evidence = p.judges[check.Name].Final(require)
		}
		r := resultOf(evidence)
		r.Name, r.Advisory = check.Name, !check.IsGating()
		if t, found := troubles[check.Name]; found && r.Verdict != rollout.Fail {
			r.Verdict, r.Reason = t.verdict, t.reason
		}
		out = append(out, r)
	}
	return out
}

// score is what the checks come to in one number, for people.
func (p *panel) score(results []rollout.CheckResult) analysis.Scores {
	var scored []analysis.Scored
	for _, check := range p.checks {
		for _, r := range results {
			if r.Name == check.Name {
				scored = append(scored, analysis.Scored{Verdict: analysis.Verdict(r.Verdict), Judge: r.Judge, Group: check.Group, Weight: check.Weight})
			}
		}
	}
	return analysis.Score(scored)
}

func resultOf(e analysis.Evidence) rollout.CheckResult {
	r := rollout.CheckResult{
		Name: e.Check, Verdict: rollout.Verdict(e.Verdict), Reason: e.Reason, Judge: e.Judge,
		Ratio: e.Ratio, Difference: e.Difference, E: e.E, P: e.P, ToFail: e.TowardsFail, ToPass: e.TowardsPass,
		Alpha: e.Alpha, Margin: e.Margin, Windows: e.Windows, Share: e.Share, Dispersion: e.Dispersion, Rule: e.RuleVersion,
		Baseline: countsOf(e.Baseline), Candidate: countsOf(e.Candidate),
	}
	if e.Interval[0] != nil || e.Interval[1] != nil {
		r.Interval = e.Interval[:]
	}
	return r
}

func countsOf(c analysis.Counts) *rollout.Counts {
	requests := c.Requests
	if requests == 0 {
		requests = c.Buckets["+Inf"]
	}
	if requests == 0 && c.Value == nil {
		return nil
	}
	return &rollout.Counts{Requests: requests, Failures: c.Failures, Value: c.Value}
}
