package report

import "bakeoff/rehearsal/evidence"

// Worse reports whether any metric became worse, or a criterion no longer passes.
func (c Comparison) Worse() bool {
	for _, change := range c.Criteria {
		if change.Now != evidence.Passed {
			return true
		}
	}
	return c.count(Worse) > 0
}
