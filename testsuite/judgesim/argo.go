package judgesim

import "math"

// phase is what Argo Rollouts says about a measurement or a metric.
type phase string

const (
	running      phase = "Running"
	successful   phase = "Successful"
	failed       phase = "Failed"
	inconclusive phase = "Inconclusive"
	erroneous    phase = "Error"
)

// condition is one of Argo's: true or false of a result.
type condition func(result float64) bool

func atMost(limit float64) condition {
	return func(result float64) bool { return result <= limit } // as expr-lang: a NaN is no success
}

// argo is one metric of an AnalysisRun of Argo Rollouts (analysis/analysis.go,
// utils/evaluate/evaluate.go, pkg/apis/rollouts/v1alpha1/analysis_types.go;
// judges.md §4.1). Limits are numbers tolerated; −1 turns one off. A limit
// exceeded later in the order Failed, Inconclusive, Error wins.
type argo struct {
	success, failure        condition
	count                   int // measurements wanted, errors aside; 0: until terminated
	failureLimit            int
	inconclusiveLimit       int
	consecutiveErrorLimit   int
	consecutiveSuccessLimit int // 0: off

	successes, failures, inconclusives, errorsInRow, successesInRow int
}

// evaluate is the phase of one measurement.
func (a *argo) evaluate(result float64) phase {
	switch {
	case a.success == nil && a.failure == nil:
		return successful
	case a.failure == nil:
		return choose(a.success(result), successful, failed)
	case a.success == nil:
		return choose(a.failure(result), failed, successful)
	case a.failure(result):
		return failed
	default:
		return choose(a.success(result), successful, inconclusive)
	}
}

func choose(yes bool, a, b phase) phase {
	if yes {
		return a
	}
	return b
}

// measure adds a measurement, or an error of the provider, and returns the
// phase of the metric.
func (a *argo) measure(result float64, err bool) phase {
	if err {
		a.errorsInRow, a.successesInRow = a.errorsInRow+1, 0
		return a.phase()
	}
	a.errorsInRow = 0
	switch a.evaluate(result) {
	case successful:
		a.successes++
		a.successesInRow++
	case failed:
		a.failures, a.successesInRow = a.failures+1, 0
	default:
		a.inconclusives, a.successesInRow = a.inconclusives+1, 0
	}
	return a.phase()
}

func (a *argo) phase() phase {
	switch {
	case a.errorsInRow > a.consecutiveErrorLimit:
		return erroneous
	case a.inconclusiveLimit >= 0 && a.inconclusives > a.inconclusiveLimit:
		return inconclusive
	case a.failureLimit >= 0 && a.failures > a.failureLimit:
		return failed
	case a.consecutiveSuccessLimit > 0 && a.successesInRow >= a.consecutiveSuccessLimit:
		return successful
	case a.count == 0 || a.successes+a.failures+a.inconclusives < a.count:
		return running
	case a.consecutiveSuccessLimit > 0:
		return inconclusive // neither limit reached when all was measured
	default:
		return successful
	}
}

// terminate is the phase of a metric that is stopped from outside: before the
// first measurement, and without count, it is a success.
func (a *argo) terminate() phase { return choose(a.phase() == running, successful, a.phase()) }

// argoRate measures the candidate's share of failures over each interval. Of
// no requests it is NaN, as 0/0 is in PromQL.
type argoRate struct {
	metric   argo
	interval gather
}

func newArgoRate(limit, interval float64, failureLimit int) *argoRate {
	return &argoRate{argo{success: atMost(limit), failureLimit: failureLimit, consecutiveErrorLimit: 4}, gather{every: interval}}
}

func (a *argoRate) see(w sample) bool {
	whole, full := a.interval.add(w)
	return full && a.metric.measure(share(whole.xc, whole.nc), false) == failed
}

func share(x, n float64) float64 {
	if n == 0 {
		return math.NaN()
	}
	return x / n
}
