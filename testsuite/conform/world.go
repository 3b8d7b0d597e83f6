package conform

import (
	"testing"
	"time"

	"bakeoff/activities"
	"bakeoff/testsuite/sim"
)

// World says of a simulated world, or of an httpworld server over it, what
// every fixture has to say: all of its calls can be made to fail. The deadline
// is that of the driver under test; the world is given the same.
func World(w *sim.World, deadline time.Duration) Server {
	w.SetDeadline(deadline)
	all := func(f sim.Fault) {
		for _, op := range sim.Ops {
			w.Fail(op, f)
		}
	}
	return Server{
		Deadline: deadline,
		Effects:  func(*testing.T) []string { return w.Log() },
		Faults: Faults{
			Throttle: func(_ *testing.T, after time.Duration) { all(sim.Fault{Err: sim.Throttled(after)}) },
			Refuse:   func(_ *testing.T, why string) { all(sim.Fault{Err: sim.Refused(why)}) },
			Conflict: func(*testing.T) { all(sim.Fault{Err: activities.ErrConflict}) },
			Break:    func(*testing.T) { all(sim.Fault{}) },
			LoseAnswer: func(*testing.T) {
				for _, op := range []sim.Op{sim.OpDeploy, sim.OpRemove, sim.OpSetPrimary, sim.OpShift, sim.OpSetCohort, sim.OpSetFlags} {
					w.Heal(op)
					w.Fail(op, sim.Fault{Lost: true, Times: 1})
				}
			},
			Hang: func(*testing.T) { all(sim.Fault{Hang: true}) },
			Heal: func(*testing.T) { w.Heal() },
		},
	}
}
