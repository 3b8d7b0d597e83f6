package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// fake is a Temporal with at most one run, moved along by the test.
type fake struct {
	mu sync.Mutex

	execution *execution      // nil: nothing is known
	tape      *tape           // its history
	status    *rollout.Status // what a worker answers; nil: no worker
	ended     chan struct{}   // closed: the run is over
	queries   int             // how often a worker was asked
	onQuery   func(n int, f *fake)

	admission admission

	fleetAdmission fleetAdmission
	others         map[string]execution // by run id, or by workflow id
	listed         []execution
	query          string // of the last List

	startErr, submitErr, planErr, describeErr, signalErr, endErr error

	answer    func(c rollout.Command) (rollout.Answer, error)
	started   []rollout.Order
	fleets    []rollout.FleetOrder
	submitted []rollout.Submit // given to the Target
	withdrawn []rollout.Withdrawal
	onSubmit  func()   // called while an order is given
	adopted   []string // runs that the Target was told of

	onWithdraw, onStart, onAdopt func(n int) error // answers of a Temporal that is away for a while
	beside                       []rollout.Order   // started without asking the Target
	fate                         *rollout.Submission
	onTarget                     func(n int) rollout.TargetStatus
	asked                        int
	pollers                      map[string]int                       // by queue; nil: one each
	above                        func(rollout.Command) rollout.Answer // the Target's answers; nil: there is none
	signals                      []rollout.Command
	updates                      []rollout.Command
	dialError                    error
	onDial                       func(n int) error // of a Temporal that is away at first
	dials                        int

	practice func(r run, into any) error // the end of a rehearsal; nil: there is none
	standing map[string]any              // workflow id → where it stands
	begun    []beginning

	acts     []string         // activities that ran by themselves
	inputs   []map[string]any // of those that succeeded
	actErr   map[string]error // by activity
	verified verifyTrafficOutput
	mayNot   string // why policy denies a restore

	schedules []schedule
	byType    map[string][]execution // what List finds of a workflow type; nil: listed
	tapes     map[string]*tape       // histories by run ID; nil: tape
	library   []string
	tool      string
	restored  []rollout.Restored
	silent    bool // a worker that was killed: it polls, and does not answer

	busy        bool           // a rehearsal runs
	timetable   error          // of schedules
	unscheduled []string       // ids
	halted      []string       // ids
	foreseen    map[string]any // the answer of a worker that looks at a rehearsal
}

var _ service = (*fake)(nil)

func (f *fake) Converter() converter.DataConverter { return converter.GetDefaultDataConverter() }
func (f *fake) Close()                             {}

func (f *fake) Submit(_ context.Context, s rollout.Submit) (rollout.Submission, error) {
	f.started, f.submitted = append(f.started, s.Order), append(f.submitted, s)
	if f.onSubmit != nil {
		f.onSubmit()
	}
	if f.fate != nil {
		return *f.fate, nil
	}
	return rollout.Submission{ID: s.Order.ID, Fate: rollout.FateStarted, RunID: checkout.RunID}, errors.Join(f.startErr, f.submitErr)
}

func (f *fake) Start(_ context.Context, s rollout.Submit) (run, error) {
	f.beside = append(f.beside, s.Order)
	if f.onStart != nil {
		return checkout, f.onStart(len(f.beside))
	}
	return checkout, f.startErr
}

func (f *fake) Adopt(_ context.Context, begun rollout.Course) error {
	f.adopted = append(f.adopted, begun.RunID)
	if f.onAdopt != nil {
		return f.onAdopt(len(f.adopted))
	}
	return nil
}

func (f *fake) StartFleet(_ context.Context, o rollout.FleetOrder) (run, error) {
	f.fleets = append(f.fleets, o)
	return run{WorkflowID: rollout.FleetID(o.Spec.Key()), RunID: checkout.RunID}, f.startErr
}

func (f *fake) PlanFleet(_ context.Context, _ string, o rollout.FleetOrder) (fleetAdmission, error) {
	f.fleets = append(f.fleets, o)
	return f.fleetAdmission, f.planErr
}

func (f *fake) Target(ctx context.Context, _ rollout.Target) (rollout.TargetStatus, error) {
	if f.silent {
		<-ctx.Done()
		return rollout.TargetStatus{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if f.onTarget == nil {
		return rollout.TargetStatus{}, errNotFound
	}
	return f.onTarget(f.asked), nil
}

func (f *fake) Plan(ctx context.Context, _ string, o rollout.Order, _ bool) (admission, error) {
	f.started = append(f.started, o)
	return f.admission, f.planErr
}

func (f *fake) StopLine(_ context.Context, o rollout.StopOrder) (rollout.Answer, error) {
	return f.answer(o.Command)
}

func (f *fake) StartLine(_ context.Context, o rollout.StopOrder) (rollout.Answer, error) {
	return f.answer(o.Command)
}

func (f *fake) Describe(_ context.Context, r run) (execution, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range []string{r.RunID, r.WorkflowID} {
		if e, known := f.others[id]; known {
			return e, nil
		}
	}
	if f.describeErr != nil {
		return execution{}, f.describeErr
	}
	if f.execution == nil {
		return execution{}, errNotFound
	}
	return *f.execution, nil
}

func (f *fake) Pollers(_ context.Context, queue string) (int, error) {
	if f.pollers == nil {
		return 1, nil
	}
	return f.pollers[queue], nil
}

func (f *fake) Query(context.Context, run) (rollout.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries++
	if f.onQuery != nil {
		f.onQuery(f.queries, f)
	}
	if f.status == nil {
		return rollout.Status{}, errors.New("no poller seen for task queue recently")
	}
	return *f.status, nil
}

func (f *fake) End(ctx context.Context, r run) (*historypb.HistoryEvent, error) {
	if t, known := f.tapes[r.RunID]; known {
		return t.last(), nil
	}
	if f.endErr != nil {
		return nil, f.endErr
	}
	select {
	case <-f.ended:
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.tape.last(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fake) Events(_ context.Context, r run) iter.Seq2[*historypb.HistoryEvent, error] {
	if t, known := f.tapes[r.RunID]; known {
		return t.play()
	}
	return f.tape.play()
}

func (f *fake) List(_ context.Context, query string) iter.Seq2[execution, error] {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.query = query
	listed := f.listed
	if f.byType != nil {
		listed = f.byType[strings.Split(query, "'")[1]]
	}
	return func(yield func(execution, error) bool) {
		for _, e := range listed {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (f *fake) Act(ctx context.Context, a solo, in, out any) error {
	if f.silent {
		<-ctx.Done()
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := out.(*authorizeOutput); ok {
		*v = authorizeOutput{Allowed: f.mayNot == "", Why: f.mayNot}
		return f.actErr[a.activity]
	}
	f.acts = append(f.acts, fmt.Sprintf("%s on %s", a.activity, a.queue))
	if v, ok := out.(*verifyTrafficOutput); ok {
		*v = f.verified
	}
	if a.activity == "AdmitRehearsal" {
		return errors.Join(f.actErr[a.activity], copied(f.foreseen, out))
	}
	if a.activity == "ListLibrary" {
		body, err := json.Marshal(map[string]any{"files": f.library, "tool": f.tool})
		if err = errors.Join(err, json.Unmarshal(body, out)); err != nil {
			return err
		}
	}
	if err := f.actErr[a.activity]; err != nil {
		return fmt.Errorf("%s: %w", a.activity, err)
	}
	f.inputs = append(f.inputs, in.(map[string]any))
	return nil
}

func (f *fake) Signal(_ context.Context, _ run, c rollout.Command) error {
	f.signals = append(f.signals, c)
	return f.signalErr
}

func (f *fake) Withdraw(_ context.Context, _ rollout.Target, w rollout.Withdrawal) error {
	f.withdrawn = append(f.withdrawn, w)
	if f.onWithdraw != nil {
		return f.onWithdraw(len(f.withdrawn))
	}
	return nil
}

func (f *fake) Restored(_ context.Context, _ rollout.Target, r rollout.Restored) error {
	f.restored = append(f.restored, r)
	return nil
}

func (f *fake) Update(ctx context.Context, r run, c rollout.Command) (rollout.Answer, error) {
	if strings.HasPrefix(r.WorkflowID, "target/") {
		if f.above == nil {
			return rollout.Answer{}, errOver
		}
		return f.above(c), nil
	}
	f.updates = append(f.updates, c)
	if f.answer == nil {
		<-ctx.Done()
		return rollout.Answer{}, errNoWorker
	}
	return f.answer(c)
}

// end ends the run with a status; the fake must be locked, or not yet used.
func (f *fake) end(s rollout.Status) {
	f.tape.completed(s)
	f.execution.Status = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	close(f.ended)
}

// running is a fake whose rollout bakes its first step.
func running(t *testing.T) *fake {
	status := baking()
	return &fake{
		execution: &execution{run: checkout, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Started: noon, Target: "production/checkout", Candidate: "2.5.0", Phase: rollout.PhaseRunning},
		tape:      opening(t), status: &status, ended: make(chan struct{}),
	}
}

// over is a fake whose rollout has ended.
func over(t *testing.T, s rollout.Status) *fake {
	f := running(t)
	f.end(s)
	return f
}

func baking() rollout.Status {
	low, high := 0.8, 1.3
	return rollout.Status{
		Target: "production/checkout", WorkflowID: checkout.WorkflowID, RunID: checkout.RunID, Phase: rollout.PhaseRunning,
		Baseline: "2.4.1", Candidate: "2.5.0", Weight: 500, Step: 1, Steps: 2, StartedBy: "ana", StartedAt: noon, PlanDigest: "sha256:d",
		Window: &rollout.WindowStatus{Number: 2, Start: noon, End: noon.Add(2 * time.Minute), Bake: rollout.Duration(10 * time.Minute), Remaining: rollout.Duration(9 * time.Minute), Counts: true},
		Checks: []rollout.CheckResult{{Name: "errors", Verdict: rollout.Continue, Ratio: 1.02, Interval: []*float64{&low, &high}, ToFail: 0.2, ToPass: 0.5}},
	}
}

func result(o rollout.Outcome, cause rollout.Cause) rollout.Status {
	s := baking()
	at := noon.Add(20 * time.Minute)
	s.Phase, s.Outcome, s.Cause, s.Window, s.EndedAt = rollout.PhaseCompleted, o, cause, nil, &at
	return s
}

// ran is what a command line left behind.
type ran struct {
	code     int
	out, err string
}

// bakeoff runs one command line against a fake.
func bakeoff(ctx context.Context, f *fake, args ...string) ran {
	return typed(ctx, f, process{in: strings.NewReader("")}, args...)
}

// typed runs one command line in a process of the test's making.
func typed(ctx context.Context, f *fake, p process, args ...string) ran {
	var out, errs bytes.Buffer
	p.out, p.err = &out, &errs
	if p.getenv == nil {
		p.getenv = func(name string) string { return map[string]string{"BAKEOFF_UI": "http://ui", "NO_COLOR": "1"}[name] }
	}
	p.whoami = func() string { return "ana@laptop" }
	p.now = func() time.Time { return noon.Add(5 * time.Minute) }
	p.newID = func() string { return "id-1" }
	p.poll = time.Millisecond
	p.dial = func(context.Context, connection) (service, error) {
		if f.dials++; f.onDial != nil {
			if err := f.onDial(f.dials); err != nil {
				return nil, err
			}
		}
		if f.dialError != nil {
			return nil, f.dialError
		}
		return f, nil
	}
	code := execute(ctx, &p, args)
	return ran{code, out.String(), errs.String()}
}

const smallest = `kind: Rollout
service: checkout
environment: production
release: {version: 2.5.0, artifact: "registry.example/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
target:
  deploy:  {driver: http, with: {url: http://deployer:8080}}
  traffic: {driver: http, with: {url: http://router:8080}}
  metrics: {driver: prometheus, with: {url: http://prometheus:9090}}
strategy: {canary: [{weight: 5%, bake: 10m}, {weight: 25%, bake: 30m}]}
checks:
  - {name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version}
`

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "checkout.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func (f *fake) Begin(_ context.Context, b beginning) (run, error) {
	if f.practice == nil {
		return run{}, errNoWorker
	}
	if f.busy {
		return run{}, errBusy
	}
	f.begun = append(f.begun, b)
	return run{b.id, "r"}, nil
}

func (f *fake) Standing(_ context.Context, r run, into any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return copied(f.standing[r.WorkflowID], into)
}

func (f *fake) Outcome(_ context.Context, r run, into any) error { return f.practice(r, into) }

func (f *fake) Latest(_ context.Context, id string) (execution, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, known := f.others[id]; known {
		return e, nil
	}
	if f.practice == nil {
		return execution{}, errNotFound
	}
	return execution{run: run{id, "r"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}, nil
}

func (f *fake) Halt(_ context.Context, id string, _ rehearsal.Stop) (run, error) {
	f.halted = append(f.halted, id)
	if f.practice == nil {
		return run{}, errNotFound
	}
	return run{id, "r"}, nil
}

// copied gives a status as a worker does: as JSON.
func copied(status, into any) error {
	if status == nil {
		return errNotFound
	}
	body, err := json.Marshal(status)
	return errors.Join(err, json.Unmarshal(body, into))
}
func (f *fake) Schedule(context.Context, beginning, timetable) error { return f.timetable }
func (f *fake) Unschedule(_ context.Context, id string) error {
	f.unscheduled = append(f.unscheduled, id)
	return f.timetable
}

func (f *fake) Schedules(context.Context) iter.Seq2[schedule, error] {
	return func(yield func(schedule, error) bool) {
		for _, s := range f.schedules {
			if !yield(s, nil) {
				return
			}
		}
	}
}
