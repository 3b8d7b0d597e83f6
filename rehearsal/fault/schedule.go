package fault

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
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

// Digest is "sha256:…" over the schedule: equal for runs whose faults were the
// same at the same times. An empty schedule has one, too.
func Digest(schedule []Planned) (string, error) {
	h := sha256.New()
	for _, p := range schedule {
		body, err := json.Marshal(p)
		if err != nil {
			return "", fmt.Errorf("write fault %s as JSON: %w", p.Fault.Name, err)
		}
		h.Write(append(body, '\n'))
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil)), nil
}

// End is when the last fault has expired, 0 without faults.
func End(schedule []Planned) rollout.Duration {
	var end rollout.Duration
	for _, p := range schedule {
		end = max(end, p.Until)
	}
	return end
}
