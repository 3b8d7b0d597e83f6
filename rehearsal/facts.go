package rehearsal

import (
	"slices"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
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
	Probes   []evidence.Probe
	Halted   *evidence.Halt // by a probe
	Drills   []evidence.Drill
	Rollout  *rollout.Status // of the rollout itself, where an outcome is asked for
	Back     *rollout.Status // of the rollout of what was there before it, where it was promoted
	Scaling  *evidence.Scaling
	Sampled  scaling.Seen // of what Scaling judges
	Signals  []SeenSignal // those of the manifest, each of them
	Ledger   *evidence.Ledger
	Bad      []load.Bad // transactions of all loads that are not whole; since Zero
	Before   State
	After    State
	Aborted  string // why somebody stopped it; "": nobody did
	Broken   string // why it could not go on; "": it could

	Gone   map[string][]string // load → files of its requests that should be there, and are not
	Unsent map[string]string   // load → why a part of it could not be sent to its end

	// Away are the seconds since Zero, of a load, in which its generator did not send
	// all that was due: how many answers there were then is not the service's doing.
	Away map[string]map[int]bool
}

// Request is one request of a load.
type Request struct {
	Load    string
	At      time.Duration // since Facts.Zero: when it should have been sent
	Latency time.Duration // since then until its answer
	Good    bool          // the answer was the one asked for
	Waited  bool          // there was an answer, or none in time: else Latency is that of a failure
	Version string        // that answered; "": it was not said
}

// State is the state of a target, by what a rollout changes.
type State struct {
	Digest  string         `json:"digest"`            // "" where it could not be read
	Text    string         `json:"text"`              // for people: "1.0.0 has all traffic"
	Version string         `json:"version,omitempty"` // that has all traffic
	Flags   map[string]any `json:"flags,omitempty"`   // those that the release sets

	// Artifact is that of Version, as the platform tells it; Release is all of it, as
	// its Target knows it, where that was asked for.
	Artifact string           `json:"artifact,omitempty"`
	Release  *rollout.Release `json:"release,omitempty"`

	Left  []string `json:"left,omitempty"`  // of the release that is practised: version, rules of cohorts
	Extra []string `json:"extra,omitempty"` // faults that are still there
	Error string   `json:"error,omitempty"` // why it could not be read
}

// LeftSince is what is there of the release that was not there before.
func (s State) LeftSince(before State) []string {
	var left []string
	for _, what := range s.Left {
		if !slices.Contains(before.Left, what) {
			left = append(left, what)
		}
	}
	return left
}
