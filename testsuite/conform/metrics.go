package conform

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// MetricsFixture is a metrics driver and the system behind it, in which both
// sides have answered requests before.
type MetricsFixture struct {
	Server
	Driver activities.Metrics
	Sides  map[activities.Side]activities.Version // both
	Nobody activities.Version                     // one without any series
	Rate   *rollout.Check                         // failures and requests; nil where the driver has none, as below
	Tail   *rollout.Check                         // a histogram
	Query  *rollout.Check                         // one value
	Values map[activities.Side]float64            // what Query answers
	Bad    *rollout.Check                         // one that the system cannot answer, while it answers others

	// Answer lets a side answer that many more requests, some of which fail,
	// and returns once they can be read. A histogram gets them too. Required.
	Answer func(t *testing.T, side activities.Side, requests, failures int)
	// Now is the moment to ask for; default time.Now.
	Now func() time.Time
}

// Metrics holds a metrics driver to its contract. make returns a fresh system;
// each test has its own.
func Metrics(t *testing.T, make func(t *testing.T) MetricsFixture) {
	tests := map[string]func(*testing.T, MetricsFixture){
		"counters of a rate":       metricsRate,
		"buckets of a histogram":   metricsTail,
		"value of a query":         metricsQuery,
		"a side without series":    metricsNobody,
		"a side that is not there": metricsOneSide,
		"one check cannot be read": metricsBad,
		"the past":                 metricsPast,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
	failures(t, func(t *testing.T) (Server, []call) {
		f := make(t)
		calls := []call{{"Read", false, func(ctx context.Context) error {
			_, err := f.Driver.Read(ctx, f.query(f.Sides))
			return err
		}}}
		if past, remembers := f.Driver.(activities.Historian); remembers {
			calls = append(calls, call{"History", false, func(ctx context.Context) error {
				_, err := past.History(ctx, f.pastOf(*f.Rate))
				return err
			}})
		}
		return f.Server, calls
	})
}

// pastOf asks for the last hour of the baseline.
func (f MetricsFixture) pastOf(check rollout.Check) activities.HistoryQuery {
	to := f.query(nil).At
	return activities.HistoryQuery{Check: check, Version: f.Sides[activities.Baseline], From: to.Add(-time.Hour), To: to, Step: 30 * time.Second}
}

// metricsPast holds of a driver that remembers that its moments are equally
// far apart, and that instances keep their names and series.
func metricsPast(t *testing.T, f MetricsFixture) {
	past, remembers := f.Driver.(activities.Historian)
	if !remembers {
		t.Skip("the driver has no past")
	}
	for _, check := range f.checks() {
		q := f.pastOf(check)
		moments, err := past.History(t.Context(), q)
		if check.Query != "" && err != nil {
			continue
		}
		require.NoError(t, err)
		for i, m := range moments {
			require.False(t, m.At.Before(q.From) || m.At.After(q.To), "%s is not between %s and %s", m.At, q.From, q.To)
			if i > 0 {
				step := m.At.Sub(moments[i-1].At)
				require.GreaterOrEqual(t, step, q.Step)
				require.Equal(t, moments[1].At.Sub(moments[0].At), step)
			}
			for name, reading := range m.Instances {
				require.NotEmpty(t, name)
				require.Positive(t, len(reading.Requests)+len(reading.Failures)+len(reading.Buckets), "an instance without series is absent")
				require.Nil(t, reading.Value)
			}
		}
		q.Version = f.Nobody
		moments, err = past.History(t.Context(), q)
		require.NoError(t, err, "nothing found is not an error")
		for _, m := range moments {
			require.Empty(t, m.Instances)
		}
	}
}

func (f MetricsFixture) checks() []rollout.Check {
	var checks []rollout.Check
	for _, c := range []*rollout.Check{f.Rate, f.Tail, f.Query} {
		if c != nil {
			checks = append(checks, *c)
		}
	}
	return checks
}

func (f MetricsFixture) query(sides map[activities.Side]activities.Version) activities.MetricsQuery {
	now := time.Now
	if f.Now != nil {
		now = f.Now
	}
	return activities.MetricsQuery{Checks: f.checks(), Sides: sides, At: now()}
}

// read reads one check, which must be readable.
func (f MetricsFixture) read(t *testing.T, check *rollout.Check, sides map[activities.Side]activities.Version) map[activities.Side]activities.SideReading {
	t.Helper()
	if check == nil {
		t.Skip("the driver has no such checks")
	}
	r, err := f.Driver.Read(t.Context(), f.query(sides))
	require.NoError(t, err)
	require.Contains(t, r.Checks, check.Name)
	require.Empty(t, r.Checks[check.Name].Error)
	return r.Checks[check.Name].Sides
}

func sum(series map[string]float64) float64 {
	total := 0.0
	for _, n := range series {
		total += n
	}
	return total
}

func metricsRate(t *testing.T, f MetricsFixture) {
	before := f.read(t, f.Rate, f.Sides)
	f.Answer(t, activities.Candidate, 400, 30)
	after := f.read(t, f.Rate, f.Sides)
	require.InDelta(t, 400, sum(after[activities.Candidate].Requests)-sum(before[activities.Candidate].Requests), 1e-6)
	require.InDelta(t, 30, sum(after[activities.Candidate].Failures)-sum(before[activities.Candidate].Failures), 1e-6)
	require.Equal(t, before[activities.Baseline], after[activities.Baseline], "the other side answered nothing")
	for side := range f.Sides {
		require.Positive(t, sum(after[side].Requests), "counters are cumulative, not rates")
		require.GreaterOrEqual(t, sum(after[side].Requests), sum(after[side].Failures))
	}
}

func metricsTail(t *testing.T, f MetricsFixture) {
	before := f.read(t, f.Tail, f.Sides)
	f.Answer(t, activities.Baseline, 500, 0)
	after := f.read(t, f.Tail, f.Sides)
	require.InDelta(t, 500, total(t, after[activities.Baseline])-total(t, before[activities.Baseline]), 1e-6)
	require.InDelta(t, 0, total(t, after[activities.Candidate])-total(t, before[activities.Candidate]), 1e-6)
}

// total returns how many requests a histogram holds, and that no bucket holds
// more than the last.
func total(t *testing.T, r activities.SideReading) float64 {
	t.Helper()
	n := 0.0
	require.NotEmpty(t, r.Buckets)
	for series, buckets := range r.Buckets {
		require.Contains(t, buckets, "+Inf", series)
		for bound, count := range buckets {
			require.LessOrEqual(t, count, buckets["+Inf"], "%s le=%s", series, bound)
		}
		n += buckets["+Inf"]
	}
	return n
}

func metricsQuery(t *testing.T, f MetricsFixture) {
	got := f.read(t, f.Query, f.Sides)
	for side, want := range f.Values {
		require.NotNil(t, got[side].Value, side)
		require.InDelta(t, want, *got[side].Value, 1e-9, side)
	}
}

// metricsNobody holds that no data is no data: neither zero nor an error.
func metricsNobody(t *testing.T, f MetricsFixture) {
	sides := map[activities.Side]activities.Version{
		activities.Baseline:  f.Sides[activities.Baseline],
		activities.Candidate: f.Nobody,
	}
	for _, check := range f.checks() {
		got := f.read(t, &check, sides)
		require.Contains(t, got, activities.Baseline, check.Name)
		require.NotContains(t, got, activities.Candidate, check.Name)
	}
}

func metricsOneSide(t *testing.T, f MetricsFixture) {
	sides := map[activities.Side]activities.Version{activities.Candidate: f.Sides[activities.Candidate]}
	for _, check := range f.checks() {
		got := f.read(t, &check, sides)
		require.Contains(t, got, activities.Candidate, check.Name)
		require.NotContains(t, got, activities.Baseline, check.Name)
	}
}

func metricsBad(t *testing.T, f MetricsFixture) {
	if f.Bad == nil {
		t.Skip("the system answers every check or none")
	}
	q := f.query(f.Sides)
	q.Checks = append(q.Checks, *f.Bad)
	r, err := f.Driver.Read(t.Context(), q)
	require.NoError(t, err, "one bad check must not hide the others")
	require.NotEmpty(t, r.Checks[f.Bad.Name].Error)
	for _, check := range f.checks() {
		require.Empty(t, r.Checks[check.Name].Error, check.Name)
		require.NotEmpty(t, r.Checks[check.Name].Sides, check.Name)
	}
}
