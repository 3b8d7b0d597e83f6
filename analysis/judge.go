package analysis

import (
	"errors"
	"fmt"
)

// Judge is the pure fold of one check's windows into evidence. It is not safe
// for concurrent use. Its state (MarshalBinary) is carried across windows,
// steps and worker restarts; a new build begins with a new Judge.
type Judge struct {
	config Config
	method method
	step   step

	failed              bool
	seenStart, seenEnd  float64 // of the newest window, folded or refused
	foldedEnd           float64
	due                 float64
	windows             int
	late                int
	refused             int
	baseline, candidate tally
}

// method is what differs between the judges.
type method interface {
	// fold takes a valid window newer than any before. An error refuses it:
	// nothing changed.
	fold(w Window) (outcome, error)

	// weigh writes the evidence into e and returns what it says, leaving
	// aside how much data there was.
	weigh(e *Evidence) opinion

	// visit reads or writes the state.
	visit(s *state)
}

// outcome is what a window did to the evidence.
type outcome int

const (
	judged   outcome = iota
	unjudged         // only learned from; no part of the minimum evidence
	failing          // the evidence has reached Fail
)

// opinion is a judge's own view of its evidence.
type opinion struct {
	now    Verdict // Continue, Inconclusive or Error
	atEnd  Verdict // what an unfailed bake ends with under noHarm: Pass if all is well
	proved bool    // non-inferior
	reason string
	cause  Cause // of now, where it is Inconclusive
}

// tally is the total of one side.
type tally struct{ requests, failures float64 }

func (t *tally) add(c *Counts) {
	if c != nil {
		t.requests += c.total()
		t.failures += c.Failures
	}
}

// New returns a judge without evidence. It refuses parameters out of their
// bounds and conditions that do not compile, all of them, naming the check.
func New(c Config) (*Judge, error) {
	c = c.withDefaults()
	m, err := c.newMethod()
	if err := errors.Join(c.check(), err); err != nil {
		return nil, err
	}
	return &Judge{config: c, method: m}, nil
}

func (c Config) newMethod() (method, error) {
	switch {
	case c.Judge.RateRatio != nil:
		return newRateRatio(c)
	case c.Judge.TailLadder != nil:
		return newTailLadder(c)
	case c.Judge.Threshold != nil:
		return newThreshold(c)
	case c.Judge.SLORate != nil:
		return newSLORate(c)
	case c.Judge.Points != nil:
		return newPoints(c)
	case c.Judge.BurnRate != nil:
		return newBurnRate(c)
	case c.Judge.MeanCS != nil:
		return newMeanCS(c)
	default:
		return c.newOffline()
	}
}

// Absolute reports whether the judge looks at the candidate alone, so that it
// can decide where no baseline is left.
func (j *Judge) Absolute() bool { return j.config.Judge.Absolute() }

// Fold adds a window, in time order. The last window again counts once; one
// that starts before the end of the last folded one is late, dropped and
// counted. An impossible window is counted, not folded, and the error wraps
// ErrRefused; the judge stays usable, and the same window with possible counts
// takes its place. After Fail nothing changes any more.
func (j *Judge) Fold(w Window) error {
	if w.Check != j.config.Name && w.Check != "" && j.config.Name != "" {
		return fmt.Errorf("window of check %q given to %q", w.Check, j.config.Name)
	}
	if j.failed || j.newest(w) && j.foldedEnd == j.seenEnd {
		return nil
	}
	if err := w.validTimes(); err != nil {
		return j.refuse(w, err)
	}
	if j.windows > 0 && w.Start < j.foldedEnd {
		j.late++
		return nil
	}
	if err := w.Validate(); err != nil {
		return j.refuse(w, err)
	}
	told, err := j.config.told(w)
	if err != nil {
		return j.refuse(w, fmt.Errorf("%w: %w", ErrRefused, err))
	}
	w = told
	what, err := j.method.fold(w)
	if err != nil {
		return j.refuse(w, fmt.Errorf("%w: %w", ErrRefused, err))
	}
	j.count(w, what)
	j.failed = what == failing
	return nil
}

// newest reports whether w is the newest window once more.
func (j *Judge) newest(w Window) bool {
	return j.windows+j.refused > 0 && w.Start == j.seenStart && w.End == j.seenEnd
}

// refuse counts an impossible window; the time that it should have covered is
// missing from the step's coverage.
func (j *Judge) refuse(w Window, why error) error {
	if !j.newest(w) || !j.step.lastRefused {
		j.refused++
		j.step.refused++
	}
	j.step.lastRefused = true
	if w.validTimes() == nil {
		j.step.begin(w)
		j.seenStart, j.seenEnd = w.Start, w.End
	}
	return fmt.Errorf("check %q: %w", j.config.Name, why)
}

func (j *Judge) count(w Window, what outcome) {
	j.windows++
	j.seenStart, j.seenEnd, j.foldedEnd = w.Start, w.End, w.End
	j.baseline.add(w.Baseline)
	j.candidate.add(w.Candidate)
	j.step.fold(w, j.need(), what != unjudged)
}

// Failed reports whether the evidence has reached Fail. It costs nothing, so
// that it can be asked after every window.
func (j *Judge) Failed() bool { return j.failed }

// BeginStep says that the bake of a new step begins: minimum evidence,
// coverage and the look for identical series begin anew, evidence stays.
func (j *Judge) BeginStep() { j.step = step{} }

// Until says that windows were due up to that moment: what is missing at the end
// is missing from the step's coverage. It is no part of the state.
func (j *Judge) Until(end float64) { j.due = max(j.due, end) }

// Verdict says what the evidence means at present: Fail, Continue, or NoData,
// Error, Inconclusive where the data say that now.
func (j *Judge) Verdict() Evidence {
	e, own := j.evidence()
	switch {
	case j.failed:
		e.Verdict = Fail
	case j.step.lastRefused:
		e.Verdict, e.Reason = Error, e.Check+": the last window was impossible"
	case j.windows == 0:
		e.Verdict, e.Reason = NoData, e.Check+": no window yet"
	case j.step.lacks != nothing:
		e.Verdict, e.Reason = NoData, fmt.Sprintf("%s: no data of the %s in the last window", e.Check, j.step.lacks)
	case own.now == Continue && e.Share != "" && !j.config.AnyShare:
		e.Verdict, e.Cause, e.Reason = Inconclusive, CauseShare, e.Check+": "+e.Share
	default:
		e.Verdict, e.Cause = own.now, own.cause
	}
	return e
}

// Requirements of a policy for the end of a bake.
const (
	RequireNoHarm      = "noHarm"
	RequireNonInferior = "nonInferior"
)

// Final says what the evidence means at the end of a bake. Data that are
// missing or impossible are NoData or Error. Then an unfailed check is Pass
// under "noHarm", and under "nonInferior" Pass when proved within the safe
// margin, else Inconclusive. Any other requirement is Error.
func (j *Judge) Final(require string) Evidence {
	e, own := j.evidence()
	if j.failed {
		e.Verdict = Fail
		return e
	}
	if verdict, why := j.step.enough(j.need(), max(j.seenEnd, j.due)); verdict != Pass {
		e.Verdict, e.Reason = verdict, e.Check+": "+why
		return e
	}
	switch {
	case own.now != Continue:
		e.Verdict, e.Cause = own.now, own.cause
	case e.Share != "" && !j.config.AnyShare:
		e.Verdict, e.Cause, e.Reason = Inconclusive, CauseShare, e.Check+": "+e.Share
	case own.atEnd != Pass:
		e.Verdict = own.atEnd
	case require == RequireNoHarm, require == RequireNonInferior && own.proved:
		e.Verdict = Pass
	case require == RequireNonInferior:
		e.Verdict = Inconclusive
	default:
		e.Verdict, e.Reason = Error, fmt.Sprintf("%s: unknown requirement %q", e.Check, require)
	}
	return e
}

// evidence is all but the verdict.
func (j *Judge) evidence() (Evidence, opinion) {
	e := Evidence{
		Check: j.config.Name, Judge: j.config.Judge.Name(), At: j.foldedEnd,
		Windows: j.windows, Late: j.late, Refused: j.refused,
		Baseline:    Counts{Requests: j.baseline.requests, Failures: j.baseline.failures},
		Candidate:   Counts{Requests: j.candidate.requests, Failures: j.candidate.failures},
		RuleVersion: ruleVersion,
	}
	own := j.method.weigh(&e)
	e.Ratio = min(e.Ratio, infinite) // JSON has nothing larger
	e.Share = j.step.split.told()
	e.Reason = own.reason
	return e, own
}
