package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rollout"
)

// connection says which Temporal to talk to. Empty fields are taken from the
// variables and profiles of the temporal CLI.
type connection struct{ Address, Namespace, Profile string }

// options reads the settings of the temporal CLI and puts what c names on top.
func (c connection) options() (client.Options, error) {
	o, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{
		ConfigFileProfile: c.Profile, IncludeRemoteCodec: true,
	})
	if err != nil {
		return o, fmt.Errorf("read the Temporal connection settings: %w", err)
	}
	if c.Address != "" {
		o.HostPort = c.Address
	}
	if c.Namespace != "" {
		o.Namespace = c.Namespace
	}
	o.Identity = "bakeoff/" + whoami()
	o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil)) // errors are returned, and said once
	return o, nil
}

// server is the Temporal service as reached by the SDK.
type server struct {
	client    client.Client
	converter converter.DataConverter
	named     bool // callers show who they are
}

var _ service = (*server)(nil)

func dial(ctx context.Context, c connection) (service, error) {
	o, err := c.options()
	if err != nil {
		return nil, err
	}
	connected, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal at %s: %w", orElse(o.HostPort, client.DefaultHostPort), err)
	}
	if o.DataConverter == nil {
		o.DataConverter = converter.GetDefaultDataConverter()
	}
	return &server{connected, o.DataConverter, isNamed(o)}, nil
}

func (s *server) Converter() converter.DataConverter { return s.converter }
func (s *server) Close()                             { s.client.Close() }

func (s *server) Submit(ctx context.Context, o rollout.Submit) (rollout.Submission, error) {
	if err := s.witnessSubmit(ctx, o); err != nil {
		return rollout.Submission{}, err
	}
	for {
		out, err := s.submit(ctx, o)
		if !isRenewing(err) || ctx.Err() != nil {
			return out, classify(err)
		}
		pause(ctx, renewingFor)
	}
}

// renewingFor is how long a Target takes to go on as a new run.
const renewingFor = 50 * time.Millisecond

// isRenewing reports whether an update was turned away because its workflow goes
// on as a new run, or had more news than its worker knew of. It was not taken.
func isRenewing(err error) bool {
	var failed *temporal.ApplicationError
	var again *serviceerror.WorkflowNotReady
	return errors.As(err, &failed) && failed.Type() == rollout.ErrorRenewing || errors.As(err, &again)
}

func (s *server) submit(ctx context.Context, o rollout.Submit) (rollout.Submission, error) {
	var out rollout.Submission
	t := o.Order.Spec.Key()
	handle, err := s.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.client.NewWithStartWorkflowOperation(targetOptions(t), rollout.TargetType, rollout.TargetStatus{Target: t}),
		UpdateOptions: client.UpdateWorkflowOptions{UpdateID: o.Order.ID, WorkflowID: rollout.TargetID(t),
			UpdateName: rollout.CommandSubmit, Args: []any{o}, WaitForStage: client.WorkflowUpdateStageCompleted},
	})
	if err == nil {
		err = handle.Get(ctx, &out)
	}
	return out, err
}

// Start starts a rollout beside its Target, and tells that one of it.
func (s *server) Start(ctx context.Context, o rollout.Submit) (run, error) {
	begun, err := s.client.ExecuteWorkflow(ctx, startOptions(o), rollout.WorkflowType, o.Order)
	if err != nil {
		return run{}, classify(err)
	}
	started, t := run{begun.GetID(), begun.GetRunID()}, o.Order.Spec.Key()
	_, err = s.client.SignalWithStartWorkflow(ctx, rollout.TargetID(t), rollout.CommandAdopt, rollout.Course{Submit: o, RunID: started.RunID},
		targetOptions(t), rollout.TargetType, rollout.TargetStatus{Target: t})
	return started, classify(err)
}

func (s *server) Target(ctx context.Context, t rollout.Target) (rollout.TargetStatus, error) {
	var status rollout.TargetStatus
	answer, err := s.client.QueryWorkflow(ctx, rollout.TargetID(t), "", rollout.StatusQuery)
	if err != nil {
		return status, classify(err)
	}
	return status, answer.Get(&status)
}

// planWithin bounds how long a plan may take once a worker has begun it.
const planWithin = time.Minute

func (s *server) Plan(ctx context.Context, id string, o rollout.Order, foresee bool) (admission, error) {
	var out admission
	err := s.plan(ctx, solo{id, rollout.QueueInfra, "Admit", "plan " + summaryOf(o)}, map[string]any{"order": o, "foresee": foresee}, &out)
	return out, err
}

// plan runs an activity that plans, as long as somebody waits for it.
func (s *server) plan(ctx context.Context, a solo, in, out any) error {
	handle, err := s.client.ExecuteActivity(ctx, client.StartActivityOptions{
		ID: a.id, TaskQueue: a.queue, ScheduleToCloseTimeout: planWithin,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 3}, Summary: short(a.summary, 150),
	}, a.activity, in)
	if err != nil {
		return err
	}
	err = handle.Get(ctx, out)
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = handle.Terminate(stop, client.TerminateActivityOptions{Reason: "nobody waits for the plan any more"})
		return errNoWorker
	}
	return err
}

// actWithin bounds an act of the break-glass restore, retries included.
const actWithin = time.Minute

func (s *server) Act(ctx context.Context, a solo, in, out any) error {
	handle, err := s.client.ExecuteActivity(ctx, client.StartActivityOptions{
		ID: a.id, TaskQueue: a.queue, ScheduleToCloseTimeout: actWithin, StartToCloseTimeout: actWithin / 2,
		Summary: short(a.summary, 150), Priority: temporal.Priority{PriorityKey: 1},
	}, a.activity, in)
	if err != nil {
		return err
	}
	if out == nil {
		out = new(any)
	}
	err = handle.Get(ctx, out)
	if err != nil {
		return fmt.Errorf("%s: %w", a.activity, err)
	}
	return nil
}

func (s *server) Describe(ctx context.Context, r run) (execution, error) {
	d, err := s.client.DescribeWorkflowExecution(ctx, r.WorkflowID, r.RunID)
	if err != nil {
		return execution{}, classify(err)
	}
	e := executionOf(d.GetWorkflowExecutionInfo())
	e.TaskAttempts = int(d.GetPendingWorkflowTask().GetAttempt())
	for _, p := range d.GetPendingActivities() {
		if p.GetActivityType().GetName() == "Observe" {
			e.Checks = s.beat(p.GetHeartbeatDetails())
		}
		if p.GetAttempt() > 1 {
			e.Retrying = append(e.Retrying, rollout.Retrying{
				Act: p.GetActivityId(), Attempt: int(p.GetAttempt()), Failure: innermost(p.GetLastFailure())})
		}
	}
	return e, nil
}

// pollSeen is how long ago a living worker may have begun its last poll, which
// lasts a minute. The server remembers dead ones for longer.
const pollSeen = 90 * time.Second

// Pollers is how many workers poll a queue for activities.
func (s *server) Pollers(ctx context.Context, queue string) (int, error) {
	d, err := s.client.DescribeTaskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	n := 0
	for _, p := range d.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < pollSeen {
			n++
		}
	}
	return n, err
}

// beat is what a window that is being watched last said of its checks.
func (s *server) beat(details *commonpb.Payloads) []rollout.CheckResult {
	var beat struct {
		Checks []rollout.CheckResult `json:"checks"`
	}
	if len(details.GetPayloads()) == 0 || decode(s.converter, details, &beat) != nil {
		return nil // not yet, or not ours: the last window's end is what is known
	}
	return beat.Checks
}

// innermost is the message at the root of a failure.
func innermost(f *failurepb.Failure) string {
	for f.GetCause() != nil {
		f = f.GetCause()
	}
	return f.GetMessage()
}

func (s *server) Query(ctx context.Context, r run) (rollout.Status, error) {
	var status rollout.Status
	answer, err := s.client.QueryWorkflow(ctx, r.WorkflowID, r.RunID, rollout.StatusQuery)
	if err != nil {
		return status, classify(err)
	}
	return status, answer.Get(&status)
}

func (s *server) End(ctx context.Context, r run) (*historypb.HistoryEvent, error) {
	events := s.client.GetWorkflowHistory(ctx, r.WorkflowID, r.RunID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	if !events.HasNext() {
		return nil, errors.New("the end of the history is missing")
	}
	e, err := events.Next()
	return e, classify(err)
}

func (s *server) Events(ctx context.Context, r run) iter.Seq2[*historypb.HistoryEvent, error] {
	return func(yield func(*historypb.HistoryEvent, error) bool) {
		events := s.client.GetWorkflowHistory(ctx, r.WorkflowID, r.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			if !yield(e, classify(err)) || err != nil {
				return
			}
		}
	}
}

func (s *server) List(ctx context.Context, query string) iter.Seq2[execution, error] {
	return func(yield func(execution, error) bool) {
		for token := []byte(nil); ; {
			page, err := s.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: token})
			if err != nil {
				yield(execution{}, err)
				return
			}
			for _, info := range page.GetExecutions() {
				if !yield(executionOf(info), nil) {
					return
				}
			}
			if token = page.GetNextPageToken(); len(token) == 0 {
				return
			}
		}
	}
}

func (s *server) Signal(ctx context.Context, r run, c rollout.Command) error {
	err := classify(s.client.SignalWorkflow(ctx, r.WorkflowID, r.RunID, c.Name, c))
	if errors.Is(err, errNotFound) {
		return errOver
	}
	return err
}

func (s *server) Update(ctx context.Context, r run, c rollout.Command) (rollout.Answer, error) {
	if err := s.witness(ctx, r, c); err != nil {
		return rollout.Answer{}, err
	}
	for {
		answer, err := s.update(ctx, r, c)
		if !isRenewing(err) || ctx.Err() != nil {
			return answer, err
		}
		pause(ctx, renewingFor)
	}
}

func (s *server) update(ctx context.Context, r run, c rollout.Command) (rollout.Answer, error) {
	var answer rollout.Answer
	handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		UpdateID: c.Name + "/" + c.ID, WorkflowID: r.WorkflowID, RunID: r.RunID,
		UpdateName: c.Name, Args: []any{c}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &answer)
	}
	if err = classify(err); errors.Is(err, errNotFound) {
		err = errOver
	}
	return answer, err
}

func (s *server) StopLine(ctx context.Context, o rollout.StopOrder) (rollout.Answer, error) {
	var answer rollout.Answer
	handle, err := s.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.client.NewWithStartWorkflowOperation(stopOptions(o), rollout.StopType, o),
		UpdateOptions: client.UpdateWorkflowOptions{UpdateID: o.Command.ID, WorkflowID: rollout.StopID(o.Environment),
			UpdateName: o.Command.Name, Args: []any{o.Command}, WaitForStage: client.WorkflowUpdateStageCompleted},
	})
	if err == nil {
		err = handle.Get(ctx, &answer)
	}
	return answer, classify(err)
}

func (s *server) StartLine(ctx context.Context, o rollout.StopOrder) (rollout.Answer, error) {
	return s.Update(ctx, run{WorkflowID: rollout.StopID(o.Environment)}, o.Command)
}

// classify turns the errors that commands act on into ours.
func classify(err error) error {
	var (
		notFound *serviceerror.NotFound
		started  *serviceerror.WorkflowExecutionAlreadyStarted
		late     *client.WorkflowUpdateServiceTimeoutOrCanceledError
		failed   *temporal.ApplicationError
	)
	switch {
	case errors.As(err, &notFound):
		return errNotFound
	case errors.As(err, &started):
		return errBusy
	case errors.As(err, &late):
		return errNoWorker
	case errors.As(err, &failed) && failed.Type() == "AcceptedUpdateCompletedWorkflow":
		return errOver
	}
	return err
}

// retryable reports whether trying again may help: the server was away, or no
// worker came in time.
func retryable(err error) bool {
	var (
		away    *serviceerror.Unavailable
		busy    *serviceerror.ResourceExhausted
		late    *serviceerror.DeadlineExceeded
		stopped *serviceerror.Canceled
	)
	return errors.Is(err, errNoWorker) || errors.As(err, &away) || errors.As(err, &busy) || errors.As(err, &late) || errors.As(err, &stopped) ||
		errors.Is(err, context.DeadlineExceeded)
}
