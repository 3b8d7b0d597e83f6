package conform

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// TrafficFixture is a traffic driver and the router behind it.
type TrafficFixture struct {
	Server
	Driver              activities.Traffic
	Baseline, Candidate string              // the baseline has all of the traffic, unless nothing serves; the candidate is ready
	Endpoints           map[string][]string // of both, where the driver needs them
	NothingServes       bool                // the router has no split yet: for a first release

	// Foreign writes a split as an outsider does, past the driver. Required.
	Foreign func(t *testing.T, split rollout.Split)
	// Revisions says that the router can compare and set: Split gives a
	// revision, and Shift with one that is not in force any more is a conflict.
	Revisions bool
	// Fences says that the router refuses a write with a lower fence than one
	// that it has seen.
	Fences bool
}

// steps are the candidate's weights on the way up.
var steps = []rollout.Weight{100, 500, 2500, 5000, rollout.All}

// Traffic holds a traffic driver to its contract. make returns a fresh router
// on which the baseline has all of the traffic; each test has its own.
func Traffic(t *testing.T, make func(t *testing.T) TrafficFixture) {
	tests := map[string]func(*testing.T, TrafficFixture){
		"reads what is in force":    func(t *testing.T, f TrafficFixture) { f.holds(t, 0) },
		"approximates":              trafficApproximates,
		"impossible splits":         trafficImpossible,
		"every step up":             trafficSteps,
		"repeated write":            trafficReplay,
		"lost answer":               trafficLostAnswer,
		"foreign change is seen":    trafficForeignRead,
		"foreign change in between": trafficForeignWrite,
		"stale fence":               trafficFence,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
	for _, step := range steps {
		t.Run("rollback from "+step.String(), func(t *testing.T) {
			f := make(t)
			f.shift(t, step, 1)
			f.shift(t, 0, 2)
		})
	}
	failures(t, func(t *testing.T) (Server, []call) {
		f := make(t)
		return f.Server, f.calls()
	})
}

// FirstTraffic holds a traffic driver to its contract on a router on which
// nothing serves yet. make sets NothingServes.
func FirstTraffic(t *testing.T, make func(t *testing.T) TrafficFixture) {
	t.Run("first release", func(t *testing.T) {
		f := make(t)
		o, err := f.Driver.Split(t.Context())
		require.NoError(t, err)
		require.True(t, o.Split.Equal(nil), "got %s", o.Split)
		all := rollout.Split{f.Candidate: rollout.All}
		require.NoError(t, f.Driver.Shift(t.Context(), f.write(all, 1)))
		f.awaitSplit(t, all)
		nothing := rollout.Split{f.Candidate: 0}
		if _, err := f.Driver.Approximate(nothing); err != nil {
			require.ErrorIs(t, err, activities.ErrFinal)
			return
		}
		require.NoError(t, f.Driver.Shift(t.Context(), f.write(nothing, 2)))
		f.awaitSplit(t, nothing)
	})
}

func (f TrafficFixture) calls() []call {
	d := f.Driver
	return []call{
		{"Split", false, func(ctx context.Context) error { _, err := d.Split(ctx); return err }},
		{"Shift", true, func(ctx context.Context) error { return d.Shift(ctx, f.write(f.split(500), 1)) }},
	}
}

// split gives the candidate a weight and the baseline the rest, naming both.
func (f TrafficFixture) split(candidate rollout.Weight) rollout.Split {
	return rollout.Split{f.Baseline: rollout.All - candidate, f.Candidate: candidate}
}

func (f TrafficFixture) write(s rollout.Split, generation int) activities.Shift {
	return activities.Shift{Write: write("weights "+s.String(), generation), Split: s, Endpoints: f.Endpoints}
}

// shift writes a step, waits until it is in force and returns what that is.
func (f TrafficFixture) shift(t *testing.T, candidate rollout.Weight, generation int) {
	t.Helper()
	require.NoError(t, f.Driver.Shift(t.Context(), f.write(f.split(candidate), generation)))
	f.holds(t, candidate)
}

// holds waits until what the driver makes of a step is in force.
func (f TrafficFixture) holds(t *testing.T, candidate rollout.Weight) {
	t.Helper()
	want, err := f.Driver.Approximate(f.split(candidate))
	require.NoError(t, err)
	f.awaitSplit(t, want)
}

func (f TrafficFixture) awaitSplit(t *testing.T, want rollout.Split) {
	t.Helper()
	f.await(t, "never in force: "+want.String(), func() bool {
		o, err := f.Driver.Split(t.Context())
		return err == nil && o.Split.Equal(want) && (o.Revision != "") == f.Revisions
	})
}

func trafficApproximates(t *testing.T, f TrafficFixture) {
	for _, step := range append(steps, 0, 1, 333, 9999) {
		want := f.split(step)
		near, err := f.Driver.Approximate(want)
		if err != nil {
			require.NotContains(t, append(steps, 0), step, "a usual step must be possible: %v", err)
			require.ErrorIs(t, err, activities.ErrFinal)
			continue
		}
		require.Equal(t, rollout.All, near[f.Baseline]+near[f.Candidate])
		require.Equal(t, step == 0, near[f.Candidate] == 0, "%s must not become %s", want, near)
		require.Equal(t, step == rollout.All, near[f.Baseline] == 0, "%s must not become %s", want, near)
		again, err := f.Driver.Approximate(near)
		require.NoError(t, err)
		require.True(t, again.Equal(near), "%s becomes %s and then %s", want, near, again)
	}
}

func trafficImpossible(t *testing.T, f TrafficFixture) {
	impossible := []rollout.Split{
		{f.Baseline: 9000, f.Candidate: 500},
		{f.Baseline: 10500, f.Candidate: -500},
		{f.Baseline: rollout.All, f.Candidate: rollout.All},
	}
	for _, split := range impossible {
		_, err := f.Driver.Approximate(split)
		require.ErrorIs(t, err, activities.ErrFinal, "%s", split)
		f.unchanged(t, func() {
			require.ErrorIs(t, f.Driver.Shift(t.Context(), f.write(split, 1)), activities.ErrFinal, "%s", split)
		})
	}
	f.holds(t, 0)
}

func trafficSteps(t *testing.T, f TrafficFixture) {
	for i, step := range steps {
		f.shift(t, step, i+1)
	}
	for i, step := range []rollout.Weight{5000, 0} {
		f.shift(t, step, len(steps)+i+1)
	}
}

func trafficReplay(t *testing.T, f TrafficFixture) {
	f.shift(t, 500, 1)
	before, err := f.Driver.Split(t.Context())
	require.NoError(t, err)
	f.unchanged(t, func() { f.shift(t, 500, 1) })
	f.unchanged(t, func() { f.shift(t, 500, 2) })
	after, err := f.Driver.Split(t.Context())
	require.NoError(t, err)
	require.True(t, before.Split.Equal(after.Split))
}

func trafficLostAnswer(t *testing.T, f TrafficFixture) {
	f.need(t, f.Faults.LoseAnswer != nil, "LoseAnswer")
	before, err := f.Driver.Split(t.Context())
	require.NoError(t, err)
	s := f.write(f.split(500), 1)
	s.Revision = before.Revision
	f.Faults.LoseAnswer(t)
	isPassing(t, f.Driver.Shift(t.Context(), s))
	f.holds(t, 500)
	f.unchanged(t, func() {
		// With its old revision the repeated write may be a conflict, which is
		// answered by reading; it must not undo or double anything.
		if err := f.Driver.Shift(t.Context(), s); err != nil {
			require.ErrorIs(t, err, activities.ErrConflict)
			require.True(t, f.Revisions)
		}
	})
	f.holds(t, 500)
}

func trafficForeignRead(t *testing.T, f TrafficFixture) {
	f.shift(t, 500, 1)
	before, err := f.Driver.Split(t.Context())
	require.NoError(t, err)
	f.Foreign(t, f.split(5000))
	f.holds(t, 5000)
	after, err := f.Driver.Split(t.Context())
	require.NoError(t, err)
	require.Equal(t, f.Revisions, before.Revision != after.Revision)
	f.shift(t, 500, 2)
}

func trafficForeignWrite(t *testing.T, f TrafficFixture) {
	f.shift(t, 500, 1)
	read, err := f.Driver.Split(t.Context())
	require.NoError(t, err)
	f.Foreign(t, f.split(5000))
	f.holds(t, 5000)
	raise := f.write(f.split(2500), 2)
	raise.Revision = read.Revision
	if !f.Revisions {
		require.Empty(t, read.Revision)
		require.NoError(t, f.Driver.Shift(t.Context(), raise), "last writer wins where there is no compare-and-set")
		f.holds(t, 2500)
		return
	}
	f.unchanged(t, func() {
		require.ErrorIs(t, f.Driver.Shift(t.Context(), raise), activities.ErrConflict)
	})
	f.holds(t, 5000)
	read, err = f.Driver.Split(t.Context())
	require.NoError(t, err)
	raise.Revision = read.Revision
	require.NoError(t, f.Driver.Shift(t.Context(), raise))
	f.holds(t, 2500)
}

// trafficFence is an old raise that arrives after the abort: where the router
// knows fences, the abort stands.
func trafficFence(t *testing.T, f TrafficFixture) {
	f.shift(t, 500, 1)
	f.shift(t, 0, 3)
	err := f.Driver.Shift(t.Context(), f.write(f.split(2500), 2))
	if !f.Fences {
		require.NoError(t, err, "a router without fences lets the last writer win")
		f.holds(t, 2500)
		f.shift(t, 0, 4)
		return
	}
	require.ErrorIs(t, err, activities.ErrConflict)
	f.holds(t, 0)
	restore := f.write(f.split(0), 1)
	restore.Fence.Epoch++
	require.NoError(t, f.Driver.Shift(t.Context(), restore), "a higher epoch wins whatever its generation")
}
