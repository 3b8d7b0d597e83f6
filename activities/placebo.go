package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// Historian is a metrics driver that remembers what instances counted.
type Historian interface {
	// History returns what each instance of a version had counted at moments
	// of the past, oldest first, equally far apart, those included at which
	// nothing was seen. It takes a longer step than the one asked for where
	// counters are sampled more seldom, or where there are many. Nothing
	// found is no error. ErrPast marks what the author of the check can mend.
	History(ctx context.Context, q HistoryQuery) ([]Moment, error)
}

// HistoryQuery asks for the past of one version, counted as one check counts.
type HistoryQuery struct {
	Check    rollout.Check // of counters: one with a query has no history
	Version  Version
	From, To time.Time
	Step     time.Duration
}

// Moment is what had been counted up to a moment, by instance: all series of
// one instance stand in one reading. One that was not there, or was not seen,
// is absent.
type Moment struct {
	At        time.Time
	Instances map[string]SideReading
}

// ErrPast marks a past that teaches nothing as a check is written or its
// series are labelled.
var ErrPast = errors.New("nothing can be learned from the past")

// The past that Preflight learns from: a day, because the margin asks for 20
// blocks of an hour, as finely as most counters are sampled. The budget keeps
// a slow server from holding up the rollout: what is not read is not learned.
const (
	placeboSpan   = 24 * time.Hour
	placeboStep   = placeboSpan / 2880
	placeboBudget = 5 * time.Second
)

// tellsMargin is the least margin worth a sentence: the judges' own is 1.1.
const tellsMargin = 1.105

// learn looks back at the baseline, half of its instances against the other
// half, for how much two sides differ without any harm. It never fails, and
// warns only of what bounds the verdicts, or can be changed.
func (a *Activities) learn(ctx context.Context, in PreflightInput, out *PreflightOutput) {
	driver, err := a.Drivers.metrics(in.Drivers.Metrics)
	past, remembers := driver.(Historian)
	if err != nil || !remembers || in.Baseline == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, placeboBudget)
	defer cancel()
	q := HistoryQuery{To: a.now().Add(-driver.Delay()), Step: placeboStep,
		Version: Version{Version: in.Baseline, Endpoints: in.Endpoints[in.Baseline]}}
	q.From = q.To.Add(-placeboSpan)
	out.Learned = map[string]*analysis.Learned{}
	for _, check := range in.Checks {
		q.Check = check
		if q.Check.IsAbsolute() || q.Check.Query != "" {
			continue
		}
		name := q.Check.Name
		learned, err := learnFrom(ctx, past, q, out.Bounds[name])
		switch {
		case err == nil:
			out.Learned[name] = learned
			out.Warnings = append(out.Warnings, limits(name, in.Baseline, learned)...)
		case errors.Is(err, ErrPast):
			out.Warnings = append(out.Warnings, name+": "+err.Error())
		default:
			if out.Unlearned == nil {
				out.Unlearned = map[string]string{}
			}
			out.Unlearned[name] = err.Error()
		}
	}
}

// learnFrom returns what a past teaches, or why it teaches nothing.
func learnFrom(ctx context.Context, past Historian, q HistoryQuery, bounds []float64) (*analysis.Learned, error) {
	moments, err := past.History(ctx, q)
	if err != nil {
		return nil, err
	}
	half := halves(moments)
	if len(half) < 2 {
		return nil, fmt.Errorf("two instances are needed, not %d", len(half))
	}
	config, err := configOf(q.Check)
	if err != nil {
		return nil, err
	}
	config.Bounds = bounds
	learned, err := analysis.Learn(config, placeboWindows(moments, q.Check.Name, half))
	switch {
	case err != nil:
		return nil, err
	case learned == nil:
		return nil, errors.New("its judge cannot learn from the past")
	case learned.Lacks != "":
		return nil, errors.New(learned.Lacks)
	}
	shorten(learned)
	return learned, nil
}

// limits are sentences on what the past lets judges see no more.
func limits(check, baseline string, l *analysis.Learned) []string {
	var out []string
	finest := slices.MaxFunc(l.Tests, func(a, b analysis.LearnedTest) int { return cmp.Compare(a.Margin, b.Margin) })
	if finest.Margin >= tellsMargin {
		at := ""
		if finest.Bound > 0 {
			at = fmt.Sprintf(" at %s", analysis.Seconds(finest.Bound))
		}
		out = append(out, fmt.Sprintf("%s: cannot be judged finer than ×%.2f%s: two halves of %s differ by as much", check, finest.Margin, at, baseline))
	}
	if l.NotExchangeable {
		out = append(out, fmt.Sprintf("%s: not exchangeable: two halves of %s can be told apart; a Fail within their difference becomes Inconclusive", check, baseline))
	}
	return out
}

// shorten rounds what was learned to what it is worth: it travels with every
// window.
func shorten(l *analysis.Learned) {
	for i := range l.Tests {
		t := &l.Tests[i]
		for _, x := range []*float64{&t.Rate, &t.Residuals, &t.Variance, &t.Margin} {
			*x = digits(*x)
		}
		if t.Interval == nil {
			continue
		}
		for _, end := range t.Interval {
			if end != nil {
				*end = digits(*end)
			}
		}
	}
}

// digits keeps four of them.
func digits(x float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	if err != nil {
		return x
	}
	return rounded
}
