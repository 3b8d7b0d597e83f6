package sim

import (
	"fmt"
	"slices"
	"time"

	"bakeoff/activities"
)

// Write is one write that reached the world, whatever came of it.
type Write struct {
	activities.Write
	Op        Op
	Text      string // as in Log
	At        time.Time
	Effective bool  // it changed the world; for a router that lags, once it has
	Err       error // as answered
}

// Log returns the writes that changed the world, oldest first: "deploy 2.5.0",
// "scale 2.5.0 to 5", "weights 2.4.1 95%, 2.5.0 5%", "primary 2.5.0",
// "remove 2.4.1", `flags new-cart={"enabled":true}`. A repeated write is there
// once, a lagging split stands where it came into force, and what an outsider
// did begins with "outsider: ".
func (w *World) Log() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	return slices.Clone(w.log)
}

// Writes returns every write that reached the world, refused and repeated ones
// included, oldest first.
func (w *World) Writes() []Write {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	return slices.Clone(w.writes)
}

// Violations returns what must never happen and did, oldest first:
//
//   - a version removed while it had traffic: "2.4.1 removed while it had 5%"
//   - a version removed while it was the primary one
//   - traffic raised to a version that was not ready or not there
//   - a version raised after Forbid
//   - a write that took effect although its fence is lower than one seen before
//   - metrics read before their Delay was over
//
// What outsiders and faults do is no violation.
func (w *World) Violations() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	return slices.Clone(w.violations)
}

// Forbid makes every later raise of the version's weight a violation; since
// says after what, such as "the abort". It refuses nothing.
func (w *World) Forbid(version, since string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forbidden[version] = since
}

func (w *World) violate(format string, args ...any) {
	w.violations = append(w.violations, fmt.Sprintf(format, args...))
}

// act is a write on its way: to what, by whom, and what it would change.
type act struct {
	op    Op
	on    string // what the fence protects
	write activities.Write
	text  string
	do    func(index int) (changed bool, err error)
}

// perform does one write under the world's rules: faults first, then fences,
// then the change itself; all of it is recorded.
func (w *World) perform(a act) error {
	index := len(w.writes)
	w.writes = append(w.writes, Write{Write: a.write, Op: a.op, Text: a.text, At: w.origin.Add(w.passed)})
	if w.oneFence {
		a.on = ""
	}
	stale := isLower(a.write.Fence, w.fences[a.on])
	if stale && w.fencing {
		err := fmt.Errorf("%s: a write with fence %s was seen before: %w", a.text, show(w.fences[a.on]), activities.ErrConflict)
		w.writes[index].Err = err
		return err
	}
	changed, err := a.do(index)
	w.writes[index].Err = err
	if err != nil {
		return err
	}
	isComing := slices.ContainsFunc(w.coming, func(c change) bool { return c.write == index })
	if stale && (changed || isComing) {
		w.violate("%s took effect with fence %s after %s", a.text, show(a.write.Fence), show(w.fences[a.on]))
	}
	if !stale {
		w.fences[a.on] = a.write.Fence
	}
	if changed {
		w.writes[index].Effective = true
		w.log = append(w.log, a.text)
	}
	return nil
}

func show(f activities.Fence) string { return fmt.Sprintf("%d.%d", f.Epoch, f.Generation) }

func isLower(a, b activities.Fence) bool {
	if a.Epoch != b.Epoch {
		return a.Epoch < b.Epoch
	}
	return a.Generation < b.Generation
}
