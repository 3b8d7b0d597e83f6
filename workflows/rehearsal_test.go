package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
	"bakeoff/workflows"
)

// practice is a rehearsal whose acts and rollouts are played.
type practice struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment
	m   rehearsal.Manifest

	mu      sync.Mutex
	orders  []rollout.Order // of the rollouts that were started
	ended   []string        // acts that ran to their end, or were stopped
	sweeps  int             // of faults
	facts   activities.RehearsalFacts
	state   rehearsal.State
	task    func(fault.TaskInput) (fault.TaskOutput, error)
	refusal activities.AdmitRehearsalOutput
	play    func(workflow.Context, rollout.Order) (rollout.Status, error)
	apart   bool
	handsOn bool
	slow    bool  // its admission answers when it is cancelled
	blind   error // why the state cannot be read; nil: it can
	looks   int
	asks    bool
	mayNot  string // why no fault of somebody else's may begin
	hold    func(activities.HoldFaultInput) (activities.HoldFaultOutput, error)
	swept   activities.SweepFaultsOutput
	untold  []string // faults of which the sweep was asked

	conclude func(activities.ConcludeRehearsalInput) activities.ConcludeRehearsalOutput
}

func newPractice(t *testing.T) *practice {
	var suite testsuite.WorkflowTestSuite
	p := &practice{t: t, env: suite.NewTestWorkflowEnvironment(), state: rehearsal.State{Digest: "a", Text: "1 has all", Version: "1"}}
	p.env.SetTestTimeout(20 * time.Second)
	p.m = rehearsal.Manifest{Kind: rehearsal.Kind, Name: "shop", Environment: "staging", Seed: 1,
		Load:   []load.Load{{Name: "browse", URL: "http://127.0.0.1:1/", Rate: 10, For: rollout.Duration(time.Minute)}},
		Drills: []rehearsal.Drill{{From: 1, Repeat: 2, RestoreWithin: rollout.Duration(10 * time.Second)}}}
	p.m.Rollout.Spec = rollout.Spec{Kind: "Rollout", Service: "shop", Environment: "staging", Release: rollout.Release{Version: "2"},
		Strategy: rollout.Strategy{Canary: []rollout.Step{{Weight: rollout.All / 10, Bake: rollout.Duration(time.Minute)}}}}
	p.play = func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
		_ = workflow.Sleep(ctx, 5*time.Second)
		return p.drilled(workflow.Now(ctx), o), nil
	}
	p.conclude = func(activities.ConcludeRehearsalInput) activities.ConcludeRehearsalOutput {
		return activities.ConcludeRehearsalOutput{Outcome: evidence.Passed, Reason: "played"}
	}
	p.env.RegisterWorkflowWithOptions(workflows.Rehearsal, workflow.RegisterOptions{Name: rehearsal.WorkflowType})
	p.env.RegisterWorkflowWithOptions(workflows.RehearsalRollout, workflow.RegisterOptions{Name: rehearsal.RolloutType})
	p.env.RegisterWorkflowWithOptions(workflows.RehearsalWatch, workflow.RegisterOptions{Name: rehearsal.WatchType})
	tellsNobody(p.env)
	p.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
		p.note(func() { p.orders = append(p.orders, o) })
		return p.play(ctx, o)
	}, workflow.RegisterOptions{Name: rollout.WorkflowType})
	p.playActs()
	return p
}

func (p *practice) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// drilled is how a drill of the played rollout ends.
func (p *practice) drilled(now time.Time, o rollout.Order) rollout.Status {
	s := rollout.Status{Outcome: rollout.RolledBack, Reason: "drill"}
	if o.Drill == nil {
		return rollout.Status{Outcome: rollout.Promoted}
	}
	s.Drilled = &rollout.Drilled{Step: o.Drill.Step, Injected: now.Add(-2 * time.Second), Seen: &now, Decided: &now, Traffic: &now, Healthy: &now}
	return s
}

// playActs plays the acts: load and faults last as long as they should, or until
// they are stopped.
func (p *practice) playActs() {
	var a *activities.Activities
	lasts := func(ctx context.Context, name string, d time.Duration) {
		how := "ended"
		select {
		case <-ctx.Done():
			how = "stopped"
		case <-time.After(d / 100): // the clock of the environment runs ahead meanwhile
		}
		p.note(func() { p.ended = append(p.ended, name+" "+how) })
	}
	p.env.RegisterActivity(a)
	p.env.RegisterActivityWithOptions(func(_ context.Context, in fault.TaskInput) (fault.TaskOutput, error) { return p.task(in) }, activity.RegisterOptions{Name: "PodKill"})
	p.env.OnActivity(a.AdmitRehearsal, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.AdmitRehearsalInput) (activities.AdmitRehearsalOutput, error) {
		m := in.Order.Manifest
		if p.slow {
			<-ctx.Done()
			return activities.AdmitRehearsalOutput{}, ctx.Err()
		}
		if p.refusal.Cause != "" {
			return p.refusal, nil
		}
		return activities.AdmitRehearsalOutput{Plan: activities.RehearsalPlan{Run: "staging/shop/1", Apart: p.apart, HandsOn: p.handsOn, Asks: p.asks, AsksLine: true, Drills: m.PlannedDrills(), Faults: fault.Schedule(m.Seed, m.Faults),
			Probes: m.PlannedProbes(m.Longest()), Sampling: m.PlannedSampling(m.Load[0].For), Signals: m.PlannedSignals()}}, nil
	}).Maybe()
	p.env.OnActivity(a.ReadTarget, mock.Anything, mock.Anything).Return(func(context.Context, activities.ReadTargetInput) (activities.ReadTargetOutput, error) {
		p.note(func() { p.looks++ })
		if p.blind != nil {
			return activities.ReadTargetOutput{}, p.blind
		}
		return activities.ReadTargetOutput{State: p.state}, nil
	}).Maybe()
	p.env.OnActivity(a.Attack, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.AttackInput) (activities.AttackOutput, error) {
		lasts(ctx, "load "+in.Load.Name, in.Load.For.Std())
		return activities.AttackOutput{Load: in.Load.Name}, nil
	}).Maybe()
	p.env.OnActivity(a.HoldFault, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.HoldFaultInput) (activities.HoldFaultOutput, error) {
		if p.hold != nil {
			return p.hold(in)
		}
		lasts(ctx, "fault "+in.Fault.Name, in.Fault.For.Std())
		return activities.HoldFaultOutput{Fault: evidence.Fault{Name: in.Fault.Name, Verified: true}}, nil
	}).Maybe()
	p.env.OnActivity(a.MayBreak, mock.Anything, mock.Anything).Return(func(context.Context, activities.MayBreakInput) (activities.MayBreakOutput, error) {
		return activities.MayBreakOutput{Why: p.mayNot}, nil
	}).Maybe()
	p.env.OnActivity(a.SweepFaults, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.SweepFaultsInput) (activities.SweepFaultsOutput, error) {
		p.note(func() { p.sweeps++; p.untold = in.Faults })
		return p.swept, nil
	}).Maybe()
	p.env.OnActivity(a.ConcludeRehearsal, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.ConcludeRehearsalInput) (activities.ConcludeRehearsalOutput, error) {
		p.note(func() { p.facts = in.Facts })
		if p.conclude == nil {
			return activities.ConcludeRehearsalOutput{}, temporal.NewNonRetryableApplicationError("the disk is full", "Full", nil)
		}
		return p.conclude(in), nil
	}).Maybe()
}

// run runs the rehearsal to its end.
func (p *practice) run() rehearsal.Status {
	p.t.Helper()
	p.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: rollout.RehearsalID("staging", "shop"), TaskQueue: rollout.QueueControl})
	p.env.ExecuteWorkflow(rehearsal.WorkflowType, rehearsal.Order{Actor: "ana", Manifest: p.m})
	require.True(p.t, p.env.IsWorkflowCompleted())
	require.NoError(p.t, p.env.GetWorkflowError())
	var s rehearsal.Status
	require.NoError(p.t, p.env.GetWorkflowResult(&s))
	require.Equal(p.t, rehearsal.Completed, s.Phase)
	require.NotNil(p.t, s.EndedAt)
	return s
}

func TestRehearsalDrills(t *testing.T) {
	p := newPractice(t)
	p.m.Hooks = []string{rollout.HookAfterStep}
	s := p.run()
	require.Equal(t, evidence.Passed, s.Outcome)
	require.Equal(t, 2, s.Drills)
	require.Len(t, p.orders, 2)
	for _, o := range p.orders {
		require.Equal(t, s.WorkflowID, o.Rehearsal, "by this the rollout knows that it may be a drill")
		require.Equal(t, p.m.Hooks, o.Hooks)
		require.Equal(t, rollout.Fail, o.Drill.Verdict)
		require.Equal(t, "staging", o.Spec.Environment)
	}
	require.NotEqual(t, p.orders[0].Drill.After, p.orders[1].Drill.After)
	require.Equal(t, []string{"load browse ended"}, p.ended)
	for _, r := range p.facts.Drills[0].Repeats {
		require.Equal(t, evidence.Passed, r.Outcome, r.Reason)
		require.True(t, r.Same)
	}
}

func TestRehearsalIsRefused(t *testing.T) {
	p := newPractice(t)
	p.refusal = activities.AdmitRehearsalOutput{Cause: rollout.CauseSpec, Problems: []rollout.Problem{{Path: "environment", Message: "production is production here"}}}
	s := p.run()
	require.Equal(t, evidence.Refused, s.Outcome)
	require.Equal(t, rollout.CauseSpec, s.Cause)
	require.Equal(t, "environment: production is production here", s.Reason)
	require.Empty(t, p.orders)
	require.Empty(t, p.ended, "nothing was sent")
}

func TestRehearsalIsStopped(t *testing.T) {
	for name, stop := range map[string]func(*practice){
		"by a signal": func(p *practice) {
			p.env.SignalWorkflow(rehearsal.SignalStop, rehearsal.Stop{Actor: "bo", Reason: "staging is needed"})
		},
		"by what cannot be read": func(p *practice) { p.env.SignalWorkflow(rehearsal.SignalStop, "stop it") },
		"by a cancel":            func(p *practice) { p.env.CancelWorkflow() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			aborted := false
			p.play = func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
				if workflow.Sleep(ctx, time.Hour) != nil {
					p.note(func() { aborted = true })
				}
				return rollout.Status{Outcome: rollout.Aborted}, nil
			}
			p.env.RegisterDelayedCallback(func() { stop(p) }, 10*time.Second)
			s := p.run()
			require.True(t, aborted, "the rollout is told to go back")
			require.Len(t, p.orders, 1, "no other drill begins")
			require.Equal(t, 1, s.Drills)
			require.NotEmpty(t, p.facts.Aborted)
			require.Empty(t, p.facts.Broken)
			require.Equal(t, evidence.Unmeasured, p.facts.Drills[0].Repeats[0].Outcome)
			require.NotEmpty(t, p.facts.After.Digest, "it is looked whether anything is left")
		})
	}
}

// One that is stopped while it is prepared does nothing, and says so.
func TestRehearsalIsStoppedBeforeItBegins(t *testing.T) {
	p := newPractice(t)
	p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(rehearsal.SignalStop, rehearsal.Stop{Actor: "bo", Reason: "not now"}) }, 0)
	p.conclude = func(in activities.ConcludeRehearsalInput) activities.ConcludeRehearsalOutput {
		return activities.ConcludeRehearsalOutput{Outcome: evidence.Aborted, Reason: in.Facts.Aborted}
	}
	s := p.run()
	require.Equal(t, evidence.Aborted, s.Outcome)
	require.Equal(t, "stopped by bo: not now", s.Reason)
	require.Empty(t, p.orders)
	require.Empty(t, p.ended, "nothing was sent")
}

// A stop is obeyed while the worker still looks at what the rehearsal starts from.
func TestRehearsalIsStoppedWhileItIsAdmitted(t *testing.T) {
	p := newPractice(t)
	p.slow = true
	p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(rehearsal.SignalStop, rehearsal.Stop{Actor: "bo", Reason: "not now"}) }, time.Second)
	s := p.run()
	require.Equal(t, evidence.Aborted, s.Outcome)
	require.Equal(t, "stopped by bo: not now", s.Reason)
	require.Less(t, s.EndedAt.Sub(s.StartedAt), time.Minute)
	require.Empty(t, p.orders)
}

// A stop is obeyed while the state before cannot be read, and nothing is looked for
// long that could not be compared.
func TestRehearsalIsStoppedWhileItLooks(t *testing.T) {
	p := newPractice(t)
	p.blind = errors.New("connection refused")
	p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(rehearsal.SignalStop, rehearsal.Stop{Actor: "bo", Reason: "not now"}) }, 20*time.Second)
	var doing string
	p.env.RegisterDelayedCallback(func() {
		value, err := p.env.QueryWorkflow(rehearsal.StatusQuery)
		require.NoError(t, err)
		var s rehearsal.Status
		require.NoError(t, value.Get(&s))
		doing = s.Doing
	}, 25*time.Second)
	s := p.run()
	require.Less(t, s.EndedAt.Sub(s.StartedAt), time.Minute)
	require.Equal(t, "stopped by bo: not now", p.facts.Aborted)
	require.Empty(t, p.facts.Broken)
	require.Equal(t, "it had not been read when that was given up: stopped by bo: not now", p.facts.Before.Error)
	require.Equal(t, "stopped by bo: not now; ending load and faults, and looking for what is left", doing)
	require.Empty(t, p.orders)
	require.Empty(t, p.ended, "nothing was sent")
}

// A target that cannot be read ends the rehearsal in minutes.
func TestRehearsalOfADeadTarget(t *testing.T) {
	p := newPractice(t)
	p.blind = errors.New("connection refused")
	s := p.run()
	require.Contains(t, p.facts.Broken, "the state before could not be read: ")
	require.Contains(t, p.facts.Broken, "connection refused")
	require.Less(t, s.EndedAt.Sub(s.StartedAt), 3*time.Minute)
	require.Greater(t, p.looks, 10)
}

// Whatever becomes of it, a rehearsal has an outcome and a reason.
func TestRehearsalThatCannotBeJudged(t *testing.T) {
	p := newPractice(t)
	p.conclude = nil
	p.env.ExecuteWorkflow(rehearsal.WorkflowType, rehearsal.Order{Actor: "bo", Manifest: p.m})
	require.Error(t, p.env.GetWorkflowError())
	value, err := p.env.QueryWorkflow(rehearsal.StatusQuery)
	require.NoError(t, err)
	var s rehearsal.Status
	require.NoError(t, value.Get(&s))
	require.Equal(t, evidence.Failed, s.Outcome)
	require.Equal(t, "it could not be judged: the disk is full", s.Reason)
}

func TestRehearsalThatTakesTooLong(t *testing.T) {
	p := newPractice(t)
	p.m.Quotas.For = rollout.Duration(20 * time.Second)
	p.play = func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
		_ = workflow.Sleep(ctx, time.Hour)
		return rollout.Status{Outcome: rollout.Aborted}, nil
	}
	p.run()
	require.Equal(t, "it took longer than 20s", p.facts.Broken)
	require.Empty(t, p.facts.Aborted, "nobody stopped it")
}

// A rollout that cannot put its baseline back is not waited for without end, and
// never passes.
func TestDrillThatDoesNotEnd(t *testing.T) {
	p := newPractice(t)
	p.m.Drills[0].Repeat = 1
	p.play = func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
		detached, _ := workflow.NewDisconnectedContext(ctx)
		return rollout.Status{}, workflow.Sleep(detached, 24*time.Hour)
	}
	p.run()
	r := p.facts.Drills[0].Repeats[0]
	require.Equal(t, evidence.Failed, r.Outcome)
	require.Contains(t, r.Reason, "goes on until the baseline is back")
}

func TestDrillThatCannotBegin(t *testing.T) {
	p := newPractice(t)
	p.play = func(workflow.Context, rollout.Order) (rollout.Status, error) {
		return rollout.Status{Outcome: rollout.Refused, Reason: "frozen"}, nil
	}
	p.run()
	require.Equal(t, evidence.Unmeasured, p.facts.Drills[0].Repeats[0].Outcome)
	require.Contains(t, p.facts.Drills[0].Repeats[0].Reason, "frozen")
}

// Of a rollout that never began, because another was in its place, no run is named.
func TestRolloutThatCannotBegin(t *testing.T) {
	p := newPractice(t)
	p.m.Drills[0].Repeat, p.m.Outcome = 1, rollout.Promoted
	p.play = func(ctx workflow.Context, _ rollout.Order) (rollout.Status, error) {
		detached, _ := workflow.NewDisconnectedContext(ctx)
		return rollout.Status{}, workflow.Sleep(detached, 24*time.Hour)
	}
	p.run()
	require.NotEmpty(t, p.facts.Drills[0].Repeats[0].RunID)
	require.Contains(t, p.facts.Rollout.Reason, "it could not begin")
	require.Empty(t, p.facts.Rollout.RunID)
}

// What was promoted is put back by a rollout of what was there before, even when
// the rehearsal is stopped meanwhile.
func TestPromotedRolloutIsPutBack(t *testing.T) {
	id := rollout.RehearsalID("staging", "shop")
	for name, by := range map[string]string{"by the rehearsal": id, "by a workflow of its own": id + "/rollout"} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.m.Drills, p.m.Outcome, p.apart = nil, rollout.Promoted, by != id
			p.env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
				if info.WorkflowType.Name == rehearsal.RolloutType || info.WorkflowType.Name == rollout.WorkflowType {
					require.Equal(t, 2*time.Second, info.WorkflowTaskTimeout, "a stop is obeyed though its worker died")
				}
			})
			p.state.Release = &rollout.Release{Version: "1", Artifact: "shop@a", Config: map[string]string{"PAY": "old"}}
			p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(rehearsal.SignalStop, rehearsal.Stop{Actor: "bo"}) }, 9*time.Second)
			p.run()
			require.Len(t, p.orders, 2)
			require.Equal(t, "2", p.orders[0].Spec.Release.Version)
			require.Equal(t, "1", p.orders[1].Spec.Release.Version)
			require.Equal(t, *p.state.Release, p.orders[1].Spec.Release, "whole, as it served")
			require.NotNil(t, p.orders[1].Spec.Strategy.AllAtOnce)
			for _, o := range p.orders {
				require.Equal(t, by, o.Rehearsal, "what starts a rollout is what it says that rehearses")
			}
			require.Equal(t, rollout.Promoted, p.facts.Rollout.Outcome)
			require.NotEmpty(t, p.facts.Rollout.RunID)
			require.Empty(t, p.facts.NotBack)
		})
	}
}

// Of a release that nobody knows whole, what came back is not what there was.
func TestUnknownReleaseIsNotCalledBack(t *testing.T) {
	p := newPractice(t)
	p.m.Drills, p.m.Outcome = nil, rollout.RolledBack
	p.m.Rollout.Release.Config = map[string]string{"PAY": "new"}
	p.run()
	require.Len(t, p.orders, 2)
	require.Equal(t, "1 was deployed anew without the config that it had: nobody knew it", p.facts.NotBack)
}

// A candidate that was deployed before the rehearsal, and stays, is not left by its
// drills.
func TestDrillsLeaveWhatWasThereBefore(t *testing.T) {
	p := newPractice(t)
	p.state.Left = []string{"version 2 is deployed"}
	p.run()
	require.Empty(t, p.facts.Drills[0].Repeats[0].Residue)
}

// The end of a rehearsal cancels the workflow that rolls out: what was promoted by
// then is put back, and that is not given up.
func TestRolloutThatLosesItsRehearsal(t *testing.T) {
	for name, at := range map[string]time.Duration{"before it is promoted": 2 * time.Second, "on the way back": 7 * time.Second} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: rollout.RehearsalID("staging", "shop") + "/rollout", TaskQueue: rollout.QueueControl})
			p.env.RegisterDelayedCallback(p.env.CancelWorkflow, at)
			p.env.ExecuteWorkflow(rehearsal.RolloutType, rehearsal.RolloutOrder{Order: rehearsal.Order{Manifest: p.m}, Before: p.state})
			var result rehearsal.RolloutResult
			require.NoError(t, p.env.GetWorkflowResult(&result))
			require.Equal(t, rollout.Promoted, result.Rollout.Outcome, "the played rollout cannot be stopped")
			require.Len(t, p.orders, 2)
			require.Equal(t, "1", p.orders[1].Spec.Release.Version)
			require.Empty(t, result.NotBack)
		})
	}
}

// Somebody else's activity is asked to stop, even where its start failed.
func TestFaultOfATask(t *testing.T) {
	for name, started := range map[string]error{"that starts": nil, "that does not": errors.New("no")} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.m.Faults = []fault.Fault{{Name: "chaos", For: rollout.Duration(5 * time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}}
			var asked []string
			p.task = func(in fault.TaskInput) (fault.TaskOutput, error) {
				p.note(func() { asked = append(asked, in.Do) })
				if in.Do == fault.TaskStart {
					return fault.TaskOutput{Active: true}, started
				}
				return fault.TaskOutput{}, nil
			}
			p.run()
			require.Equal(t, fault.TaskStart, asked[0])
			require.Equal(t, fault.TaskStop, asked[len(asked)-1])
			f := p.facts.Faults[0]
			require.True(t, f.Verified)
			require.Equal(t, started == nil, !f.StartedAt.IsZero(), f.Error)
		})
	}
}

// A fault that no worker ever took up did not begin, and is not left behind.
func TestFaultOfATaskThatNobodyTakes(t *testing.T) {
	for name, c := range map[string]struct {
		timeout error
		began   bool
	}{
		"ever":            {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil), false},
		"a second time":   {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, errors.New("the first try failed")), true},
		"to its very end": {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.m.Faults = []fault.Fault{{Name: "chaos", For: rollout.Duration(5 * time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}}
			stops := 0
			p.task = func(in fault.TaskInput) (fault.TaskOutput, error) {
				if in.Do == fault.TaskStart {
					return fault.TaskOutput{}, c.timeout
				}
				p.note(func() { stops++ })
				return fault.TaskOutput{Active: true}, nil
			}
			p.run()
			f := p.facts.Faults[0]
			require.True(t, f.StartedAt.IsZero())
			require.Equal(t, c.began, stops > 0)
			require.Equal(t, c.began, f.Unverified(), "left behind")
			if !c.began {
				require.Equal(t, "not begun: nobody who serves the queue chaos took it within 20s", f.Error)
			}
		})
	}
}

// A start that is given up before anybody took it may be followed by a stop that
// nobody takes, either: that is not waited for until the fault's end.
func TestFaultOfATaskThatIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		stopped error
		left    bool
		said    string
	}{
		"and stopped by whoever came": {nil, false, "its start was given up when the practice ended"},
		"and nobody came": {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil), true,
			"its start was given up when the practice ended; whether it had begun is not known: nobody who serves the queue chaos took its stop within 20s"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.m.Faults = []fault.Fault{{Name: "chaos", For: rollout.Duration(5 * time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}}
			p.task = func(in fault.TaskInput) (fault.TaskOutput, error) {
				if in.Do == fault.TaskStart {
					return fault.TaskOutput{}, temporal.NewCanceledError()
				}
				return fault.TaskOutput{}, c.stopped
			}
			p.run()
			f := p.facts.Faults[0]
			require.Equal(t, c.left, f.Unverified())
			require.Equal(t, c.said, f.Error)
		})
	}
}

// A fault of somebody else's activity that cannot be stopped is not seen to be gone,
// whether it began or not.
func TestFaultOfATaskThatStays(t *testing.T) {
	for name, c := range map[string]struct {
		started, stopped error
		why              string
	}{
		"that cannot be stopped":                   {nil, errors.New("no"), "it could not be stopped: no"},
		"that neither starts nor stops":            {errors.New("never"), errors.New("no"), "it could not be started: never; it could not be stopped: no"},
		"that stops, and says that it is still on": {nil, nil, "it says that it is still in force: one pod is away"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.m.Faults = []fault.Fault{{Name: "chaos", For: rollout.Duration(5 * time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}}
			p.task = func(in fault.TaskInput) (fault.TaskOutput, error) {
				if in.Do == fault.TaskStart {
					return fault.TaskOutput{Active: true}, c.started
				}
				return fault.TaskOutput{Active: true, Message: "one pod is away"}, c.stopped
			}
			p.run()
			f := p.facts.Faults[0]
			require.True(t, f.Unverified())
			require.Equal(t, c.started == nil, !f.StartedAt.IsZero())
			require.Contains(t, f.Error, c.why)
		})
	}
}

// Of a fault whose worker died, and took with it how it was, the machine tells.
func TestFaultWhoseWorkerIsGone(t *testing.T) {
	p := newPractice(t)
	p.m.Faults = []fault.Fault{{Name: "slow", For: rollout.Duration(time.Second)}, {Name: "short", For: rollout.Duration(time.Second)}}
	p.hold = func(in activities.HoldFaultInput) (activities.HoldFaultOutput, error) {
		if in.Fault.Name == "slow" {
			return activities.HoldFaultOutput{}, temporal.NewCanceledError()
		}
		return activities.HoldFaultOutput{Fault: evidence.Fault{Name: "short", StartedAt: in.Until.Add(-time.Second), EndedAt: in.Until, Verified: true}}, nil
	}
	was := evidence.Fault{Name: "slow", StartedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), RemovedBy: "worker", Verified: true}
	was.EndedAt = was.StartedAt.Add(time.Second)
	p.swept.Faults = []evidence.Fault{was}
	p.run()
	require.Equal(t, []string{"slow"}, p.untold)
	require.Len(t, p.facts.Faults, 2)
	require.Contains(t, p.facts.Faults, was)
}

func TestSuite(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(workflows.RehearsalSuite, workflow.RegisterOptions{Name: rehearsal.SuiteType})
	env.RegisterWorkflowWithOptions(workflows.RehearsalWatch, workflow.RegisterOptions{Name: rehearsal.WatchType})
	tellsNobody(env)
	running, most := map[string]int{}, 0
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, o rehearsal.Order) (rehearsal.Status, error) {
		target := o.Manifest.Target().String()
		running[target]++
		require.Equal(t, 1, running[target], "two at once on %s", target)
		require.Equal(t, 2*time.Second, workflow.GetInfo(ctx).WorkflowTaskTimeout, "a stop is obeyed though its worker died")
		all := 0
		for _, n := range running {
			all += n
		}
		most = max(most, all)
		_ = workflow.Sleep(ctx, time.Minute)
		running[target]--
		if strings.HasPrefix(o.Manifest.Name, "dies") {
			return rehearsal.Status{}, errors.New("gone")
		}
		return rehearsal.Status{Name: o.Manifest.Name, Outcome: evidence.Passed}, nil
	}, workflow.RegisterOptions{Name: rehearsal.WorkflowType})
	order := rehearsal.SuiteOrder{Suite: rehearsal.Suite{Kind: rehearsal.SuiteKind, Name: "weekly", Parallel: 2}}
	for _, name := range []string{"a", "a2", "b", "c", "dies"} {
		m := rehearsal.Manifest{Name: name, Environment: "staging"}
		m.Rollout.Service = name[:1]
		order.Suite.Rehearsals = append(order.Suite.Rehearsals, rehearsal.Member{Manifest: m})
	}
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: rollout.SuiteID("weekly"), TaskQueue: rollout.QueueControl})
	env.ExecuteWorkflow(rehearsal.SuiteType, order)
	require.NoError(t, env.GetWorkflowError())
	var s rehearsal.SuiteStatus
	require.NoError(t, env.GetWorkflowResult(&s))
	require.Equal(t, 2, most, "as many at once as may be")
	require.Equal(t, evidence.Unmeasured, s.Outcome)
	require.Equal(t, "1 of 5 did not pass: dies Unmeasured", s.Reason)
	require.Contains(t, s.Rehearsals[4].Reason, "gone")
	for _, r := range s.Rehearsals {
		require.Equal(t, rehearsal.Completed, r.Phase)
	}
}

// A suite that is stopped says to those that run by whom, and of the others that they
// did not begin.
func TestSuiteThatIsStopped(t *testing.T) {
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(workflows.RehearsalSuite, workflow.RegisterOptions{Name: rehearsal.SuiteType})
	env.RegisterWorkflowWithOptions(workflows.RehearsalWatch, workflow.RegisterOptions{Name: rehearsal.WatchType})
	tellsNobody(env)
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, o rehearsal.Order) (rehearsal.Status, error) {
		why := "the workflow was cancelled"
		if o.Manifest.Name == "ends" {
			return rehearsal.Status{Name: "ends", Outcome: evidence.Passed}, nil
		}
		detached, _ := workflow.NewDisconnectedContext(ctx)
		_ = workflow.Sleep(ctx, time.Hour)
		var s rehearsal.Stop
		if workflow.GetSignalChannel(detached, rehearsal.SignalStop).ReceiveAsync(&s) {
			why = "stopped by " + s.Actor + ": " + s.Reason
		}
		return rehearsal.Status{Name: o.Manifest.Name, Outcome: evidence.Aborted, Reason: why, StartedAt: workflow.Now(ctx)}, nil
	}, workflow.RegisterOptions{Name: rehearsal.WorkflowType})
	order := rehearsal.SuiteOrder{Suite: rehearsal.Suite{Kind: rehearsal.SuiteKind, Name: "weekly", Parallel: 2}}
	for _, name := range []string{"ends", "a", "b", "late"} {
		m := rehearsal.Manifest{Name: name, Environment: "staging"}
		m.Rollout.Service = name
		order.Suite.Rehearsals = append(order.Suite.Rehearsals, rehearsal.Member{Manifest: m})
	}
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(rehearsal.SignalStop, rehearsal.Stop{Actor: "bo", Reason: "not now"}) }, time.Minute)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: rollout.SuiteID("weekly"), TaskQueue: rollout.QueueControl})
	env.ExecuteWorkflow(rehearsal.SuiteType, order)
	require.NoError(t, env.GetWorkflowError())
	var s rehearsal.SuiteStatus
	require.NoError(t, env.GetWorkflowResult(&s))
	require.Equal(t, evidence.Aborted, s.Outcome)
	const why = "stopped by bo: not now"
	require.Equal(t, []string{why, "", why, why, "it did not begin: " + why},
		[]string{s.Reason, s.Rehearsals[0].Reason, s.Rehearsals[1].Reason, s.Rehearsals[2].Reason, s.Rehearsals[3].Reason})
	require.Equal(t, evidence.Unmeasured, s.Rehearsals[3].Outcome)
	late, err := json.Marshal(s.Rehearsals[3])
	require.NoError(t, err)
	require.NotContains(t, string(late), "startedAt")
}

// A drill that goes back for another reason, before its verdict is injected, has
// no way back that could be timed, and is none that passed.
func TestDrillThatGoesBackBeforeItsInjection(t *testing.T) {
	p := newPractice(t)
	p.play = func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
		s := p.drilled(workflow.Now(ctx), o)
		s.Drilled.Injected = workflow.Now(ctx).Add(time.Second)
		return s, nil
	}
	p.run()
	for _, r := range p.facts.Drills[0].Repeats {
		require.Equal(t, evidence.Failed, r.Outcome)
		require.Nil(t, r.BreachAt)
		require.Nil(t, r.HealthyAt)
	}
}
