package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
)

// connection says which Temporal to talk to. Empty fields are taken from the
// variables and profiles of the temporal CLI.
type connection struct {
	Address, Namespace, Profile string

	span trace.SpanContext // goes along with what is asked of Temporal; invalid: nothing does
}

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
	if c.span.IsValid() {
		o.Interceptors = append(o.Interceptors, tracing.Client(c.span))
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
		UpdateOptions: client.UpdateWorkflowOptions{UpdateID: submitID(o.Order), WorkflowID: rollout.TargetID(t),
			UpdateName: rollout.CommandSubmit, Args: []any{o}, WaitForStage: client.WorkflowUpdateStageCompleted},
	})
	if err == nil {
		err = handle.Get(ctx, &out)
	}
	return out, err
}

func (s *server) Start(ctx context.Context, o rollout.Submit) (run, error) {
	begun, err := s.client.ExecuteWorkflow(ctx, startOptions(o), rollout.WorkflowType, o.Order)
	if err != nil {
		return run{}, classify(err)
	}
	return run{begun.GetID(), begun.GetRunID()}, nil
}

func (s *server) Adopt(ctx context.Context, begun rollout.Course) error {
	t := begun.Submit.Order.Spec.Key()
	_, err := s.client.SignalWithStartWorkflow(ctx, rollout.TargetID(t), rollout.CommandAdopt, begun,
		targetOptions(t), rollout.TargetType, rollout.TargetStatus{Target: t})
	return classify(err)
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

func (s *server) Signal(ctx context.Context, r run, c rollout.Command) error {
	err := classify(s.client.SignalWorkflow(ctx, r.WorkflowID, r.RunID, c.Name, c))
	if errors.Is(err, errNotFound) {
		return errOver
	}
	return err
}

func (s *server) Withdraw(ctx context.Context, t rollout.Target, w rollout.Withdrawal) error {
	err := classify(s.client.SignalWorkflow(ctx, rollout.TargetID(t), "", rollout.CommandWithdraw, w))
	if errors.Is(err, errOver) || errors.Is(err, errNotFound) {
		return nil // no Target: it has nothing to carry out
	}
	return err
}

func (s *server) Restored(ctx context.Context, t rollout.Target, r rollout.Restored) error {
	_, err := s.client.SignalWithStartWorkflow(ctx, rollout.TargetID(t), rollout.SignalRestored, r, targetOptions(t), rollout.TargetType, rollout.TargetStatus{Target: t})
	return classify(err)
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

// updateID is one for each command and what it says: the server answers a known one
// with what it answered before, whatever is asked, and another command with the same
// id has to reach the workflow, to be denied on record. When it was given, and how it
// was signed then, does not make it another.
func updateID(c rollout.Command) string {
	said := c
	said.At, said.Trace, said.Statement = time.Time{}, "", ""
	if c.Signature != "" {
		said.Signature = "signed"
	}
	text, _ := json.Marshal(said) // plain data
	return fmt.Sprintf("%s/%s/%.6x", c.Name, c.ID, sha256.Sum256(text))
}

// submitID is the same for an order to a Target, where who gives it, and of what
// spec, makes it another one.
func submitID(o rollout.Order) string {
	text, _ := json.Marshal([]string{o.Actor, o.Spec.Release.Version, o.SpecDigest}) // plain data
	return fmt.Sprintf("%s/%s/%.6x", rollout.CommandSubmit, o.ID, sha256.Sum256(text))
}

func (s *server) update(ctx context.Context, r run, c rollout.Command) (rollout.Answer, error) {
	var answer rollout.Answer
	handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		UpdateID: updateID(c), WorkflowID: r.WorkflowID, RunID: r.RunID,
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
		UpdateOptions: client.UpdateWorkflowOptions{UpdateID: updateID(o.Command), WorkflowID: rollout.StopID(o.Environment),
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
