package workflows

import (
	"cmp"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// Rehearsal practises a rollout in isolation: under load, with faults, with
// drills of the way back, which are rollouts like any other. Whatever it did is
// taken back, whether it passes, fails or is stopped, and what was measured
// becomes evidence.
//
// It completes with its outcome: a rehearsal that is red did its job. A cancel is
// obeyed as a stop is.
func Rehearsal(ctx workflow.Context, order rehearsal.Order) (rehearsal.Status, error) {
	r := newRehearsing(ctx, order)
	if err := r.listen(); err != nil {
		return r.status, err
	}
	if err := r.index(); err != nil {
		return r.status, err
	}
	atOnce := workflow.GetVersion(ctx, "watch-while-preparing", workflow.DefaultVersion, 1) == 1
	if atOnce {
		r.beWatched()
	}
	if !r.admit() {
		return r.end(), nil
	}
	if !atOnce && r.plan.Watched {
		r.beWatched()
	}
	if r.stopped == "" {
		r.practise()
		r.tearDown()
	}
	err := r.conclude()
	return r.end(), err
}

// rehearsing is one rehearsal in progress.
type rehearsing struct {
	root  workflow.Context // a cancel ends it
	ctx   workflow.Context // disconnected: a cancel is an order, not an end
	going workflow.Context // ends when the practice does
	halt  workflow.CancelFunc

	order  rehearsal.Order
	plan   activities.RehearsalPlan
	status rehearsal.Status
	job    activities.Job

	zero    time.Time      // the beginning of the load
	stopped string         // why it was; "": it was not
	by      rehearsal.Stop // who stopped it, as its rollout is told
	broken  bool           // nobody stopped it: it could not go on
	ids     map[string]int
	facts   activities.RehearsalFacts
	open    int // loads, faults and samples that have not ended
	reading int // signals that are read until these have

	watching int                          // continuous probes that are asked: they end with the practice
	watch    workflow.ChildWorkflowFuture // who tells should this be ended from outside; nil: nobody
	replaces bool                         // rows of tables that have to be put back may have been replaced
}

func newRehearsing(ctx workflow.Context, order rehearsal.Order) *rehearsing {
	info := workflow.GetInfo(ctx)
	detached, _ := workflow.NewDisconnectedContext(ctx)
	going, halt := workflow.WithCancel(detached)
	m := order.Manifest
	return &rehearsing{
		root: ctx, ctx: detached, going: going, halt: halt, order: order, ids: map[string]int{},
		status: rehearsal.Status{
			Name: m.Name, Environment: m.Environment, Target: m.Target().String(), Phase: rehearsal.Preparing, Negative: m.Negative,
			Begun: []string{}, StartedBy: order.Actor, StartedAt: info.WorkflowStartTime, Planned: m.Repeats(),
			WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID,
		},
		job: activities.Job{Target: m.Target().String(), Drivers: m.Rollout.Target, Candidate: m.Rollout.Release.Version},
	}
}

// listen answers queries, and stops the rehearsal when somebody says so.
func (r *rehearsing) listen() error {
	if err := workflow.SetQueryHandler(r.ctx, rehearsal.StatusQuery, func() (rehearsal.Status, error) { return r.status, nil }); err != nil {
		return err
	}
	takeEvery(r.ctx, workflow.GetSignalChannel(r.ctx, rehearsal.SignalStop), unreadStop(), func(s rehearsal.Stop) { r.stop(stoppedBy(s), s) })
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		r.root.Done().Receive(ctx, nil)
		r.obeyCancel(ctx)
	})
	return nil
}

// stop ends the practice. What was begun is taken back as always.
func (r *rehearsing) stop(why string, by rehearsal.Stop) {
	if r.stoppable() {
		r.stopped, r.by = why, by
		r.halt()
		r.doing("ending what was begun")
	}
}

// stoppable reports whether there is a practice that could be ended.
func (r *rehearsing) stoppable() bool {
	return r.stopped == "" && r.status.Phase != rehearsal.TearingDown && r.status.Phase != rehearsal.Judging
}

// breakOff ends a practice that cannot go on.
func (r *rehearsing) breakOff(why string) {
	if r.stopped == "" {
		r.broken = true
		r.stop(why, r.itself(why))
	}
}

// admit has the worker look at the manifest, at what it starts from, and at what
// its own policy says. Nothing is changed before.
func (r *rehearsing) admit() bool {
	r.enter(rehearsal.Preparing, "verifying what it starts from")
	act := r.act("admit", "check the manifest, its baseline and its data")
	act.limit, act.within, act.heartbeat = 10*time.Minute, 20*time.Minute, heartbeat
	var out activities.AdmitRehearsalOutput
	err := r.unlessStopped(func(ctx workflow.Context) workflow.Future {
		return start(ctx, act, a.AdmitRehearsal, activities.AdmitRehearsalInput{
			Order: r.order, WorkflowID: r.status.WorkflowID, RunID: r.status.RunID, StartedAt: r.status.StartedAt})
	}).Get(r.ctx, &out)
	if err != nil && r.stopped != "" {
		r.status.Outcome, r.status.Reason = evidence.Aborted, r.stopped
		return false
	}
	if err != nil {
		out.Cause, out.Problems = rollout.CausePolicy, []rollout.Problem{{Message: "it could not be prepared: " + rootCause(err)}}
	}
	if out.Cause != "" {
		r.status.Outcome, r.status.Cause, r.status.Problems = evidence.Refused, out.Cause, out.Problems
		r.status.Reason = list(rollout.Texts(out.Problems))
		return false
	}
	r.plan = out.Plan
	r.status.Run, r.status.Place, r.status.Fingerprint = out.Plan.Run, out.Plan.Place, out.Plan.Fingerprint.Digest
	return true
}

// unlessStopped waits for an act, which is cancelled when the rehearsal is stopped
// meanwhile.
func (r *rehearsing) unlessStopped(begin func(workflow.Context) workflow.Future) workflow.Future {
	ctx, giveUp := workflow.WithCancel(r.ctx)
	answer := begin(ctx)
	_ = workflow.Await(r.ctx, func() bool { return answer.IsReady() || r.stopped != "" })
	if !answer.IsReady() && workflow.GetVersion(r.ctx, "stop-while-preparing", workflow.DefaultVersion, 1) == 1 {
		giveUp()
	}
	return answer
}

// read waits for an act that reads. A stop ends it, but not one that begins after
// the stop: that belongs to taking back.
func (r *rehearsing) read(begin func(workflow.Context) workflow.Future) workflow.Future {
	if r.stopped != "" {
		return begin(r.ctx)
	}
	return r.unlessStopped(begin)
}

// practise makes the load and the faults, and in their midst the drills and the
// rollout.
func (r *rehearsing) practise() {
	r.enter(rehearsal.Practising, "reading the state before")
	r.facts.Before = r.look("before")
	if r.facts.Before.Error != "" {
		r.breakOff("the state before could not be read: " + r.facts.Before.Error)
		return
	}
	if !r.askBefore() || !r.restoreData() {
		return
	}
	longest := cmp.Or(r.plan.Longest, r.order.Manifest.Longest())
	timer := r.timer("stop what takes too long", longest.Std())
	defer timer.cancel()
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		if timer.Get(ctx, nil) == nil {
			r.breakOff(fmt.Sprintf("it took longer than %s", longest))
		}
	})
	r.zero = r.now().Add(leadTime)
	r.facts.Zero = r.zero
	r.startLoad()
	r.startFaults()
	r.startProbes()
	r.startSampling()
	r.startSignals()
	r.sleep(r.ctx, "begin together with the load", leadTime)
	r.drillAll()
	if m := r.order.Manifest; m.Outcome != "" && r.stopped == "" {
		r.doing("rolling out, as its checks have it, and going back")
		if r.plan.Apart {
			r.rollOutApart()
		} else {
			r.rollOut()
		}
	}
	r.doing("waiting for the load and the faults to end")
	_ = workflow.Await(r.ctx, func() bool { return r.open == 0 || r.stopped != "" })
}

// leadTime is how long generators have to be ready when the load begins.
const leadTime = 2 * time.Second

// tearDown ends whatever still goes on, and looks whether anything is left.
func (r *rehearsing) tearDown() {
	r.enter(rehearsal.TearingDown, "ending load and faults, and looking for what is left")
	r.facts.End = r.now()
	r.halt()
	_ = workflow.Await(r.ctx, func() bool { return r.open == 0 && r.watching == 0 })
	act := r.act("sweep", "take back every fault that is left")
	act.limit, act.within, act.heartbeat = time.Minute, 10*time.Minute, lookHeartbeat
	var swept activities.SweepFaultsOutput
	if err := start(r.ctx, act, a.SweepFaults, activities.SweepFaultsInput{Run: r.plan.Run, Faults: r.untold()}).Get(r.ctx, &swept); err != nil {
		swept.Left = []string{"faults could not be looked for: " + rootCause(err)}
	}
	r.amend(swept.Faults)
	r.readBack()
	r.compareTables()
	swept.Left = append(swept.Left, r.putDataBack()...)
	r.facts.After = r.look("after")
	r.facts.After.Extra = append(r.facts.After.Extra, swept.Left...)
	_ = workflow.Await(r.ctx, func() bool { return r.reading == 0 }) // metrics may be late: what is taken back waits for nobody
}

// conclude has what was measured judged, and the evidence written.
func (r *rehearsing) conclude() error {
	r.enter(rehearsal.Judging, "judging what was measured")
	switch {
	case r.broken:
		r.facts.Broken = r.stopped
	case r.facts.Halted == nil:
		r.facts.Aborted = r.stopped
	}
	act := r.act("conclude", "judge what was measured, and write the evidence")
	act.limit, act.within, act.heartbeat = 10*time.Minute, time.Hour, heartbeat
	var out activities.ConcludeRehearsalOutput
	err := start(r.ctx, act, a.ConcludeRehearsal, activities.ConcludeRehearsalInput{Order: r.order, Plan: r.plan, Facts: r.facts, Status: r.status}).Get(r.ctx, &out)
	if err != nil {
		r.status.Outcome, r.status.Reason = evidence.Failed, "it could not be judged: "+rootCause(err)
		if r.facts.Aborted != "" {
			r.status.Outcome = evidence.Aborted
		}
		return fmt.Errorf("judge the rehearsal: %w", err)
	}
	r.status.Outcome, r.status.Reason, r.status.Criteria, r.status.Restore, r.status.Left = out.Outcome, out.Reason, out.Criteria, out.Restore, out.Left
	return nil
}

// lookLimit bounds how long a state is looked for that cannot be read: before anything
// is done somebody waits for that; after, what was changed has to be seen.
const (
	lookBeforeLimit = 2 * time.Minute
	lookLimit       = 5 * time.Minute
)

// look reads the state of the target. A stop ends it, but not what comes after one.
func (r *rehearsing) look(when string) rehearsal.State {
	act := r.act("look."+when, "read the state of "+r.status.Target+" "+when)
	act.queue, act.within, act.heartbeat = rollout.QueueInfra, lookLimit, lookHeartbeat
	switch {
	case when == "before":
		act.within = lookBeforeLimit
	case r.facts.Before.Error != "": // there is nothing to compare it with
		act.within = quickLimit
	}
	m := r.order.Manifest
	in := activities.ReadTargetInput{Job: r.job, Flags: m.Rollout.Release.Flags, Environment: r.status.Environment, Whole: m.Outcome != "" && when == "before"}
	var out activities.ReadTargetOutput
	err := r.read(func(ctx workflow.Context) workflow.Future { return start(ctx, act, a.ReadTarget, in) }).Get(r.ctx, &out)
	switch {
	case temporal.IsCanceledError(err):
		return rehearsal.State{Error: "it had not been read when that was given up: " + r.stopped}
	case err != nil:
		return rehearsal.State{Error: rootCause(err)}
	}
	return out.State
}
