package activities

import (
	"fmt"
	"math"
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

const (
	trialAlpha    = 0.01 // the chance to be wrong, either way
	trialRequests = 20   // that it takes to pass, where the check does not say, as in a bake
	trialRival    = 0.2  // a share of failures that is told from what may be
)

// trial is what an absolute check makes of the baseline alone, from poll to poll.
//
// It fails when its judge, which sees all since it failed last, says so. It passes
// by what was gathered since a poll last spoke against it: minRequests at least, no
// more failures among them than may be, and so few that they are 1/trialAlpha times
// likelier within the limit than at rival: a likelihood ratio, so that a baseline
// which fails as often as that passes with a chance of trialAlpha at most, however
// often it is looked at. Else it lacks something. A threshold, of which nobody
// knows the limit, judges measurement by measurement.
type trial struct {
	check  rollout.Check
	config analysis.Config
	need   float64 // requests
	limit  float64 // largest share of failures; of a threshold nobody knows

	judge    *analysis.Judge
	from, at time.Time // what is gathered, and what came in last
	gathered analysis.Counts
	polls    int     // that did not speak against it
	rival    float64 // share of failures that must be ruled out
	failing  string  // why, when it was measured last
	lacks    string  // what it takes to pass
}

func newTrial(check rollout.Check, now time.Time) *trial {
	t := &trial{check: check, from: now, at: now, need: trialRequests}
	t.config, _ = configOf(check) // admitted, so it can be read
	t.config.Alpha, t.config.AnyShare = trialAlpha, true
	if n := t.config.MinRequests; n > 0 {
		t.need = n
	}
	switch j := t.config.Judge; {
	case j.SLORate != nil:
		t.limit = 1 - float64(j.SLORate.Objective)
	case j.BurnRate != nil:
		t.limit = min(1, (1-float64(j.BurnRate.Objective))*slowestBurn(*j.BurnRate))
	case j.Threshold != nil: // one measurement is all there is
		one := *j.Threshold
		one.FailureLimit, one.InconclusiveLimit = min(one.FailureLimit, 0), min(one.InconclusiveLimit, 0)
		one.ConsecutiveErrorLimit, one.ConsecutiveSuccessLimit = new(int), 0
		t.config.Judge.Threshold = &one
	}
	t.rival = t.gross()
	return t
}

// slowestBurn is how many times faster than allowed a budget may be spent, over any
// pair of windows.
func slowestBurn(b analysis.BurnRate) float64 {
	slowest := math.Inf(1)
	for _, pair := range b.Windows {
		slowest = min(slowest, pair.Factor)
	}
	return slowest
}

// gross is a share of failures that is ruled out of every baseline: one in five, or
// twice what may be.
func (t *trial) gross() float64 { return min(max(trialRival, 2*t.limit), 0.99) }

// note adds what came in since the last poll.
func (t *trial) note(c analysis.Counts, now time.Time) {
	t.polls++
	t.gathered.Requests += c.Requests
	t.gathered.Failures += c.Failures
	t.gathered.Value = c.Value
	if t.config.Judge.Threshold != nil {
		t.measure(now)
	} else {
		t.weigh(c, now)
	}
	t.at = now
}

// weigh holds what came in, and what was gathered, to the largest share of failures.
func (t *trial) weigh(c analysis.Counts, now time.Time) {
	if t.judge == nil {
		t.judge, _ = analysis.New(t.config)
	}
	err := t.judge.Fold(t.window(t.at, now, c))
	seen := t.gathered
	over := t.over(seen)
	if !over && t.over(c) {
		seen, over = c, true
	}
	switch {
	case err != nil:
		t.lacks = err.Error()
		t.beginAnew(now)
	case t.judge.Failed():
		t.failing = t.judge.Verdict().Reason
		t.judge = nil
		t.accuse(seen, now)
	case over:
		t.lacks = fmt.Sprintf("%s: %s, more than may be, and too few to tell", t.check.Name, told(seen))
		t.accuse(seen, now)
	case t.gathered.Requests < t.need:
		t.failing, t.lacks = "", fmt.Sprintf("%s: %.0f requests, needs %.0f", t.check.Name, t.gathered.Requests, t.need)
	case !t.rulesOut(t.rival):
		t.failing, t.lacks = "", fmt.Sprintf("%s: %s, too few to tell that it is well", t.check.Name, told(t.gathered))
	default:
		t.failing, t.lacks = "", ""
	}
}

// over reports whether more failed than may, of as many requests as it takes.
func (t *trial) over(c analysis.Counts) bool {
	return c.Failures > t.limit*max(c.Requests, t.need)*(1+1e-9)
}

// rulesOut reports whether what was gathered is so much likelier at the limit than
// at that share of failures.
func (t *trial) rulesOut(rival float64) bool {
	if rival <= t.limit {
		return true
	}
	failed, well := t.gathered.Failures, t.gathered.Requests-t.gathered.Failures
	return failed*math.Log(t.limit/rival)+well*math.Log((1-t.limit)/(1-rival)) >= -math.Log(trialAlpha)
}

// accuse forgets what was gathered. From now on it is the share of failures seen
// that must be ruled out, where it is no grosser than any.
func (t *trial) accuse(seen analysis.Counts, now time.Time) {
	if t.rival = t.gross(); failedShare(seen) > t.limit {
		t.rival = min(t.rival, failedShare(seen))
	}
	t.beginAnew(now)
}

// measure has a threshold judge what was gathered, once that is a measurement.
func (t *trial) measure(now time.Time) {
	j, err := analysis.New(t.config)
	if err == nil {
		err = j.Fold(t.window(t.from, now, t.gathered))
	}
	if err != nil {
		t.lacks = err.Error()
		t.beginAnew(now)
		return
	}
	t.failing, t.lacks = "", ""
	switch e := j.Final(analysis.RequireNoHarm); e.Verdict {
	case analysis.NoData:
		t.lacks = e.Reason
	case analysis.Pass:
		t.gathered, t.from = analysis.Counts{}, now
	case analysis.Fail:
		t.failing = e.Reason
		t.beginAnew(now)
	default:
		t.lacks = e.Reason
		t.beginAnew(now)
	}
}

// beginAnew forgets what was gathered.
func (t *trial) beginAnew(now time.Time) {
	t.gathered, t.from, t.polls = analysis.Counts{}, now, 0
}

func (t *trial) window(from, to time.Time, c analysis.Counts) analysis.Window {
	return analysis.Window{Check: t.check.Name, Start: seconds(from), End: max(seconds(to), seconds(from)+0.001), Candidate: &c}
}

func failedShare(c analysis.Counts) float64 {
	if c.Requests == 0 {
		return 0
	}
	return c.Failures / c.Requests
}

func told(c analysis.Counts) string {
	return fmt.Sprintf("%.0f of %.0f requests failed", c.Failures, c.Requests)
}
