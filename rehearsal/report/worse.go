package report

import "bakeoff/rehearsal/evidence"

// Worse reports whether any metric became worse, or a criterion no longer passes.
func (c Comparison) Worse() bool { return c.broken()+c.count(Worse) > 0 }

// broken counts the criteria that passed before, or were not judged, and do not
// pass now.
func (c Comparison) broken() int {
	n := 0
	for _, change := range c.Criteria {
		if change.Now != evidence.Passed && (change.Before == evidence.Passed || change.Before == "") {
			n++
		}
	}
	return n
}
