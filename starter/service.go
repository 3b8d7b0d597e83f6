package main

import (
	"context"
	"errors"
	"iter"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

// What Temporal can answer that commands act on.
var (
	errNotFound = errors.New("not found")            // no such rollout is known
	errBusy     = errors.New("already running")      // the target has a running rollout
	errOver     = errors.New("the rollout is over")  // it ended before it took the order
	errNoWorker = errors.New("no worker took it up") // in the time given
)

// service is what the commands need of Temporal.
type service interface {
	starts
	reads
	orders
	lines

	Converter() converter.DataConverter
	Close()
	fleets
	rehearsals
	schedules
}

// fleets starts and plans fleets, as starts does rollouts.
type fleets interface {
	StartFleet(ctx context.Context, o rollout.FleetOrder) (run, error)
	PlanFleet(ctx context.Context, id string, o rollout.FleetOrder) (fleetAdmission, error)
}

// starts begins things. Submit asks the Target, and returns errNoWorker where no
// worker takes it up; Start begins the rollout beside it, and returns errBusy
// where one is running. Plan and Act run one activity by itself, and return
// errNoWorker, too; a canceled context ends all of them.
type starts interface {
	Submit(ctx context.Context, s rollout.Submit) (rollout.Submission, error)
	Start(ctx context.Context, s rollout.Submit) (run, error)
	Plan(ctx context.Context, id string, o rollout.Order, foresee bool) (admission, error)
	Act(ctx context.Context, a solo, in, out any) error
}

// solo is one activity that runs by itself, without a workflow.
type solo struct{ id, queue, activity, summary string }

// reads looks without changing anything; an empty run ID means the running or
// last one. All return errNotFound where there is none. End blocks until the
// run is over and returns its last event.
type reads interface {
	Describe(ctx context.Context, r run) (execution, error)
	Query(ctx context.Context, r run) (rollout.Status, error)
	Target(ctx context.Context, t rollout.Target) (rollout.TargetStatus, error)
	Pollers(ctx context.Context, queue string) (int, error)
	End(ctx context.Context, r run) (*historypb.HistoryEvent, error)
	archives
}

// archives reads what is stored: the events of one run, oldest first, and the
// executions that match a visibility query, open ones first.
type archives interface {
	Events(ctx context.Context, r run) iter.Seq2[*historypb.HistoryEvent, error]
	List(ctx context.Context, query string) iter.Seq2[execution, error]
}

// orders gives commands. Signal returns when the order is stored, Update when
// it is answered. Both return errOver where nothing runs any more. Withdraw keeps a
// Target from carrying out later what it did not take in. Restored has the Target
// keep on record what a restore came to.
type orders interface {
	Signal(ctx context.Context, r run, c rollout.Command) error
	Update(ctx context.Context, r run, c rollout.Command) (rollout.Answer, error)
	Withdraw(ctx context.Context, t rollout.Target, w rollout.Withdrawal) error
	Restored(ctx context.Context, t rollout.Target, r rollout.Restored) error
}

// lines stops the line of an environment, and lets it run again: StartLine
// returns errOver where it runs. Both return errNoWorker where no worker answers;
// a stop is stored then.
type lines interface {
	StopLine(ctx context.Context, o rollout.StopOrder) (rollout.Answer, error)
	StartLine(ctx context.Context, o rollout.StopOrder) (rollout.Answer, error)
}

// run names one execution of a rollout workflow.
type run struct{ WorkflowID, RunID string }

func runOf(t rollout.Target) run { return run{WorkflowID: rollout.WorkflowID(t)} }

// above is the workflow that stands above a target's rollouts.
func above(t rollout.Target) run { return run{WorkflowID: rollout.TargetID(t)} }

// execution is what Temporal knows of a run without asking any worker.
type execution struct {
	run
	Status  enumspb.WorkflowExecutionStatus
	Parent  run // what started it; zero: nothing did
	Started time.Time
	Closed  *time.Time

	// The search attributes.
	Target, Service, Environment, Candidate string
	Phase                                   rollout.Phase
	Outcome                                 rollout.Outcome
	WaitingFor                              string
	Step                                    int
	Weight                                  rollout.Weight
	NeedsHuman                              bool

	// Only of one that was described.
	Retrying []rollout.Retrying
	Checks   []rollout.CheckResult // where they stand within the open window

	TaskAttempts int // of the workflow task that is pending; 0: none is
}

func (e execution) open() bool { return e.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING }

// admission is the answer of the Admit activity: the plan, or why there is none.
type admission struct {
	Plan     rollout.Plan      `json:"plan,omitzero"`
	Cause    rollout.Cause     `json:"cause,omitempty"`
	Problems []rollout.Problem `json:"problems,omitempty"`
	Signer   *rollout.Signer   `json:"signer,omitempty"`
	Policy   string            `json:"policy,omitempty"`

	Foresight []rollout.Foresight `json:"foresight,omitempty"`
	Unseen    string              `json:"unseen,omitempty"`

	Closed *rollout.Closure `json:"closed,omitempty"`
	Ahead  string           `json:"ahead,omitempty"`
}
