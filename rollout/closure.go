package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The gates that can close a target for a while: what Status.WaitingFor says
// meanwhile, and the cause where one refuses a start or turns a rollout back.
const (
	GateStop         = "stop"         // somebody stopped the line
	GateFreeze       = "freeze"       // a freeze window
	GateErrorBudget  = "errorBudget"  // too little of it is left, or it burns
	GatePrerequisite = "prerequisite" // another target is not there yet
	GateFleet        = "fleet"        // the fleet goes back: its word to this unit is on its way
	GateRehearsal    = "rehearsal"    // the way back was not practised lately
	GateSchedule     = "schedule"     // users are not to meet the release yet
)

// The actions that a gate can close.
const (
	ActionStart   = "start"
	ActionStep    = "step"    // a raise of the weight
	ActionPromote = "promote" // the raise to 100%
	ActionBake    = "bake"    // going on at a weight: asked while watching
)

// What a closure does to users who have met the candidate.
const (
	ExposureFinishStep = "finishStep" // the bake goes on to its end, the next raise waits
	ExposureHold       = "hold"       // the weight stays, the bake clock stands still
	ExposureRollback   = "rollback"   // the baseline gets its users back
)

// exposures orders them from the mildest to the strictest.
var exposures = []string{ExposureFinishStep, ExposureHold, ExposureRollback}

// Closure is what keeps a target where it is for a while. Going back is never
// closed.
type Closure struct {
	Gate     string     `json:"gate"`            // stop | freeze | errorBudget | prerequisite | rehearsal | schedule | fleet
	Name     string     `json:"name"`            // of the window, target…; several are joined
	Kind     string     `json:"kind,omitempty"`  // of the reason, where one gate has several: see Budget…
	Reason   string     `json:"reason"`          // one sentence for people, with the end where it is known
	Until    *time.Time `json:"until,omitempty"` // nil: not known
	Exposure string     `json:"exposure"`        // finishStep | hold | rollback
	Keys     []string   `json:"keys"`            // each occurrence by a name that does not come again: what an override passes; none: nothing passes it
}

// Clock writes a moment in its own zone: 2026-01-05 16:00 CET. Seconds are there
// where they are not zero, so that nobody comes too early.
func Clock(t time.Time) string {
	if t.Second() != 0 {
		return t.Format("2006-01-02 15:04:05 MST")
	}
	return t.Format("2006-01-02 15:04 MST")
}

// Question asks whether anything closes a target.
type Question struct {
	Target Target
	Action string // start | step | promote | bake
	Actor  string // who started the rollout
}

// Merge makes one closure of all that hold at a moment; nil where there is none.
// It ends with the last of them and is as strict as the strictest. Those whose
// keys have been passed do not count.
func Merge(closures []Closure, passed []string) *Closure {
	closures = slices.DeleteFunc(slices.Clone(closures), func(c Closure) bool {
		return len(c.Keys) > 0 && !slices.ContainsFunc(c.Keys, func(k string) bool { return !slices.Contains(passed, k) })
	})
	if len(closures) == 0 {
		return nil
	}
	slices.SortStableFunc(closures, func(a, b Closure) int {
		return cmp.Compare(slices.Index(exposures, b.Exposure), slices.Index(exposures, a.Exposure))
	})
	all := closures[0]
	var names, kinds, reasons []string
	all.Keys = nil
	for _, c := range closures {
		names, reasons, all.Keys = append(names, c.Name), append(reasons, c.Reason), append(all.Keys, c.Keys...)
		if c.Kind != "" {
			kinds = append(kinds, c.Kind)
		}
		if all.Until != nil && (c.Until == nil || c.Until.After(*all.Until)) {
			all.Until = c.Until
		}
	}
	slices.Sort(all.Keys)
	all.Name, all.Kind, all.Reason = strings.Join(names, ", "), strings.Join(kinds, ", "), strings.Join(reasons, "; ")
	return &all
}

// Over says that nothing of it closes the target any more.
func (c *Closure) Over() string {
	if c.Gate == GateSchedule {
		return "its schedule has begun: " + c.Name
	}
	return fmt.Sprintf("%s is over: %s", c.Gate, c.Name)
}

// Same reports whether two closures are the same to a rollout that waits for
// them: the figures in their reasons may differ.
func (c *Closure) Same(d *Closure) bool {
	if c == nil || d == nil {
		return c == d
	}
	sameEnd := c.Until == nil && d.Until == nil || c.Until != nil && d.Until != nil && c.Until.Equal(*d.Until)
	return sameEnd && c.Gate == d.Gate && c.Kind == d.Kind && c.Exposure == d.Exposure && slices.Equal(c.Keys, d.Keys)
}
