package judgesim

import "bakeoff/analysis"

// ours is Bakeoff's judge of failures as a policy.
type ours struct {
	judge               *analysis.Judge
	candidate, baseline analysis.Counts
	refused             error // the first window that the judge refused: a bug of the simulation
}

func rateRatio(alpha float64) analysis.Config {
	return analysis.Config{Alpha: alpha, Judge: analysis.Params{RateRatio: &analysis.RateRatio{}}}
}

func sloRate(alpha, objective float64) analysis.Config {
	return analysis.Config{Alpha: alpha, Judge: analysis.Params{SLORate: &analysis.SLORate{Objective: analysis.Share(objective)}}}
}

func judged(c analysis.Config) *ours {
	j, err := analysis.New(c)
	return &ours{judge: j, refused: err}
}

func (o *ours) see(w sample) bool {
	if o.refused != nil {
		return true
	}
	o.refused = o.judge.Fold(o.window(w))
	return o.refused != nil || o.judge.Failed()
}

// window is valid until the next call.
func (o *ours) window(w sample) analysis.Window {
	o.candidate = analysis.Counts{Requests: w.nc, Failures: w.xc}
	o.baseline = analysis.Counts{Requests: w.nb, Failures: w.xb}
	return analysis.Window{Start: 60 * w.start, End: 60 * w.end, Candidate: &o.candidate, Baseline: &o.baseline}
}
