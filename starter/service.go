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
	errNotFound = errors.New("not found")             // no such rollout is known
	errBusy     = errors.New("already running")       // the target has a running rollout
	errOver     = errors.New("the rollout is over")   // it ended before it took the order
	errNoWorker = errors.New("no worker accepted it") // in the time given
)

// service is what the commands need of Temporal. Calls that a worker has to take up,
// other than queries, return errNoWorker if none does in time.
type service interface {
	starts
	reads
	orders
	lines
	fleets
	rehearsals
	schedules

	Converter() converter.DataConverter // of the payloads in Events
	Close()
}

// starts begins rollouts, and single activities without a workflow. A canceled
// context ends each call.
type starts interface {
	// Submit gives an order to the Target, and returns what became of it.
	Submit(ctx context.Context, s rollout.Submit) (rollout.Submission, error)
	// Start begins the rollout without its Target; errBusy if one is running.
	Start(ctx context.Context, s rollout.Submit) (run, error)
	// Adopt tells the Target of a rollout that was begun without it.
	Adopt(ctx context.Context, begun rollout.Course) error
	// Plan runs Admit alone: nothing is started. With foresee, Admit also says what
	// the checks will see at the present traffic.
	Plan(ctx context.Context, id string, o rollout.Order, foresee bool) (admission, error)
	// Act runs one activity, and decodes its result into out.
	Act(ctx context.Context, a solo, in, out any) error
}

// solo is one activity that runs by itself, without a workflow.
type solo struct{ id, queue, activity, summary string }

// fleets starts and plans fleets, as starts does rollouts.
type fleets interface {
	StartFleet(ctx context.Context, o rollout.FleetOrder) (run, error)
	PlanFleet(ctx context.Context, id string, o rollout.FleetOrder) (fleetAdmission, error)
}

// reads looks without changing anything. An empty RunID means the running or last
// run; errNotFound if there is none.
type reads interface {
	// Describe returns what Temporal knows of a run by itself; it asks no worker.
	Describe(ctx context.Context, r run) (execution, error)
	// Query asks the workflow where it stands.
	Query(ctx context.Context, r run) (rollout.Status, error)
	// Target asks a Target what it knows.
	Target(ctx context.Context, t rollout.Target) (rollout.TargetStatus, error)
	// Pollers counts the workers that poll a task queue, as far as Temporal knows.
	Pollers(ctx context.Context, queue string) (int, error)
	// End blocks until the run is over, and returns its last event.
	End(ctx context.Context, r run) (*historypb.HistoryEvent, error)
	archives
}

// archives reads what Temporal stores. An error ends the sequence.
type archives interface {
	// Events yields the events of one run, oldest first.
	Events(ctx context.Context, r run) iter.Seq2[*historypb.HistoryEvent, error]
	// List yields the executions that match a visibility query, open ones first.
	List(ctx context.Context, query string) iter.Seq2[execution, error]
}

// orders gives commands to workflows.
type orders interface {
	// Signal returns when the command is stored; errOver if nothing runs any more.
	Signal(ctx context.Context, r run, c rollout.Command) error
	// Update returns when the command is answered; errOver if nothing runs any more.
	Update(ctx context.Context, r run, c rollout.Command) (rollout.Answer, error)
	// Withdraw keeps a Target from carrying out later an order that it did not accept
	// in time.
	Withdraw(ctx context.Context, t rollout.Target, w rollout.Withdrawal) error
	// Restored has a Target record what a break-glass restore came to.
	Restored(ctx context.Context, t rollout.Target, r rollout.Restored) error
}

// lines stops and starts the line of an environment.
type lines interface {
	// StopLine returns once it is decided whether the actor may; the stop is stored,
	// and in force, even where that is errNoWorker.
	StopLine(ctx context.Context, o rollout.StopOrder) (rollout.Answer, error)
	// StartLine ends the stop; errOver if the line is not stopped.
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
	Broken  bool // it failed, and not because a person acknowledged what could not be put back

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
