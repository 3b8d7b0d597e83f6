package report

import "bakeoff/rehearsal/evidence"

// Worse reports whether any metric, or the outcome of a criterion, became worse.
func (c Comparison) Worse() bool { return c.broken()+c.count(Worse) > 0 }

// broken counts the criteria that do not pass now, and passed before or were not
// judged; or that failed now, and were only not measured before.
func (c Comparison) broken() int {
	n := 0
	for _, change := range c.Criteria {
		switch passed := change.Before == evidence.Passed || change.Before == ""; {
		case passed && change.Now != evidence.Passed, change.Before == evidence.Unmeasured && change.Now == evidence.Failed:
			n++
		}
	}
	return n
}
