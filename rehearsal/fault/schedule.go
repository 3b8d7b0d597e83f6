package fault

import (
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal/seed"
	"bakeoff/rollout"
)

// Planned is a fault with the times at which it is in force, since the load
// began.
type Planned struct {
	Fault Fault            `json:"fault"`
	From  rollout.Duration `json:"from"`
	Until rollout.Duration `json:"until"`
}

// Schedule says when each fault is in force, in the order of their beginnings.
// A drawn beginning is a whole number of milliseconds after At.
// The same seed and faults give the same schedule; another fault in the list
// does not move the others.
func Schedule(s int64, faults []Fault) []Planned {
	var out []Planned
	for _, f := range faults {
		from := f.At
		if f.Within > 0 {
			milliseconds := seed.For(s, "faults", f.Name, "at").Int64N(f.Within.Std().Milliseconds() + 1)
			from += rollout.Duration(time.Duration(milliseconds) * time.Millisecond)
		}
		out = append(out, Planned{Fault: f, From: from, Until: from + f.For})
	}
	slices.SortStableFunc(out, func(a, b Planned) int {
		if a.From != b.From {
			return int(min(max(int64(a.From-b.From), -1), 1))
		}
		return strings.Compare(a.Fault.Name, b.Fault.Name)
	})
	return out
}
