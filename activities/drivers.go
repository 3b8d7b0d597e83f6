package activities

import (
	"context"
	"time"

	"bakeoff/rollout"
)

// Fence orders the writes to one target. A write with a lower fence than one
// already seen comes from the past and must not win.
type Fence struct {
	Epoch      int64 `json:"epoch"`      // start of the target's rollout, ms since 1970; a break-glass restore takes a higher one
	Generation int   `json:"generation"` // counts the rollout's writes, from 1
}

// Write identifies one intended change. Repeating it must change nothing more.
type Write struct {
	Intent string `json:"intent"` // stable over retries of the same act
	Fence  Fence  `json:"fence"`
}

// Platform runs versions of one service. Every call is bounded by the driver's
// own hard deadline, far below the activity's.
type Platform interface {
	// Deploy asks for a version to be there; it may return before it is ready.
	// Repeating it is success.
	Deploy(ctx context.Context, w Write, r Deployment) error
	// Version returns the state of a version; ErrNotFound if it is not there.
	Version(ctx context.Context, version string) (VersionState, error)
	// Remove asks for a version to be gone; it may return before it is. A
	// version that is not there is success.
	Remove(ctx context.Context, w Write, version string) error
}

// Pointers reads and sets which version a platform takes for the current one.
type Pointers interface {
	// Primary returns the current version, "" when there is none.
	Primary(ctx context.Context) (string, error)
	// SetPrimary makes a version the current one; it may return before that is so.
	// Repeating it is success.
	SetPrimary(ctx context.Context, w Write, version string) error
}

// Deployer is what a deploy driver offers.
type Deployer interface {
	Platform
	Pointers
}

// Deployment is what a platform is asked to run.
type Deployment struct {
	Service  string          `json:"service"`
	Release  rollout.Release `json:"release"`
	Replicas int             `json:"replicas"` // 0: as the platform likes
}

// The states of a version.
const (
	StateReady   = "ready"
	StatePending = "pending"
	StateFailed  = "failed"
)

// VersionState is how a version is on its platform.
type VersionState struct {
	Version   string   `json:"version"`
	State     string   `json:"state"`
	Message   string   `json:"message,omitempty"`
	Ready     int      `json:"ready"`             // replicas; 0 with Desired 0: unknown, unless Counted
	Desired   int      `json:"desired"`           // replicas
	Counted   bool     `json:"counted,omitempty"` // the platform tells its replicas: none is none, and not unknown
	Endpoints []string `json:"endpoints,omitempty"`
	Inflight  *int     `json:"inflight,omitempty"` // requests being answered; nil: unknown
	Artifact  string   `json:"artifact,omitempty"` // that it is of, as its release named it; "": unknown
}

// Traffic divides the users of one service between versions.
type Traffic interface {
	// Approximate returns the split that the router will really make of want, and
	// so the one to expect from Split. It is an error if the router cannot honour want.
	Approximate(want rollout.Split) (rollout.Split, error)
	// Split reads the split in force, never the one asked for.
	Split(ctx context.Context) (Observation, error)
	// Shift writes a split. It returns ErrConflict when the router refused the
	// write because it is newer than the given revision or fence.
	Shift(ctx context.Context, s Shift) error
}

// Observation is a split read from a router.
type Observation struct {
	Split    rollout.Split `json:"split"`
	Revision string        `json:"revision,omitempty"` // for compare-and-set; "" where the router has none
}

// Shift is one write of weights.
type Shift struct {
	Write
	Split     rollout.Split       `json:"split"` // names baseline and candidate
	Endpoints map[string][]string `json:"endpoints,omitempty"`
	Revision  string              `json:"revision,omitempty"` // write only if this is still in force; "": unconditionally
}

// Cohorts is what a traffic driver offers that can send named users to a
// version by a rule, whatever the weights say. Who those users are is the
// driver's configuration, and never part of a rollout.
type Cohorts interface {
	// Knows returns nil for a configured cohort, else an error that says what to
	// do. It asks no outside system.
	Knows(cohort string) error
	// Cohorts returns the rules in force, cohort → version; ErrNotFound where
	// the router does not serve them.
	Cohorts(ctx context.Context) (map[string]string, error)
	// SetCohort makes, changes or removes the rule of one cohort.
	SetCohort(ctx context.Context, r CohortRule) error
}

// CohortRule is one write of a rule.
type CohortRule struct {
	Write
	Cohort    string   `json:"cohort"`
	Version   string   `json:"version,omitempty"`   // "": no rule any more
	Endpoints []string `json:"endpoints,omitempty"` // of the version
}

// Flags reads and writes feature flags.
type Flags interface {
	// Flags returns every flag by name.
	Flags(ctx context.Context) (map[string]any, error)
	// SetFlags changes the named flags; a nil value removes one.
	SetFlags(ctx context.Context, w Write, flags map[string]any) error
}

// Metrics reads what versions did.
type Metrics interface {
	// Delay is how long after a moment its numbers can be read.
	Delay() time.Duration
	// Read returns the raw state of every check at one moment. A check that
	// could not be read carries its error in the reading; an error of the call
	// means that nothing could be read.
	Read(ctx context.Context, q MetricsQuery) (Reading, error)
}

// Side tells the two versions apart.
type Side string

// The sides of a comparison.
const (
	Baseline  Side = "baseline"
	Candidate Side = "candidate"
)

// MetricsQuery asks for the state of checks at one moment.
type MetricsQuery struct {
	Checks []rollout.Check
	Sides  map[Side]Version // a side that does not exist is absent
	At     time.Time
}

// Wants reports whether a side is to be read for a check. An absolute check
// looks at the candidate alone: what is wrong with the baseline's numbers, as
// when nobody is on it any more, must not keep it from deciding. Where only the
// baseline is asked for, its health is at stake.
func (q MetricsQuery) Wants(check rollout.Check, side Side) bool {
	_, asked := q.Sides[side]
	_, both := q.Sides[Candidate]
	return asked && !(side == Baseline && both && check.IsAbsolute())
}

// Version is a version and where it can be reached.
type Version struct {
	Version   string   `json:"version"`
	Endpoints []string `json:"endpoints,omitempty"`
}

// Reading is the raw state of checks at one moment.
type Reading struct {
	At     time.Time               `json:"at"`
	Checks map[string]CheckReading `json:"checks"`
}

// CheckReading is the raw state of one check, by side. A side without any
// series is absent.
type CheckReading struct {
	Sides map[Side]SideReading `json:"sides,omitempty"`
	Error string               `json:"error,omitempty"` // why this check could not be read
}

// SideReading holds raw counters: cumulative values as the system counts them,
// one for each series, so that a reset of one is seen as such.
type SideReading struct {
	Requests map[string]float64            `json:"requests,omitempty"` // series → count
	Failures map[string]float64            `json:"failures,omitempty"` // series → count
	Buckets  map[string]map[string]float64 `json:"buckets,omitempty"`  // series → upper bound ("0.1", "+Inf") → cumulative count
	Value    *float64                      `json:"value,omitempty"`    // of a query; NaN and ±Inf are errors of the check
}

// Notifier is one way to tell people something.
type Notifier interface {
	// Notify sends one message. Sending the same again is no harm: its notice's
	// id tells the receiver. An error is worth trying again for a day, unless it
	// is ErrFinal: the receiver will never take this message.
	Notify(ctx context.Context, m Message) error
}

// Message is a notice on its way to one recipient.
type Message struct {
	rollout.Notice
	Channel string // within the sink: a channel, an address; "": the sink's own
}

// Vault keeps raw material that is too large for history.
type Vault interface {
	// Put stores the body under a name that is used once; repeating it with
	// the same body is success. It returns where it can be found.
	Put(ctx context.Context, name string, body []byte) (string, error)
}
