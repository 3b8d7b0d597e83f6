package sim

import (
	"maps"
	"slices"
	"sync"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// DefaultReplicas is how many replicas a version gets that asks for none.
const DefaultReplicas = 3

// World is one service's world. All of its methods may be used from several
// goroutines at once; scripts and faults may change at any time.
type World struct {
	mu     sync.Mutex
	now    func() time.Time // nil until the world is started
	origin time.Time        // the present is origin + elapsed
	passed time.Duration

	versions map[string]*version
	scripts  map[string]Script
	behave   map[string]Behaviour
	past     map[string]map[string][]stretch // version → instance
	increase map[string]float64              // by selector
	reverts  map[string]string               // asked for → running in its place
	stalled  map[string]bool                 // removals that are accepted and never happen
	primary  string

	weights  rollout.Split // in force
	coming   []change      // accepted, in force later, in order
	inOrder  bool          // a later write does not take the place of one that is coming
	revision int
	lag      time.Duration
	ignores  bool
	restarts bool                     // the same split written again begins its lag anew
	falls    map[string]rollout.Split // version → what the router falls back to as it is removed
	goesBack map[string]string        // version → what the platform makes primary as it is removed

	ignoresCohorts bool

	fencing  bool
	oneFence bool // for everything that is written

	rules  map[string]string         // cohort → version
	shares map[string]rollout.Weight // of all requests, by cohort
	byFlag map[string]flagCohort     // cohorts that a flag makes
	tests  map[string]float64        // requests a second past the router, by version

	flags map[string]any

	delay    time.Duration
	silent   map[string]bool
	broken   map[string]string // check → why it cannot be read
	vault    map[string][]byte
	heard    []activities.Message
	deadline time.Duration

	faults     map[Op][]*fault
	writes     []Write
	log        []string
	violations []string
	fences     map[string]activities.Fence // the highest seen, by what was written to
	forbidden  map[string]string           // version → since when it must not be raised
}

// change is a split on its way into force.
type change struct {
	split rollout.Split
	due   time.Duration
	write int // its index in writes
}

var (
	_ activities.Deployer = (*World)(nil)
	_ activities.Traffic  = (*World)(nil)
	_ activities.Cohorts  = (*World)(nil)
	_ activities.Flags    = (*World)(nil)
	_ activities.Metrics  = (*World)(nil)
	_ activities.Vault    = (*World)(nil)
	_ activities.Notifier = (*World)(nil)
)

// New returns a world in which the given version is ready, is the primary one
// and has all of the traffic. With "" nothing serves yet: a first release. Its
// time begins with SetNow, or else with the first call of a driver's method and
// time.Now: what is scripted before is so from the beginning.
func New(baseline string) *World {
	w := &World{
		deadline: 5 * time.Second,
		versions: map[string]*version{}, scripts: map[string]Script{}, behave: map[string]Behaviour{}, past: map[string]map[string][]stretch{}, increase: map[string]float64{},
		reverts: map[string]string{}, stalled: map[string]bool{}, falls: map[string]rollout.Split{}, goesBack: map[string]string{},
		weights: rollout.Split{}, revision: 1, flags: map[string]any{},
		rules: map[string]string{}, byFlag: map[string]flagCohort{}, shares: map[string]rollout.Weight{}, tests: map[string]float64{},
		silent: map[string]bool{}, broken: map[string]string{}, vault: map[string][]byte{},
		faults: map[Op][]*fault{}, fences: map[string]activities.Fence{}, forbidden: map[string]string{},
	}
	if baseline != "" {
		w.versions[baseline] = &version{replicas: DefaultReplicas, state: activities.StateReady}
		w.primary = baseline
		w.weights[baseline] = rollout.All
		w.mark(0)
	}
	return w
}

// SetNow gives the world another clock, such as a test environment's. What has
// happened so far keeps its distance from the present, so that the moment of
// the call does not matter. A clock that goes back stands still instead.
func (w *World) SetNow(now func() time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.start(now)
}

func (w *World) start(now func() time.Time) {
	w.now = now
	w.origin = now().Add(-w.passed)
}

// SetDeadline sets how long a call that hangs may take, as a driver's own hard
// deadline would; it is real time. The default is 5 s.
func (w *World) SetDeadline(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = d
}

// Registry returns drivers that all are this world, by the name "sim" in every
// role. They take no parameters and ignore those given.
func (w *World) Registry() activities.Registry {
	return activities.Registry{
		Deploy:  map[string]func(activities.With) (activities.Deployer, error){"sim": func(activities.With) (activities.Deployer, error) { return w, nil }},
		Traffic: map[string]func(activities.With) (activities.Traffic, error){"sim": func(activities.With) (activities.Traffic, error) { return w, nil }},
		Flags:   map[string]func(activities.With) (activities.Flags, error){"sim": func(activities.With) (activities.Flags, error) { return w, nil }},
		Metrics: map[string]func(activities.With) (activities.Metrics, error){"sim": func(activities.With) (activities.Metrics, error) { return w, nil }},
	}
}

// State is the world as it truly is, whatever its faults make callers see.
type State struct {
	Weights  rollout.Split // in force
	Primary  string
	Versions []string // those that are there, in order
	Cohorts  map[string]string
	Flags    map[string]any
}

// State returns what is true now. No fault stands in its way.
func (w *World) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	s := State{Weights: maps.Clone(w.weights), Primary: w.primary, Flags: maps.Clone(w.flags), Cohorts: maps.Clone(w.rules)}
	for name, v := range w.versions {
		if !v.isGone() {
			s.Versions = append(s.Versions, name)
		}
	}
	slices.Sort(s.Versions)
	return s
}

// catchUp brings the world to the present: a split that has become due is in
// force from the moment it was due.
func (w *World) catchUp() {
	if w.now == nil {
		return
	}
	w.passed = max(w.passed, w.now().Sub(w.origin))
	for len(w.coming) > 0 && w.coming[0].due <= w.passed {
		c := w.coming[0]
		w.coming = w.coming[1:]
		if w.enforce(c.split, c.due) {
			w.writes[c.write].Effective = true
			w.log = append(w.log, w.writes[c.write].Text)
		}
	}
}

// at turns a moment into the world's own time.
func (w *World) at(t time.Time) time.Duration { return t.Sub(w.origin) }
