package rehearsal

import (
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// Facts is what happened in a run, as far as it is judged.
type Facts struct {
	Zero     time.Time // the beginning of the load
	End      time.Time // when everything was over
	Requests []Request // of all loads, in the order of At
	Loads    []evidence.Load
	Faults   []evidence.Fault
	Drills   []evidence.Drill
	Rollout  *rollout.Status // of the rollout itself, where an outcome is asked for
	Scaling  *evidence.Scaling
	Sampled  scaling.Seen // of what Scaling judges
	Ledger   *evidence.Ledger
	Before   State
	After    State
	Aborted  string // why somebody stopped it; "": nobody did
	Broken   string // why it could not go on; "": it could

	Unsent map[string]string // load → why a part of it could not be sent to its end
}

// Request is one request of a load.
type Request struct {
	Load    string
	At      time.Duration // since Facts.Zero: when it should have been sent
	Latency time.Duration // since then until its answer
	Good    bool          // the answer was the one asked for
}

// State is the state of a target, by what a rollout changes.
type State struct {
	Digest  string         `json:"digest"`            // "" where it could not be read
	Text    string         `json:"text"`              // for people: "1.0.0 has all traffic"
	Version string         `json:"version,omitempty"` // that has all traffic
	Flags   map[string]any `json:"flags,omitempty"`   // those that the release sets
	Left    []string       `json:"left,omitempty"`    // of the release that is practised: version, rules of cohorts
	Extra   []string       `json:"extra,omitempty"`   // faults that are still there
	Error   string         `json:"error,omitempty"`   // why it could not be read
}

// span is a time of the run, since Facts.Zero.
type span struct{ from, to time.Duration }

func (s span) holds(at time.Duration) bool { return at >= s.from && at < s.to }

func holds(spans []span, at time.Duration) bool {
	for _, s := range spans {
		if s.holds(at) {
			return true
		}
	}
	return false
}

// since is a moment as time since the zero of the run.
func (f Facts) since(t time.Time) time.Duration { return t.Sub(f.Zero) }

// spans are the times of what has the name: as they really were.
func (f Facts) spans(name string) []span {
	var out []span
	if name == DuringDrills {
		for _, d := range f.Drills {
			for _, r := range d.Repeats {
				out = append(out, span{f.since(r.StartedAt), f.since(r.EndedAt)})
			}
		}
	}
	for _, l := range f.Loads {
		if l.Name == name {
			out = append(out, span{f.since(l.StartedAt), f.since(l.EndedAt)})
		}
	}
	for _, x := range f.Faults {
		if x.Name == name && !x.StartedAt.IsZero() {
			out = append(out, span{f.since(x.StartedAt), f.since(x.EndedAt)})
		}
	}
	return out
}

// counts says which moments an expectation is about.
func (f Facts) counts(e Expect) func(at time.Duration) bool {
	settle := e.Settle.Std()
	switch {
	case e.During != "":
		spans := f.spans(e.During)
		for i := range spans {
			spans[i].from += settle
		}
		return func(at time.Duration) bool { return holds(spans, at) }
	case e.Outside != "":
		spans := f.spans(e.Outside)
		for i := range spans {
			spans[i].to += settle
		}
		return func(at time.Duration) bool { return !holds(spans, at) }
	default:
		return func(at time.Duration) bool { return at >= settle }
	}
}
