package analysis

import "math"

// accusation is what E or R, the mean over the rungs, says.
type accusation struct {
	stands    bool // 2/α is reached, and the leading latency is relevant
	condemned bool // and two halves of the baseline are not like that
}

// accuse asks E (late: R). A latency at which two halves of the baseline
// differ as much is excused, unless another one reaches 2/α by itself.
func (t *tailLadder) accuse(late bool) (a accusation) {
	log, relevant, excuses := (*ratio).logHarm, (*ratioTest).relevant, func(i int) bool {
		return t.tests[i].excuses(&t.rungs[i], t.alpha*t.share(i))
	}
	if late {
		log, relevant, excuses = logRestart, (*ratioTest).relevantSince, func(i int) bool {
			return t.tests[i].excusesLate(&t.rungs[i])
		}
	}
	goal := math.Log(2 / t.alpha)
	parts, mean, leader := t.parts(log)
	if mean < goal || !relevant(t.tests[leader], &t.rungs[leader]) {
		return a
	}
	a.stands = true
	alone := goal + math.Log(float64(len(t.rungs)))
	for i, part := range parts {
		guilty := i == leader || part >= alone && relevant(t.tests[i], &t.rungs[i])
		a.condemned = a.condemned || guilty && !excuses(i)
	}
	return a
}

// accusations are those of E and R; asking is only worth it where one latency
// could carry the mean.
func (t *tailLadder) accusations() (a accusation) {
	goal := math.Log(2 / t.alpha)
	harm, recent := false, false
	for i := range t.rungs {
		harm = harm || t.rungs[i].reaches(goal)
		recent = recent || t.rungs[i].restart.log() >= goal
	}
	if harm {
		a = t.accuse(false)
	}
	if recent {
		late := t.accuse(true)
		a = accusation{a.stands || late.stands, a.condemned || late.condemned}
	}
	return a
}
