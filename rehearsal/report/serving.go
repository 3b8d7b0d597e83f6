package report

import (
	"encoding/json"
	"fmt"
	"time"

	"bakeoff/rehearsal/evidence"
)

// Serving is what serves a target now, and whether its way back was practised.
type Serving struct {
	Target    string     `json:"target"`
	Version   string     `json:"version,omitempty"` // "": not known
	Since     *time.Time `json:"since,omitempty"`
	Before    string     `json:"before,omitempty"` // what was good there before: a rollback leads to it
	Practised bool       `json:"practised"`        // the last good drill went back from it, or to it
	Unknown   string     `json:"unknown,omitempty"`
}

// Hold notes what serves now, beside what the last good drill was of.
func (s *Standing) Hold(serves []Serving) {
	for _, x := range serves {
		x.Practised = x.Version != "" && (x.Version == s.Readiness.Candidate || x.Version == s.Readiness.Baseline)
		s.Serves = append(s.Serves, x)
	}
}

// unpractised reports whether something serves of which nobody practised the way
// back.
func (s Standing) unpractised() bool {
	for _, x := range s.Serves {
		if x.Version != "" && !x.Practised {
			return true
		}
	}
	return false
}

// practisedWith says of what the last good drill was.
func (r Readiness) practisedWith() string {
	switch {
	case r.Candidate == "":
		return ""
	case r.Baseline == "":
		return "with " + r.Candidate
	}
	return fmt.Sprintf("with %s → %s", r.Baseline, r.Candidate)
}

// against says what serves one target, against what was practised.
func (x Serving) against(r Readiness) string {
	if x.Version == "" {
		return fmt.Sprintf("What serves %s now is not known: %s.", x.Target, x.Unknown)
	}
	said := fmt.Sprintf("%s serves %s now", x.Version, x.Target)
	if x.Before != "" {
		said += ", and would go back to " + x.Before
	}
	if r.practisedWith() == "" {
		return said + ": with what was practised nobody wrote down."
	}
	said = "Practised " + r.practisedWith() + ", " + said
	switch x.Version {
	case r.Candidate:
		return said + ": it is what the drills went back from."
	case r.Baseline:
		return said + ": it is what the drills went back to."
	}
	return said + ": with that nobody practised."
}

// versionsOf are those between which the drills of a run went. What old evidence
// does not say stands in its manifest, but for the baseline.
func versionsOf(run evidence.Run) (baseline, candidate string) {
	if run.Candidate != "" {
		return run.Baseline, run.Candidate
	}
	var m struct {
		Rollout struct {
			Release struct{ Version string }
		}
	}
	_ = json.Unmarshal([]byte(run.Manifest), &m) // written by hand it is no JSON, and says nothing here
	return run.Baseline, m.Rollout.Release.Version
}
