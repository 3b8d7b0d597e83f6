package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// Observe watches one window: it polls weights, platform and metrics, folds
// them into evidence, and decides what that leads to. It ends at the window's
// end, or early on a breach, on drift, when the platform acted by itself, when
// trouble outlasts its grace, and when a hold is over.
//
// Its statistics travel in heartbeats, so that a new worker goes on where a
// dead one stopped; time that nobody watched is counted and returned. When it
// is cancelled, what it knows goes into the cancellation's details.
func (a *Activities) Observe(ctx context.Context, in ObserveInput) (ObserveOutput, error) {
	o, err := a.newObserver(in)
	if err != nil {
		return ObserveOutput{}, asTemporal("observe", err)
	}
	o.clock = serverClock(ctx)
	if err := o.resume(ctx); err != nil {
		return ObserveOutput{}, asTemporal("resume the window", err)
	}
	if err := o.keep(); err != nil {
		return ObserveOutput{}, err
	}
	watching, done := untilStop(ctx)
	defer done()
	for {
		at, err := o.await(watching)
		if err != nil {
			return o.interrupted(ctx)
		}
		stop := o.repeat(ctx)
		o.poll(watching, at)
		stop()
		o.note()
		o.seen = o.clock()
		if watching.Err() != nil {
			return o.interrupted(ctx)
		}
		if o.decide(); o.isDone() {
			return o.output(ctx)
		}
		if o.At.Sub(o.beaten) < o.beatEvery() {
			continue
		}
		if err := o.heartbeat(ctx); err != nil {
			return ObserveOutput{}, err
		}
	}
}

// observer is one window being watched.
type observer struct {
	a        *Activities
	in       ObserveInput
	panel    *panel
	platform Deployer
	traffic  Traffic
	metrics  Metrics // nil without checks
	raw      *recording
	clock    func() time.Time // Temporal's

	progress
	seen     time.Time     // by Temporal's clock: end of the last poll
	took     time.Duration // by the last poll
	answered time.Duration // what the last poll without an error took; 0: there was none
	last     heartbeat
	beaten   time.Time // data time of the last heartbeat
	troubles map[string]trouble
	decision rollout.Decision
	checks   []rollout.CheckResult
}

// progress is how far the window has come: what heartbeats carry besides the
// judges' state.
type progress struct {
	At        time.Time     `json:"at"`        // data time of the last poll
	Polls     int           `json:"polls"`     // made
	Unwatched time.Duration `json:"unwatched"` // data time that nobody looked at
	Since     time.Time     `json:"since"`     // beginning of the present trouble; zero: none
	Split     rollout.Split `json:"split"`
	Steady    time.Time     `json:"steady,omitzero"` // data time since which the split has been the one expected
	Drift     rollout.Split `json:"drift,omitempty"`
	Platform  string        `json:"platform,omitempty"`
	Unready   string        `json:"unready,omitempty"`

	Closed *rollout.Closure `json:"closed,omitempty"`

	Noted map[string]noted `json:"noted,omitempty"` // by check; "": of the baseline
}

// noted is trouble with one check: what was said of it last, and in how many
// polls there was any.
type noted struct {
	Reason string `json:"reason"`
	Polls  int    `json:"polls"`
}

func (a *Activities) newObserver(in ObserveInput) (*observer, error) {
	o := &observer{a: a, in: in, raw: newRecording(in)}
	var err error
	if o.platform, err = a.Drivers.deployer(in.Drivers.Deploy); err != nil {
		return nil, err
	}
	if o.traffic, err = a.Drivers.traffic(in.Drivers.Traffic); err != nil {
		return nil, err
	}
	if len(in.Checks) > 0 {
		if o.metrics, err = a.Drivers.metrics(in.Drivers.Metrics); err != nil {
			return nil, err
		}
	}
	if o.panel, err = newPanel(in.Checks, taughtOf(in.Bounds, in.Learned), in.Policy); err != nil {
		return nil, err
	}
	o.Closed = in.Closed
	if in.Trouble > 0 {
		o.Since = in.Start.Add(-in.Trouble.Std())
	}
	return o, nil
}

// resume continues from the heartbeat of a dead worker, else from the state
// that the window before left.
func (o *observer) resume(ctx context.Context) error {
	var beat heartbeat
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &beat) == nil {
		o.progress = beat.Progress
		o.raw.resume(beat.Raw)
		return o.load(beat.State)
	}
	if err := o.load(o.in.State); err != nil {
		return err
	}
	if o.in.NewStep {
		o.panel.beginBake()
	}
	return nil
}

func (o *observer) load(state []byte) error {
	s, err := unpackState(state)
	if err != nil || s.Judges == nil {
		return err
	}
	return o.panel.load(s)
}

func (o *observer) delay() time.Duration {
	if o.metrics == nil {
		return 0
	}
	return o.metrics.Delay()
}

// await waits for the next poll and returns its data time. Polls come every
// Poll, and at the moment when warm-up ends. Where a worker was away for longer
// than a few polls, the time in between counts as unwatched.
func (o *observer) await(ctx context.Context) (time.Time, error) {
	last := o.At
	if last.IsZero() {
		last = o.in.Start.Add(-o.in.Poll.Std())
	}
	next := last.Add(o.in.Poll.Std())
	if from := o.in.CountFrom; last.Before(from) && next.After(from) {
		next = from
	}
	if last.Before(o.in.End) && next.After(o.in.End) {
		next = o.in.End
	}
	readable := o.a.now().Add(-o.delay())
	if late := readable.Sub(next); late > max(3*o.in.Poll.Std(), 5*time.Second) {
		o.Unwatched += readable.Sub(last)
		next = readable.Truncate(time.Millisecond)
	}
	return next, sleep(ctx, next.Sub(readable))
}

// output is the window's result: verdicts with their evidence, and where the
// raw windows are kept.
func (o *observer) output(ctx context.Context) (ObserveOutput, error) {
	saved, err := o.panel.save()
	if err != nil {
		return ObserveOutput{}, asTemporal("observe", err)
	}
	state, err := packState(saved)
	if err != nil {
		return ObserveOutput{}, asTemporal("observe", err)
	}
	place, digest := o.raw.seal(ctx, o.a.Vault)
	var scores analysis.Scores
	if !o.in.Absolute || o.in.Baseline == "" { // else the score of all checks stays
		scores = o.panel.score(o.checks)
	}
	return ObserveOutput{
		Decision: o.decision, Checks: o.checks, End: o.At, Seen: o.seen, Polls: o.Polls,
		Unwatched: rollout.Duration(o.Unwatched), Split: o.Split, Drift: o.Drift, Platform: o.Platform, Unready: o.Unready,
		Trouble: o.trouble(), Noted: o.notes(), Raw: place, Digest: digest, State: state, Next: o.next(),
		Score: scores.Score, Groups: scores.Groups, Uncounted: scores.Uncounted, Closed: o.Closed,
	}, nil
}

// interrupted ends a window before its time. An order to stop takes what is
// known along; a worker that stops leaves its last heartbeat to the next one.
func (o *observer) interrupted(ctx context.Context) (ObserveOutput, error) {
	if isStopping(ctx) {
		if err := o.heartbeat(context.WithoutCancel(ctx)); err != nil {
			return ObserveOutput{}, err
		}
		return ObserveOutput{}, temporal.NewApplicationErrorWithOptions("this worker stops: another one goes on with the window",
			"WorkerStops", temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	if o.Polls == 0 {
		o.At = o.in.Start
	}
	out, err := o.output(context.WithoutCancel(ctx))
	if err != nil {
		return out, err
	}
	return out, temporal.NewCanceledError(out)
}

// beatEvery is how often a window of this length reports: at every poll, but
// each heartbeat is paid for, so that an hour and more gets by with three a
// minute.
func (o *observer) beatEvery() time.Duration {
	if o.in.End.Sub(o.in.Start) >= time.Hour && !o.in.Waiting && !o.in.Held {
		return 20 * time.Second
	}
	return 0
}

// serverClock goes on from the moment at which Temporal started this attempt,
// so that its times can be compared with those of events, whatever this
// machine's clock says.
func serverClock(ctx context.Context) func() time.Time {
	started, begun := activity.GetInfo(ctx).StartedTime, time.Now()
	return func() time.Time { return started.Add(time.Since(begun)) }
}

// untilStop returns a context that also ends when the worker begins to stop,
// so that the window is handed over at once.
func untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := activity.GetWorkerStopChannel(ctx)
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// isStopping reports whether the worker, not the workflow, ended the activity.
func isStopping(ctx context.Context) bool {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return true
	default:
		return false
	}
}
