package rollout

// Spec is what a person writes: one release for one target, in which steps,
// judged by which checks. Zero values mean the defaults that WithDefaults
// fills in; Validate says what is wrong with it.
type Spec struct {
	Kind        string `json:"kind"`              // "Rollout"
	Service     string `json:"service"`           // letters, digits, '.', '_', '-'
	Environment string `json:"environment"`       // as service
	Unit        string `json:"unit,omitempty"`    // one region or cell of a fleet
	Owner       string `json:"owner,omitempty"`   // who answers for it
	Purpose     string `json:"purpose,omitempty"` // the hypothesis; recorded in history

	Release  Release   `json:"release"`
	Baseline *Baseline `json:"baseline,omitempty"` // default: what Snapshot finds serving
	Target   Drivers   `json:"target"`
	Strategy Strategy  `json:"strategy"`
	Checks   []Check   `json:"checks,omitempty"`
	Policy   Policy    `json:"policy,omitzero"`

	ReadyWithin     Duration `json:"readyWithin,omitempty"`     // deploy → ready, promote → ready; default 10m
	NeedsHumanAfter Duration `json:"needsHumanAfter,omitempty"` // a restoring act failing this long; default 5m
	SettleWithin    Duration `json:"settleWithin,omitempty"`    // weight written → observed; default 5m
	Drain           Duration `json:"drain,omitempty"`           // observed zero → removal; default 30s
	Deadline        Duration `json:"deadline,omitempty"`        // the whole rollout; default 2 × bakes + approvals + 1h

	Notify []Notification `json:"notify,omitempty"`
	Hooks  []Hook         `json:"hooks,omitempty"`
	Needs  []Need         `json:"needs,omitempty"` // what other targets must serve before the start

	Schedule *Schedule `json:"schedule,omitempty"` // when users may get the release; default: from the start, for good
}

// Release is the immutable thing rolled out. What is absent does not change.
type Release struct {
	Version  string            `json:"version"`
	Artifact string            `json:"artifact,omitempty"` // pinned by digest: name@sha256:…
	Config   map[string]string `json:"config,omitempty"`   // replaces the whole set
	Model    *Model            `json:"model,omitempty"`
	Flags    map[string]any    `json:"flags,omitempty"` // set before the first raise, restored by the rollback
}

// Model is a machine-learned model by place and digest.
type Model struct {
	URI    string `json:"uri"`
	Digest string `json:"digest"`
}

// Baseline names the version that must be serving when the rollout starts, and
// what it is, for a strategy that deploys it once more.
type Baseline struct {
	Version  string            `json:"version"`
	Artifact string            `json:"artifact,omitempty"` // pinned by digest, as the release's
	Config   map[string]string `json:"config,omitempty"`
	Model    *Model            `json:"model,omitempty"`
}

// Drivers says how the target is reached: one driver for each kind of act.
type Drivers struct {
	Replicas string  `json:"replicas,omitempty"` // "match" (the baseline's ready count; default) or a number
	Deploy   Driver  `json:"deploy"`
	Traffic  Driver  `json:"traffic"`
	Flags    *Driver `json:"flags,omitempty"`
	Metrics  *Driver `json:"metrics,omitempty"` // required with checks
}

// Driver names one way to reach one outside system, and its parameters. It
// never holds a credential: those are the worker's configuration.
type Driver struct {
	Driver string         `json:"driver"`
	With   map[string]any `json:"with,omitempty"`
}

// Strategy says in which steps the candidate gets its traffic: exactly one of
// Canary, Linear, Adaptive, BlueGreen, Rings and AllAtOnce.
type Strategy struct {
	Window       WindowSpec `json:"window,omitzero"`
	WarmUp       *Duration  `json:"warmUp,omitempty"`   // relative checks not counted; default a tenth of the bake, at most 1m
	Baseline     string     `json:"baseline,omitempty"` // serving (default) | sameAge: compare with a copy deployed next to the candidate, with as much traffic
	Canary       []Step     `json:"canary,omitempty"`
	Linear       *Linear    `json:"linear,omitempty"`
	Adaptive     *Adaptive  `json:"adaptive,omitempty"`
	BlueGreen    *BlueGreen `json:"blueGreen,omitempty"`
	Rings        []Step     `json:"rings,omitempty"` // cohorts first, then weights
	AllAtOnce    *AllAtOnce `json:"allAtOnce,omitempty"`
	Promote      *Promote   `json:"promote,omitempty"`
	KeepBaseline *Duration  `json:"keepBaseline,omitempty"` // after promotion; default the last bake, at most 10m
}

// WindowSpec says how a bake is cut into windows and how often each is polled.
type WindowSpec struct {
	First Duration `json:"first,omitempty"` // default 1m; a quarter of a bake shorter than 4m, at least 5s
	Cap   Duration `json:"cap,omitempty"`   // default 12h
	Poll  Duration `json:"poll,omitempty"`  // default 5s; at most a fifth of first
}

// Promote says who must agree before the candidate gets all of the traffic, and
// who answers for it.
type Promote struct {
	Owner   string    `json:"owner,omitempty"` // who answers for the promotion; default the rollout's owner
	Approve *Approval `json:"approve,omitempty"`
}

// Approval asks people before an act: a quorum of the roles in From, or a
// number of votes from each role. If neither is given, anyone may answer.
type Approval struct {
	From      []string       `json:"from,omitempty"`      // default, with each: its roles, in order
	Quorum    int            `json:"quorum,omitempty"`    // votes needed; default 1, with each their sum
	Each      map[string]int `json:"each,omitempty"`      // role → votes needed of it; one vote counts for one role
	Within    Duration       `json:"within,omitempty"`    // default 24h
	Otherwise string         `json:"otherwise,omitempty"` // rollback (default) | promote: what happens when nobody answers
}

// Check is one measured property with the judge that decides on it. Exactly
// one of Failures+Requests, Histogram and Query says what is measured.
type Check struct {
	Name        string   `json:"name"`
	Failures    string   `json:"failures,omitempty"`    // selector of a counter
	Requests    string   `json:"requests,omitempty"`    // selector of a counter
	Histogram   string   `json:"histogram,omitempty"`   // name or selector of a histogram of seconds
	Query       string   `json:"query,omitempty"`       // one value per version; {{.Version}} is replaced
	By          *By      `json:"by,omitempty"`          // what tells versions apart
	SLO         Duration `json:"slo,omitempty"`         // latency bound that is judged with double weight
	MinRequests int      `json:"minRequests,omitempty"` // minimum evidence in a step, on each side; default 20
	Weight      float64  `json:"weight,omitempty"`      // its share of alpha; default 1
	Judge       *Judge   `json:"judge,omitempty"`       // default rateRatio for failures+requests, tailLadder for histogram, points for query
	Gates       *bool    `json:"gates,omitempty"`       // default true; false: measured, reported, never decides
	Group       string   `json:"group,omitempty"`       // of the reported score; never decides
}

// By tells versions apart in metrics: either the name of a label whose value
// is the version, or one matcher for each side, such as track="canary".
type By struct {
	Label     string `json:"-"`
	Baseline  string `json:"baseline,omitempty"`
	Candidate string `json:"candidate,omitempty"`
}

// Judge names the judge and its parameters: exactly one is set.
type Judge struct {
	RateRatio  *RateRatio  `json:"rateRatio,omitempty"`
	TailLadder *TailLadder `json:"tailLadder,omitempty"`
	SLORate    *SLORate    `json:"sloRate,omitempty"`
	Threshold  *Threshold  `json:"threshold,omitempty"`
	Points     *Points     `json:"points,omitempty"`
	BurnRate   *BurnRate   `json:"burnRate,omitempty"`
	MeanCS     *MeanCS     `json:"meanCs,omitempty"`
}

// RateRatio compares two rates of events: see analysis.
type RateRatio struct {
	SafeMargin      float64  `json:"safeMargin,omitempty"`      // ratio that a proof of safety excludes; default 1.5
	HarmMargin      float64  `json:"harmMargin,omitempty"`      // a ratio up to this is harmless; default 1.1
	MinAbsDelta     *float64 `json:"minAbsDelta,omitempty"`     // minimum difference between the rates for Fail; default 0.0005
	MinCanaryEvents float64  `json:"minCanaryEvents,omitempty"` // minimum failures of the candidate for Fail; default 3
	Beta            float64  `json:"beta,omitempty"`            // chance that harm is proved safe; default 0.05
	Direction       string   `json:"direction,omitempty"`       // increase (default) | decrease
}

// TailLadder compares latency at the baseline's quantiles: see analysis.
type TailLadder struct {
	Quantiles   []float64 `json:"quantiles,omitempty"`   // default .5 .75 .9 .95 .99 .999; at most 10
	SafeMargin  float64   `json:"safeMargin,omitempty"`  // as in rateRatio
	HarmMargin  float64   `json:"harmMargin,omitempty"`  // as in rateRatio
	MinAbsDelta *float64  `json:"minAbsDelta,omitempty"` // as in rateRatio
	Beta        float64   `json:"beta,omitempty"`        // as in rateRatio
}

// SLORate judges the candidate alone, by an objective: see analysis.
type SLORate struct {
	Objective string  `json:"objective"` // share of requests that must succeed, such as 99.9%
	Beta      float64 `json:"beta,omitempty"`
}

// Threshold evaluates conditions on each measurement, with Argo's semantics.
type Threshold struct {
	Success                 string `json:"success,omitempty"`                 // condition of a good measurement: an expression over `result`
	Failure                 string `json:"failure,omitempty"`                 // condition of a bad measurement
	FailureLimit            int    `json:"failureLimit,omitempty"`            // bad measurements tolerated; default 0, -1: any number
	InconclusiveLimit       int    `json:"inconclusiveLimit,omitempty"`       // unclear measurements tolerated; default 0, -1: any number
	ConsecutiveErrorLimit   *int   `json:"consecutiveErrorLimit,omitempty"`   // errors in a row tolerated; default 4
	ConsecutiveSuccessLimit int    `json:"consecutiveSuccessLimit,omitempty"` // successes in a row that Pass requires; default 0: off
	MinSamples              int    `json:"minSamples,omitempty"`              // requests that one measurement requires; default 20
}

// Points compares two series of values point by point: see analysis.
type Points struct {
	Direction  string   `json:"direction,omitempty"`  // increase (default) | decrease: which direction is harmful
	Transform  string   `json:"transform,omitempty"`  // log: ratio | diff: difference; default log while all values are above 0
	MinPoints  int      `json:"minPoints,omitempty"`  // values that a step needs on each side; default 8
	HarmMargin float64  `json:"harmMargin,omitempty"` // a ratio up to this is harmless; with transform log; default 1
	SafeMargin float64  `json:"safeMargin,omitempty"` // ratio that a proof of safety excludes; default 1.5
	Beta       float64  `json:"beta,omitempty"`       // chance that harm is proved safe; default 0.05
	Step       Duration `json:"step,omitempty"`       // what is read within it is one value, its mean; default 15s, at most a twentieth of the shortest bake
}

// BurnRate judges the candidate alone, by its error budget, with the multi-window
// rule of the SRE Workbook: see analysis.
type BurnRate struct {
	Objective string        `json:"objective"`           // share of requests that must succeed, such as 99.9%
	Windows   []BurnWindows `json:"windows,omitempty"`   // at most 4; default 1h/5m 14.4 and 6h/30m 6; if no bake reaches 1h, 10m/1m 14.4 and 30m/3m 6
	MinEvents float64       `json:"minEvents,omitempty"` // minimum failures within long for Fail; default 10
}

// BurnWindows fails a candidate that burns its budget at factor over both.
type BurnWindows struct {
	Long   Duration `json:"long"`
	Short  Duration `json:"short"`  // usually a twelfth of long; from a 24th to half of it
	Factor float64  `json:"factor"` // times what the objective allows; 14.4 over 1h is 2% of a month's budget
}

// MeanCS reports an interval for the mean difference of values. It never
// decides; a check that it judges is advisory: see analysis.
type MeanCS struct {
	Transform string   `json:"transform,omitempty"` // as in points
	TOpt      float64  `json:"tOpt,omitempty"`      // points at which the interval is narrowest; default half of what all bakes give
	BurnIn    int      `json:"burnIn,omitempty"`    // points before there is an interval; default 15
	Level     float64  `json:"level,omitempty"`     // of the interval; default 0.95
	MinPoints int      `json:"minPoints,omitempty"` // as in points
	Step      Duration `json:"step,omitempty"`      // as in points
}

// Policy says what follows from each verdict, and from the lack of one. See Decide.
type Policy struct {
	Alpha        float64  `json:"alpha,omitempty"`        // chance that a harmless release is rolled back; default 0.01
	Require      string   `json:"require,omitempty"`      // noHarm (default) | nonInferior
	EndEarly     bool     `json:"endEarly,omitempty"`     // nonInferior only
	Inconclusive string   `json:"inconclusive,omitempty"` // hold (default) | rollback | promote
	NoData       string   `json:"noData,omitempty"`       // hold (default) | rollback
	Error        string   `json:"error,omitempty"`        // hold (default) | rollback
	Drift        string   `json:"drift,omitempty"`        // hold (default) | putBack | rollback
	Grace        Duration `json:"grace,omitempty"`        // default 3m, at most half of a bake
	HoldFor      Duration `json:"holdFor,omitempty"`      // from the step's first hold; default 2h
	Otherwise    string   `json:"otherwise,omitempty"`    // rollback (default) | promote
	Concerns     Concerns `json:"concerns,omitzero"`      // what people's concerns lead to; default: they are only recorded and reported
	OnNewRelease string   `json:"onNewRelease,omitempty"` // reject (default) | queue | keepNewest | supersede
	WatchIdle    Duration `json:"watchIdle,omitempty"`    // how often the weights are checked after promotion while nothing runs; default 0: never
	Absolute     string   `json:"absolute,omitempty"`     // warn (default) | required
	Foresight    string   `json:"foresight,omitempty"`    // warn (default) | required: a plan whose checks cannot reach a verdict at the traffic observed is refused
	Share        string   `json:"share,omitempty"`        // warn (default) | required: a candidate whose share of the requests is not its weight is Inconclusive
}

// Notification tells one sink of the worker's configuration of what happens.
type Notification struct {
	To      string     `json:"to"`                // name of the sink
	Channel string     `json:"channel,omitempty"` // within the sink: a channel, an address
	Events  []Occasion `json:"events,omitempty"`  // default all; rolledBack stands for every end with the baseline back
}

// Hook asks an outside system at one point of the rollout: an HTTP server, or
// somebody's own activity. Exactly one of HTTP and Task is set.
type Hook struct {
	At        string    `json:"at"`                  // beforeStart | beforeStep | afterStep | beforePromote | onRollback | after; the last two are only notified
	HTTP      string    `json:"http,omitempty"`      // URL that a HookCall is posted to: 2xx passes, 4xx refuses
	Task      *HookTask `json:"task,omitempty"`      // activity that takes a HookCall: a non-retryable error refuses
	Timeout   Duration  `json:"timeout,omitempty"`   // for one attempt, of which there are several; default 30s, at most 10m
	Otherwise string    `json:"otherwise,omitempty"` // rollback (default) | goOn: what happens when nothing answers
}

// HookTask names an activity on a task queue of one's own.
type HookTask struct {
	TaskQueue string `json:"taskQueue"`
	Activity  string `json:"activity"`
}

// Key returns what the spec is for.
func (s Spec) Key() Target {
	return Target{Environment: s.Environment, Service: s.Service, Unit: s.Unit}
}

// IsGating reports whether the check may decide. Advisory checks never do, and
// what meanCs judges is always advisory.
func (c Check) IsGating() bool {
	return (c.Judge == nil || c.Judge.MeanCS == nil) && (c.Gates == nil || *c.Gates)
}

// CountsExcess reports whether the check says how many failures the candidate
// has beyond the baseline's.
func (c Check) CountsExcess() bool {
	j := c.withDefaults().Judge
	return c.IsGating() && c.Failures != "" && j != nil && j.RateRatio != nil && j.RateRatio.Direction != "decrease"
}

// Step is how long the check gathers values into one; 0: each reading is one.
func (c Check) Step() Duration {
	switch {
	case c.Judge == nil:
		return 0
	case c.Judge.Points != nil:
		return c.Judge.Points.Step
	case c.Judge.MeanCS != nil:
		return c.Judge.MeanCS.Step
	default:
		return 0
	}
}

// IsAbsolute reports whether the check looks at the candidate alone, so that
// it can decide when too little traffic is left on the baseline.
func (c Check) IsAbsolute() bool {
	return c.Judge != nil && (c.Judge.SLORate != nil || c.Judge.Threshold != nil || c.Judge.BurnRate != nil)
}
