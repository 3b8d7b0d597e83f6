package analysis

import (
	"errors"
	"math"
)

// MeanCS reports how far the mean of one value per window (memory, cost, a
// vendor's score) lies from the baseline's: the asymptotic confidence sequence
// of Waudby-Smith et al. (judges.md §6) for the mean of the differences D of
// differences.go, valid at every look at once. With n points, mean m, standard
// deviation s and α = 1 − level:
//
//	m ± s·√(2(nρ²+1)/(n²ρ²)·ln(√(nρ²+1)/α)),   ρ = √((−2ln α + ln(1−2ln α))/tOpt)
//
// It only holds for many points, which is why it reports and never decides: a
// check that it judges is advisory whatever `gates` says, takes no part of α
// and never fails. An unfailed bake with enough points is Pass under noHarm,
// and under nonInferior Inconclusive: nothing is proved.
type MeanCS struct {
	// Transform is "log" or "diff", as in Points.
	Transform string `json:"transform,omitempty"`

	// TOpt is the number of points at which the interval is narrowest, half of
	// what is planned; default 120, half an hour of bake at 15 s; 1 to 1e9.
	TOpt float64 `json:"tOpt,omitempty"`

	// BurnIn is how many points there are before an interval is told;
	// default 15, 2 to 1e6.
	BurnIn int `json:"burnIn,omitempty"`

	// Level of the confidence sequence; default 0.95, 0.5 to below 1.
	Level float64 `json:"level,omitempty"`

	// MinPoints is the minimum evidence of a step; default 8, 1 to 1e6.
	MinPoints int `json:"minPoints,omitempty"`

	// Step is for whoever collects the values, as in Points.
	Step Seconds `json:"step,omitempty"`
}

const (
	defaultTOpt   = 120
	defaultBurnIn = 15
	defaultLevel  = 0.95
)

// sequence is a confidence sequence for a mean.
type sequence struct {
	alpha, tOpt float64
	burnIn      int
}

// halfWidth is half of the interval's width for n points of the given standard
// deviation.
func (s sequence) halfWidth(deviation float64, n int) float64 {
	goal := -2 * math.Log(s.alpha)
	rho2 := (goal + math.Log1p(goal)) / s.tOpt
	t := float64(n)
	return deviation * math.Sqrt(2*(t*rho2+1)/(t*t*rho2)*(math.Log1p(t*rho2)/2+goal/2))
}

// interval returns both ends, nil within the burn-in.
func (s sequence) interval(m moments, n int) (low, high *float64) {
	if n < s.burnIn || n < 2 {
		return nil, nil
	}
	half := s.halfWidth(m.deviation(n), n)
	a, b := m.mean-half, m.mean+half
	return &a, &b
}

type meanCS struct {
	name string
	sequence
	differences
}

func newMeanCS(c Config) (*meanCS, error) {
	p := *c.Judge.MeanCS
	level, tOpt, burnIn := or(p.Level, defaultLevel), or(p.TOpt, defaultTOpt), or(float64(p.BurnIn), defaultBurnIn)
	err := errors.Join(checkTransform(c, p.Transform),
		c.within("level", level, 0.5, 1-1e-9),
		c.within("tOpt", tOpt, 1, 1e9),
		c.within("burnIn", burnIn, 2, 1e6),
		c.within("minPoints", float64(p.MinPoints), 0, 1e6),
		c.within("step", float64(p.Step), 0, 1e9),
	)
	if err != nil {
		return nil, err
	}
	return &meanCS{
		name: c.Name, sequence: sequence{alpha: math.Round((1-level)*1e12) / 1e12, tOpt: tOpt, burnIn: int(burnIn)},
		differences: differences{transform: p.Transform},
	}, nil
}

func (m *meanCS) fold(w Window) (outcome, error) {
	baseline, candidate, found, err := m.values(w)
	if found {
		m.next(baseline, candidate)
	}
	return judged, err
}

func (m *meanCS) weigh(e *Evidence) opinion {
	e.Alpha = m.alpha
	m.describe(e, m.sequence)
	return opinion{now: Continue, atEnd: Pass, reason: m.compared(m.name, e)}
}
