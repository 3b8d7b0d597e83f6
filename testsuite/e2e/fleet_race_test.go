package e2e_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// seed draws the moments of the race. What a failed test prints repeats them.
var seed = flag.Uint64("seed", 0, "draw the moments of the race of aborts from this; 0: from the clock")

// A race: 200 units, of fleets whose steps end every second or so, are aborted
// about when a step ends.
const (
	racingFleets = 25
	racingUnits  = 8
	racingAtOnce = 5
)

// manySteps are steps that end while the abort is on its way.
const manySteps = "waves: [[u0, u1, u2, u3], [u4, u5, u6, u7]]"

const racing = "  strategy: {window: {first: 1s, poll: 200ms}, warmUp: 0s, keepBaseline: 0s, canary: [{weight: 10%, bake: 1s}, {weight: 20%, bake: 1s}, {weight: 30%, bake: 1s}, {weight: 40%, bake: 1s}]}"

// No unit raises its candidate once the fleet has the abort, and none of them once
// the abort is answered: then every baseline is back. Some aborts must have met the end
// of a step, or there was no race.
func TestFleetAbortsRaceStepEnds(t *testing.T) {
	c := open(t)
	drawn := *seed
	if drawn == 0 {
		drawn = uint64(time.Now().UnixNano())
	}
	t.Logf("the same moments again: -seed %d", drawn)
	var met atomic.Int64 // raises that were begun, and barred
	t.Cleanup(func() {
		if !t.Failed() {
			require.Positive(t, met.Load(), "no abort met the end of a step: nothing was tried")
		}
		t.Logf("%d raises were barred between a fleet's abort and its arrival at a unit", met.Load())
	})
	turn := make(chan struct{}, racingAtOnce)
	for i := range racingFleets {
		t.Run(fmt.Sprintf("race%02d", i), func(t *testing.T) {
			t.Parallel()
			turn <- struct{}{}
			defer func() { <-turn }()
			var units []string
			for u := range racingUnits {
				units = append(units, fmt.Sprintf("u%d", u))
			}
			f := c.convoy(t, units...)
			f.strategy = racing
			f.begins(manySteps)
			moments := rand.New(rand.NewPCG(drawn, uint64(i)))
			unit, step := f.units[units[moments.IntN(racingUnits)]], rollout.Weight(1+moments.IntN(3))*1000
			until(t, "under way", func() bool { return unit.weight() >= step })
			time.Sleep(time.Duration(600+moments.IntN(700)) * time.Millisecond) // its step of a second ends about then
			f.order(0, "abort")
			answered := time.Now()
			for _, u := range f.units {
				require.Zero(t, u.weight())
			}
			f.forbids("the answer to the abort")
			f.ends(11, rollout.Aborted, "")
			f.allAsBefore()
			barred := 0
			for _, u := range f.units {
				for _, stay := range u.stays() {
					require.False(t, stay.weight > 0 && stay.from.After(answered), u.name)
				}
				barred += u.barredAfter(f.acceptedAt())
			}
			met.Add(int64(barred))
		})
	}
}

// acceptedAt is when the server had the abort of the fleet.
func (f *convoy) acceptedAt() (at time.Time) {
	f.t.Helper()
	events := f.town.client(f.t).GetWorkflowHistory(f.t.Context(), "fleet/"+f.target(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(f.t, err)
		if a := e.GetWorkflowExecutionSignaledEventAttributes(); a.GetSignalName() == rollout.CommandAbort {
			at = e.GetEventTime().AsTime()
		}
	}
	return at
}

// barredAfter requires that no raise was begun after the fleet's word had reached
// the unit, and that none was written that was begun after the fleet had the
// abort. It counts those of them that were begun.
func (s *scene) barredAfter(accepted time.Time) int {
	s.t.Helper()
	events := s.town.client(s.t).GetWorkflowHistory(s.t.Context(), "rollout/"+s.target(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	dc := converter.GetDefaultDataConverter()
	reached, late := false, map[int64]bool{}
	for events.HasNext() {
		e, err := events.Next()
		if err != nil { // it had not begun
			break
		}
		if a := e.GetWorkflowExecutionSignaledEventAttributes(); a.GetSignalName() == rollout.SignalFleet {
			var w rollout.Word
			require.NoError(s.t, dc.FromPayloads(a.GetInput(), &w))
			reached = reached || w.Say == rollout.SayAbort
		}
		if e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == "SetTraffic" {
			require.False(s.t, reached, "%s: event %d raises after the abort", s.name, e.GetEventId())
			if e.GetEventTime().AsTime().After(accepted) {
				late[e.GetEventId()] = true
			}
		}
		if a := e.GetActivityTaskCompletedEventAttributes(); late[a.GetScheduledEventId()] {
			var out activities.SetTrafficOutput
			require.NoError(s.t, dc.FromPayloads(a.GetResult(), &out))
			require.NotNil(s.t, out.Closed, "%s: event %d raised after the fleet had the abort", s.name, a.GetScheduledEventId())
		}
	}
	return len(late)
}
