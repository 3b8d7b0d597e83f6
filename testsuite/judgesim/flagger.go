package judgesim

// flagger is Flagger's analysis (pkg/controller/scheduler.go and
// scheduler_metrics.go; judges.md §4.2): each interval the candidate's success
// rate over one minute must be at least the minimum. No value, NaN and an error
// of the provider are failed checks. Failed checks are counted over the whole
// rollout, and it is rolled back at the tick after they have reached the
// threshold.
type flagger struct {
	minimum   float64 // share of successes, 0.99 for request-success-rate's default of 99
	threshold int     // failed checks, 5 or 10 in the documentation

	interval     gather
	failedChecks int
}

func newFlagger(minimum float64, threshold int) *flagger {
	return &flagger{minimum: minimum, threshold: threshold, interval: gather{every: 1}}
}

// tick is one run of the scheduler; it reports whether it rolls back.
func (f *flagger) tick(success float64) bool {
	if f.failedChecks >= f.threshold {
		return true
	}
	if !(success >= f.minimum) { // NaN, too
		f.failedChecks++
	}
	return false
}

func (f *flagger) see(w sample) bool {
	whole, full := f.interval.add(w)
	return full && f.tick(1-share(whole.xc, whole.nc))
}
