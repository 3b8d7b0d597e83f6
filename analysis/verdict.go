// Package analysis decides whether a candidate is good enough. It is pure:
// windows in, verdict and reason out; no clock, no network, no randomness but
// what a seed in the parameters gives.
//
// Read [Judge.Fold] first: it folds one [Window] of one check into the
// evidence. [Judge.Verdict] says what the evidence means at present,
// [Judge.Final] what it means at the end of a bake. Each judge is one file:
// rateratio.go, tailladder.go, points.go, threshold.go, slorate.go,
// burnrate.go, meancs.go; for offline use mannwhitney.go, groupsequential.go,
// runcompare.go, kayentav1.go. What guards them all is step.go and share.go,
// what the baseline's own history teaches placebo.go.
package analysis

// Verdict is what one check, or all of them, say about the candidate.
type Verdict string

// Continue means not decided yet. Inconclusive is not a pass: the bake ended
// with too little evidence either way. NoData means that there was nothing to
// judge, Error that what came could not be used.
const (
	Pass         Verdict = "Pass"
	Fail         Verdict = "Fail"
	Continue     Verdict = "Continue"
	Inconclusive Verdict = "Inconclusive"
	NoData       Verdict = "NoData"
	Error        Verdict = "Error"
)

// Worst returns the verdict that decides over several checks: Fail, Error,
// NoData, Inconclusive, Continue, Pass, in this order. Of no verdicts it is
// Pass; a verdict that is none of these counts as Error.
func Worst(vs ...Verdict) Verdict {
	worst := Pass
	for _, v := range vs {
		if severity(v) > severity(worst) {
			worst = v
		}
	}
	if severity(worst) == severity(Error) {
		return Error
	}
	return worst
}

// Whole returns the verdict over all checks as evidence for the check "*": the
// worst of the checks that gate, with its reason; of two Fails the earlier. A
// check that gates does not name gates; where none gates the whole is Pass.
func Whole(evidences []Evidence, gates map[string]bool) Evidence {
	whole := Evidence{Check: "*", Verdict: Pass, Reason: "no check decides", RuleVersion: ruleVersion}
	decided := false
	for _, e := range evidences {
		if gate, named := gates[e.Check]; named && !gate {
			continue
		}
		whole.Alpha += e.Alpha
		if !decided || outweighs(e, whole) {
			whole.Verdict, whole.Reason, whole.At = Worst(e.Verdict), e.Reason, e.At
		}
		decided = true
	}
	return whole
}

func outweighs(e, other Evidence) bool {
	mine, theirs := severity(e.Verdict), severity(other.Verdict)
	return mine > theirs || mine == theirs && e.At < other.At && e.Verdict == Fail
}

func severity(v Verdict) int {
	switch v {
	case Pass:
		return 0
	case Continue:
		return 1
	case Inconclusive:
		return 2
	case NoData:
		return 3
	case Fail:
		return 5
	default:
		return 4
	}
}
