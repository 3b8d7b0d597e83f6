package sim

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// IgnoreWeights makes the router accept writes of weights and do nothing.
func (w *World) IgnoreWeights(ignore bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.ignores = ignore
}

// LagWeights makes the router put each split into force that long after it was
// written; until then Split shows the one before. The same split written again
// keeps its moment, another one replaces it.
func (w *World) LagWeights(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.lag, w.inOrder, w.restarts = d, false, false
}

// RestartLag is LagWeights of a router that begins anew with every write, also of the
// same split.
func (w *World) RestartLag(d time.Duration) {
	w.LagWeights(d)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.restarts = true
}

// QueueWeights is LagWeights of a router that does in order whatever it was told:
// every split comes into force, that long after it was written.
func (w *World) QueueWeights(d time.Duration) {
	w.LagWeights(d)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inOrder = true
}

// Settle ends the lag of a split that was accepted: it comes into force now.
// Later ones lag as before.
func (w *World) Settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	for i := range w.coming {
		w.coming[i].due = w.passed
	}
	w.catchUp()
}

// RefuseStale makes every write with a lower fence than one seen before a
// conflict. Without it such a write wins, as on most routers, and is listed as
// a violation.
func (w *World) RefuseStale(refuse bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fencing = refuse
}

// ShareFence has one fence for everything that is written, as a server that is
// made simply has; else weights, flags, each version and each cohort have their
// own.
func (w *World) ShareFence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.oneFence = true
}

// SetWeights changes the split in force at once, as an outsider does. A split
// that was still on its way is lost.
func (w *World) SetWeights(split rollout.Split) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.lose(split)
}

// FallBack has the router put another split into force, once, as the next version of
// that name is removed: one that starts anew from its old file then.
func (w *World) FallBack(removed string, split rollout.Split) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.falls[removed] = maps.Clone(split)
}

// lose changes the split in force at once, whoever wrote the one before.
func (w *World) lose(split rollout.Split) {
	w.coming = nil
	if !w.weights.Equal(split) {
		w.weights = maps.Clone(split)
		w.revision++
		w.mark(w.passed)
		w.log = append(w.log, "outsider: weights "+split.String())
	}
}

// Approximate implements [activities.Traffic]: basis points are exact. It
// refuses what is no split: see Shift.
func (w *World) Approximate(want rollout.Split) (rollout.Split, error) {
	if err := checkSplit(want); err != nil {
		return nil, err
	}
	return maps.Clone(want), nil
}

// Split implements [activities.Traffic].
func (w *World) Split(ctx context.Context) (activities.Observation, error) {
	var o activities.Observation
	err := w.call(ctx, OpSplit, func() error {
		o = activities.Observation{Split: maps.Clone(w.weights), Revision: strconv.Itoa(w.revision)}
		return nil
	})
	return o, err
}

// Shift implements [activities.Traffic]. The weights must add up to 100 %, or
// to nothing, which lets nothing serve; anything else is refused for good. A
// revision that is not the one in force is a conflict.
func (w *World) Shift(ctx context.Context, s activities.Shift) error {
	return w.call(ctx, OpShift, func() error {
		return w.perform(act{op: OpShift, on: "weights", write: s.Write, text: "weights " + s.Split.String(), do: func(index int) (bool, error) {
			if err := checkSplit(s.Split); err != nil {
				return false, err
			}
			if s.Revision != "" && s.Revision != strconv.Itoa(w.revision) {
				return false, fmt.Errorf("revision %s is not in force any more: %w", s.Revision, activities.ErrConflict)
			}
			return w.accept(s.Split, index), nil
		}})
	})
}

// accept takes a split over and reports whether it is in force and changed
// something; a lagging one is not yet.
func (w *World) accept(split rollout.Split, index int) bool {
	switch {
	case w.ignores:
		return false
	case w.lag == 0:
		w.coming = nil
		return w.enforce(split, w.passed)
	case !w.restarts && len(w.coming) > 0 && w.coming[len(w.coming)-1].split.Equal(split):
		return false
	case !w.inOrder:
		w.coming = nil
	}
	w.coming = append(w.coming, change{split: maps.Clone(split), due: w.passed + w.lag, write: index})
	return false
}

// enforce puts a split into force and reports whether it changed anything.
func (w *World) enforce(split rollout.Split, at time.Duration) bool {
	if w.weights.Equal(split) {
		return false
	}
	for name, weight := range split {
		if weight > w.weights[name] {
			w.checkRaise(name, weight, at)
		}
	}
	w.weights = maps.Clone(split)
	w.revision++
	w.mark(at)
	return true
}

func (w *World) checkRaise(name string, weight rollout.Weight, at time.Duration) {
	if since, isForbidden := w.forbidden[name]; isForbidden {
		w.violate("%s raised to %s after %s", name, weight, since)
	}
	v := w.versions[name]
	switch {
	case v == nil || v.isGone():
		w.violate("%s raised to %s while it was not there", name, weight)
	case v.stateAt(at) != activities.StateReady:
		w.violate("%s raised to %s while it was %s", name, weight, v.stateAt(at))
	}
}

func checkSplit(s rollout.Split) error {
	var sum rollout.Weight
	for name, weight := range s {
		if name == "" || weight < 0 || weight > rollout.All {
			return fmt.Errorf("weights %s: %q cannot have %s: %w", s, name, weight, activities.ErrFinal)
		}
		sum += weight
	}
	if sum != 0 && sum != rollout.All {
		return fmt.Errorf("weights %s: they add up to %s: %w", s, sum, activities.ErrFinal)
	}
	return nil
}
