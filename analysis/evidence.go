package analysis

import (
	"fmt"
	"math"
)

// ruleVersion is the version of the rules in this package. It changes when the
// same windows could lead to another verdict.
const ruleVersion = 2

// infinite stands for an infinite E or ratio, which JSON cannot hold.
const infinite = 1e300

// Evidence is a verdict that explains itself. Its JSON is lowerCamel and what
// does not apply to the judge is absent.
type Evidence struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`

	// Reason is one sentence for people: "errors ×3.1 [1.16, 6.82] (e=411)".
	Reason string `json:"reason"`

	// Cause says why the verdict is Inconclusive, where a guard made it so.
	Cause Cause `json:"cause,omitempty"`

	// Judge is the judge's name in a spec: see Judges.
	Judge string `json:"judge,omitempty"`

	// At is the end of the last folded window; of a Fail that of the window
	// which reached it.
	At float64 `json:"at,omitempty"`

	// E is the evidence of harm (1: none; 1/α and more is rare in a harmless
	// release), P its anytime-valid p-value. An infinite E is 1e300.
	E float64 `json:"e"`
	P float64 `json:"p,omitempty"`

	// Ratio is candidate over baseline; for sloRate and burnRate over what the
	// objective allows. 0: not known, 1e300: the baseline has none.
	Ratio float64 `json:"ratio"`

	// Difference is candidate minus baseline, of values of which there is no
	// logarithm.
	Difference *float64 `json:"difference,omitempty"`

	// Interval is the confidence sequence at level 1−α of Difference where that
	// is given, else of Ratio; nil is unbounded.
	Interval [2]*float64 `json:"interval"`

	// Bound is the latency in seconds to which Ratio and Interval belong.
	Bound float64 `json:"bound,omitempty"`

	// SafeE is the evidence that the candidate is within the safe margin.
	SafeE float64 `json:"safeE,omitempty"`

	// TowardsFail and TowardsPass are the share, 0 to 1, of the log-evidence
	// that Fail, or a proof of non-inferiority, needs.
	TowardsFail float64 `json:"towardsFail,omitempty"`
	TowardsPass float64 `json:"towardsPass,omitempty"`

	// Alpha is the check's share of the chance that a harmless release fails,
	// Margin the ratio that is still harmless: given, or what the placebo
	// history calls for.
	Alpha  float64 `json:"alpha,omitempty"`
	Margin float64 `json:"margin,omitempty"`

	// Dispersion is φ: how much more the counts vary than chance alone would
	// have it, over the placebo history and the check's own windows.
	Dispersion float64 `json:"dispersion,omitempty"`

	// Share says that the candidate got another share of the requests than it
	// should have; "" while nothing speaks for that.
	Share string `json:"share,omitempty"`

	// Windows were folded; Late came after a newer one and were dropped;
	// Refused were impossible.
	Windows int `json:"windows"`
	Late    int `json:"late,omitempty"`
	Refused int `json:"refused,omitempty"`

	// Baseline and Candidate are the totals over all folded windows; Value is
	// the mean over them.
	Baseline  Counts `json:"baseline,omitzero"`
	Candidate Counts `json:"candidate,omitzero"`

	// Effect is the size of the effect: of mannWhitney the chance that a value
	// of the candidate is above one of the baseline, of kayentaV1 its effectSize.
	Effect float64 `json:"effect,omitempty"`

	// Warnings are what kayentaV1 gets wrong with such values, as Kayenta does.
	Warnings []string `json:"warnings,omitempty"`

	RuleVersion int `json:"ruleVersion"`

	recent float64 // R: the evidence of harm that began at some later time
}

// Cause is what makes a verdict Inconclusive although there were data enough.
type Cause string

// CauseMetric: two halves of the baseline differ as much as the candidate does
// from it, so that the metric cannot tell. CauseShare: another share of the
// requests reached the candidate than should have.
const (
	CauseMetric Cause = "metric"
	CauseShare  Cause = "share"
)

// Unseen is the evidence of a check of which no window came, not even one to
// choose its judge by.
func Unseen(c Config) Evidence {
	return Evidence{Check: c.Name, Verdict: NoData, Reason: c.Name + ": no window", Alpha: c.Alpha, RuleVersion: ruleVersion}
}

// effect is the sentence about a ratio and its evidence.
func (e *Evidence) effect(subject string) string {
	switch {
	case e.E == 1 && e.Candidate.Requests > 0 && e.Baseline.Requests > 0 && e.Candidate.Failures+e.Baseline.Failures == 0:
		return subject + ": none on either side"
	case e.E == 1:
		return subject + ": nothing to compare yet"
	}
	evidence := "e=" + number(e.E)
	if e.recent > e.E && e.recent >= worthSaying {
		evidence += ", of late " + number(e.recent)
	}
	return fmt.Sprintf("%s ×%s [%s, %s] (%s)", subject, number(e.Ratio),
		end(e.Interval[0], "0"), end(e.Interval[1], "∞"), evidence)
}

// worthSaying is the evidence of late harm that a reason names beside that over
// all of the time: it may be what decides, while the ratio over all looks fine.
const worthSaying = 20

func end(p *float64, unbounded string) string {
	if p == nil {
		return unbounded
	}
	return number(*p)
}

func number(x float64) string {
	switch {
	case x >= infinite:
		return "∞"
	case x > 0 && x < 1e-12:
		return "0"
	case x >= 100 && x < 1e6:
		return fmt.Sprintf("%.0f", x)
	default:
		return fmt.Sprintf("%.3g", x)
	}
}

// fromLog is exp(x), at most infinite and never 0.
func fromLog(x float64) float64 {
	return max(1/infinite, min(math.Exp(x), infinite))
}

// towards is the share of the way from no evidence to goal, both logarithms.
func towards(log, goal float64) float64 {
	return max(0, min(1, log/goal))
}

// harm notes ln E and ln R of a test that fails at exp(goal) = 2/α.
func (e *Evidence) harm(logE, logR, goal float64) {
	most := max(logE, logR)
	e.E = fromLog(logE)
	e.recent = fromLog(logR)
	e.P = min(1, 2*fromLog(-most))
	e.TowardsFail = towards(most, goal)
}

// safe notes ln E of a proof that is complete at exp(goal).
func (e *Evidence) safe(logE, goal float64) {
	e.SafeE = fromLog(logE)
	e.TowardsPass = towards(logE, goal)
}

// invert turns baseline over candidate into candidate over baseline.
func (e *Evidence) invert() {
	if e.Ratio > 0 {
		e.Ratio = 1 / e.Ratio
	}
	low, high := e.Interval[0], e.Interval[1]
	e.Interval = [2]*float64{inverse(high), inverse(low)}
}

func inverse(p *float64) *float64 {
	if p == nil {
		return nil
	}
	x := 1 / *p
	return &x
}
