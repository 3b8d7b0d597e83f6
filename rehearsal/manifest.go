// Package rehearsal is practice: what a rehearsal is made of, what must hold in
// it, and what became of that. It is pure: what happened comes in as data.
//
// [Manifest] is the one to read first. Below it, load makes arrivals, fault says
// what is broken and when, data makes and masks what is put in, scaling judges an
// autoscaler, evidence is what a run leaves, and report shows it.
package rehearsal

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// Kind is what a manifest says that it is.
const Kind = "Rehearsal"

// Manifest is everything that one rehearsal is made of. Two runs of one manifest
// get the same load, the same faults, the same data, and the same drills.
//
// A run goes like this: the baseline is verified, probes check whether the service
// is well, the load begins, faults begin and end by the load's clock, then come the
// drills one after another and, if an outcome is given, the rollout itself. When all
// of that is over, changes are reverted, measurements are judged, and the evidence
// is written.
type Manifest struct {
	Kind        string `json:"kind"`
	Name        string `json:"name"` // unique in its environment; part of ids and paths
	Environment string `json:"environment"`
	Owner       string `json:"owner,omitempty"`   // gets the actions that follow from failed criteria
	Purpose     string `json:"purpose,omitempty"` // what is to be learned

	// Isolation is how far the environment is from users: own (default; nobody
	// else uses it), shared (others test there), production. The last is refused
	// unless ProductionDrill says why.
	Isolation       string `json:"isolation,omitempty"`
	ProductionDrill string `json:"productionDrill,omitempty"` // the reason for a drill in production, from its first step, without load and faults

	Seed    int64     `json:"seed,omitempty"` // of everything random; default 0
	Rollout Practised `json:"rollout"`        // what is practised: a file next to this one, or the spec itself

	Baseline data.Baseline `json:"baseline,omitzero"`
	Data     []data.Set    `json:"data,omitempty"`

	Load    []load.Load     `json:"load,omitempty"`
	Faults  []fault.Fault   `json:"faults,omitempty"`
	Signals []Signal        `json:"signals,omitempty"` // of the service itself; expectations may use them
	Probes  []Probe         `json:"probes,omitempty"`
	Expect  []Expect        `json:"expect,omitempty"`
	Drills  []Drill         `json:"drills,omitempty"`
	Scaling *scaling.Expect `json:"scaling,omitempty"`

	// Hooks are the points, such as afterStep, at which hooks of the spec are called.
	// Default: none is called, as if each had said yes, so external systems hear of no
	// practice unless asked to.
	Hooks []string `json:"hooks,omitempty"`

	// Outcome is how the rollout itself has to end when it is left to its checks:
	// Promoted or RolledBack. Default: there are only drills.
	Outcome rollout.Outcome `json:"outcome,omitempty"`

	Quotas    Quotas            `json:"quotas,omitzero"`
	Variables map[string]string `json:"variables,omitempty"` // inserted for {{var.NAME}} in the texts of loads and the inputs of tasks; part of the fingerprint

	// Negative makes this a negative control: it passes only if it fails.
	Negative bool `json:"negative,omitempty"`

	Actions []evidence.Action `json:"actions,omitempty"` // from retrospectives: overdue ones are a finding
}

// The classes of isolation.
const (
	IsolationOwn        = "own"
	IsolationShared     = "shared"
	IsolationProduction = "production"
)

// Practised is the rollout that is practised. In a file it may be the name of a
// spec's file, which is read where the rehearsal is started.
type Practised struct {
	File string `json:"-"`
	rollout.Spec
}

// UnmarshalJSON reads the spec, or the name of its file.
func (p *Practised) UnmarshalJSON(body []byte) error { return fileOr(body, &p.File, &p.Spec) }

// fileOr reads JSON that is the name of a file, or what stands in it.
func fileOr(body []byte, file *string, whole any) error {
	if json.Unmarshal(body, file) == nil {
		return nil
	}
	return json.Unmarshal(body, whole)
}

// Quotas limit what a run may use. The worker has limits of its own; the lower
// ones apply.
type Quotas struct {
	Rate     *load.Rate       `json:"rate,omitempty"`     // of all loads together, at any moment
	Requests int              `json:"requests,omitempty"` // in all
	For      rollout.Duration `json:"for,omitempty"`      // the whole run; default 2h, or what the worker allows where that is less
}

// longestRun is how long a run may take where its quotas do not say.
const longestRun = 2 * 60 * 60 * rollout.Duration(1e9)

// Longest is how long a run may take before it is stopped.
func (m Manifest) Longest() rollout.Duration { return cmp.Or(m.Quotas.For, longestRun) }

// Target is what is practised on.
func (m Manifest) Target() rollout.Target {
	return rollout.Target{Environment: m.Environment, Service: m.Rollout.Service, Unit: m.Rollout.Unit}
}

// Repeats is how many drills there are.
func (m Manifest) Repeats() int {
	n := 0
	for _, d := range m.Drills {
		n += int(max(d.Repeat, 1))
	}
	return n
}

// slack is what the acts of a rollout may take besides its bakes.
const slack = rollout.Duration(2 * time.Minute)

// drillTakes is how long one drill may take before it is not waited for any more:
// its bakes and warm-ups up to the injection, and three times as long as its way back should
// take.
func (m Manifest) drillTakes(d Drill) rollout.Duration {
	d = d.withDefaults(m.Rollout.Spec)
	plan := rollout.NewPlan(m.Rollout.Spec)
	takes := slack + plan.Spec.ReadyWithin + 3*d.RestoreWithin
	for i := range plan.Steps {
		if i < int(d.From) {
			takes += plan.Steps[i].WarmUp + plan.Steps[i].Bake
		}
	}
	return takes
}

// BackTo is the rollout that puts back what was there before, after another
// version was promoted: all at once, because users had it already.
func (m Manifest) BackTo(before State) rollout.Spec {
	s := m.Rollout.Spec
	s.Environment = m.Environment
	s.Release, _ = m.servedBefore(before)
	s.Baseline, s.Hooks, s.Needs, s.Schedule = nil, nil, nil, nil
	s.Checks = slices.DeleteFunc(slices.Clone(s.Checks), func(c rollout.Check) bool { return !c.IsAbsolute() })
	none := rollout.Duration(0)
	s.Strategy = rollout.Strategy{Window: s.Strategy.Window, AllAtOnce: &rollout.AllAtOnce{Bake: backBake}, KeepBaseline: &none}
	return s
}

// servedBefore is the release that served, as the spec's baseline, the Target and
// the platform say it; whole reports whether config and model are known, too.
func (m Manifest) servedBefore(before State) (r rollout.Release, whole bool) {
	r.Version = before.Version
	if known := before.Release; known != nil && known.Version == before.Version {
		r, whole = *known, true
	}
	if b := m.Rollout.Baseline; b != nil && b.Version == before.Version {
		whole = whole || b.Artifact != "" || len(b.Config) > 0 || b.Model != nil
		r.Artifact = cmp.Or(b.Artifact, r.Artifact)
		r.Model = cmp.Or(b.Model, r.Model)
		if len(b.Config) > 0 {
			r.Config = b.Config
		}
	}
	r.Artifact = cmp.Or(before.Artifact, r.Artifact, m.Baseline.Artifact)
	r.Flags = before.Flags
	return r, whole
}

// Unknown says what of the release that serves nobody knows, and is needed to
// deploy it anew, as the candidate has the same; "" where nothing is missing.
func (m Manifest) Unknown(before State) string {
	candidate := m.Rollout.Release
	served, whole := m.servedBefore(before)
	switch {
	case before.Version == "": // it is a first release
		return ""
	case candidate.Artifact != "" && served.Artifact == "":
		return "the artifact"
	case len(candidate.Config) > 0 && !whole:
		return "the config"
	case candidate.Model != nil && !whole:
		return "the model"
	}
	return ""
}

// backBake is how long what was there before is watched when it comes back.
const backBake = rollout.Duration(5 * time.Second)

// Sets is every file of data, those of the baseline first.
func (m Manifest) Sets() []data.Set {
	var sets []data.Set
	for _, s := range m.Baseline.Data {
		sets = append(sets, data.Set{Snapshot: s})
	}
	return append(sets, m.Data...)
}

// PutBack is the sets whose tables have to be as they were before, the last first.
func (m Manifest) PutBack() []data.Set {
	out := slices.DeleteFunc(m.Sets(), func(s data.Set) bool { return s.Into == nil || s.Into.After != data.Restored })
	slices.Reverse(out)
	return out
}

// Table is one of a database that the worker's configuration knows.
type Table struct {
	Database string `json:"database"`
	Table    string `json:"table"`
}

// Unchanged is the tables that must be the same after as before, each once.
func (m Manifest) Unchanged() []Table {
	var out []Table
	for _, s := range m.Sets() {
		if s.Into == nil {
			continue
		}
		for _, table := range s.Into.Unchanged {
			if t := (Table{s.Into.Database, table}); !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}
