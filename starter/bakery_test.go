package main

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/analysis"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// bakery is the watching of a rollout by the real activities, over a simulated
// world whose clock moves from poll to poll.
type bakery struct {
	t     *testing.T
	world *sim.World
	clock *sim.Clock
	acts  *activities.Activities
	job   activities.Job
	spec  rollout.Spec

	bounds  map[string][]float64
	learned map[string]*analysis.Learned
	state   []byte
	windows int
	past    []watched
}

// watched is one window as history has it.
type watched struct {
	in  activities.ObserveInput
	out activities.ObserveOutput
}

// isFinal reports whether its verdicts are those of the end of a bake.
func (w watched) isFinal() bool { return w.in.AtEnd || w.in.Final && !w.out.End.Before(w.in.End) }

const poll = 5 * time.Second

func newBakery(t *testing.T, spec rollout.Spec, baseline, candidate sim.Behaviour) *bakery {
	b := &bakery{t: t, world: sim.New("2.4.1"), clock: sim.NewClock(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)), spec: spec.WithDefaults()}
	b.world.SetNow(b.clock.Now)
	b.world.Behave("2.4.1", baseline)
	b.world.Behave("2.5.0", candidate)
	b.acts = &activities.Activities{Drivers: b.world.Registry(), Vault: b.world, Look: time.Millisecond, Now: func() time.Time {
		b.clock.Advance(poll)
		return b.clock.Now()
	}}
	b.job = activities.Job{Target: "staging/checkout", Drivers: b.spec.Target, Baseline: "2.4.1", Candidate: "2.5.0",
		Fence: activities.Fence{Epoch: b.clock.Now().UnixMilli(), Generation: 1}}
	require.NoError(t, b.world.Deploy(t.Context(), activities.Write{Intent: "deploy", Fence: b.job.Fence},
		activities.Deployment{Service: "checkout", Release: spec.Release}))
	b.clock.Advance(time.Minute)
	var out activities.PreflightOutput
	b.run(b.acts.Preflight, activities.PreflightInput{Job: b.job, Checks: b.spec.Checks}, &out)
	b.bounds = out.Bounds
	return b
}

func (b *bakery) run(act, in, out any) {
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(b.acts)
	value, err := env.ExecuteActivity(act, in)
	require.NoError(b.t, err)
	require.NoError(b.t, value.Get(out))
}

// stretch is one bake, or the wait for something else.
type stretch struct {
	step      int
	weight    rollout.Weight
	bake      time.Duration
	warm      time.Duration
	waiting   bool // no bake: nothing begins and nothing ends
	absolute  bool
	unhealthy *sim.Behaviour // of the candidate from now on
}

// watch runs the windows of a stretch until one of them leads back.
func (b *bakery) watch(s stretch) rollout.Action {
	if s.unhealthy != nil {
		b.world.Behave("2.5.0", *s.unhealthy)
	}
	b.world.SetWeights(rollout.Split{"2.4.1": rollout.All - s.weight, "2.5.0": s.weight})
	start := b.clock.Now()
	warm := start.Add(s.warm)
	lengths := b.spec.Strategy.Window.Windows(rollout.Duration(s.bake))
	var last activities.ObserveOutput
	for i, length := range lengths {
		b.windows++
		in := activities.ObserveInput{Job: b.job, Step: s.step, Window: b.windows, Start: start, CountFrom: warm, Poll: rollout.Duration(poll),
			Weight: s.weight, Checks: b.spec.Checks, Bounds: b.bounds, Learned: b.learned, Policy: b.spec.Policy, Grace: rollout.Duration(time.Hour),
			Absolute: s.absolute, NewStep: i == 0 && !s.waiting, Final: i == len(lengths)-1 && !s.waiting, Waiting: s.waiting, State: b.state}
		if warm.After(start) {
			start = warm
		}
		in.End = start.Add(length.Std())
		last = activities.ObserveOutput{}
		b.run(b.acts.Observe, in, &last)
		b.past, b.state, start = append(b.past, watched{in, last}), last.State, last.End
		if last.Decision.Action == rollout.RollBack {
			break
		}
	}
	return last.Decision.Action
}

// recorded is what `cat` makes of the recordings up to one of them; "": of all.
func (b *bakery) recorded(upTo string) []string {
	vault := b.world.Vault()
	var all []string
	for _, name := range slices.Sorted(maps.Keys(vault)) {
		all = append(all, strings.Split(strings.TrimSpace(string(vault[name])), "\n")...)
		if "sim:"+name == upTo {
			break
		}
	}
	return all
}

// derive judges the recordings up to each window with the spec, and holds what
// comes out against what the window came to.
func (b *bakery) derive(spec string) {
	compared := 0
	for _, w := range b.past {
		if w.out.Raw == "" {
			continue
		}
		lines, got := judged(b.t, spec, b.recorded(w.out.Raw), "--all")
		require.Equal(b.t, 0, got.code, got.err)
		for _, want := range w.out.Checks {
			if unread(want.Name, w.out) {
				continue
			}
			line := cameTo(lines, want.Name, w.isFinal())
			about := fmt.Sprintf("%s, step %d, window %d", want.Name, w.in.Step, w.in.Window)
			require.Equal(b.t, string(want.Verdict), string(line.Verdict), "%s: %s", about, want.Reason)
			require.Equal(b.t, want.Reason, line.Reason, about)
			require.Equal(b.t, []float64{want.E, want.P, want.Ratio, want.Alpha, want.Margin}, []float64{line.E, line.P, line.Ratio, line.Alpha, line.Margin}, about)
			require.Equal(b.t, want.Windows, line.Windows, about)
			if want.Interval != nil {
				require.Equal(b.t, want.Interval, line.Interval[:], about)
			}
			compared++
		}
	}
	require.GreaterOrEqual(b.t, compared, len(b.spec.Checks))
}

// unread reports whether a check could not be read in some poll of a window:
// such a poll leaves no line.
func unread(check string, out activities.ObserveOutput) bool {
	return slices.ContainsFunc(out.Noted, func(s string) bool { return strings.Contains(s, check) })
}

// cameTo is what a check came to: at the end of a bake, or at its last window.
func cameTo(lines []verdictLine, check string, final bool) verdictLine {
	var now, last verdictLine
	for _, l := range lines {
		if l.Check != check {
			continue
		}
		now, last = last, l
		if l.Verdict == analysis.Fail {
			now = l
		}
	}
	if final {
		return last
	}
	return now
}
