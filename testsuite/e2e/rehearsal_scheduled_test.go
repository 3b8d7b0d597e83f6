package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// A rehearsal falls due while the last one still runs: the server has the policy that
// the command line was given, and does as that says.
func TestScheduledRehearsalsMeet(t *testing.T) {
	h := found(t).hall(t)
	t.Run("skip", func(t *testing.T) {
		y := h.yearly(t, "skip", enumspb.SCHEDULE_OVERLAP_POLICY_SKIP)
		first, skipped := y.begins(), y.describe().Info.NumActionsSkippedOverlap
		y.falls()
		until(t, "the second is skipped", func() bool { return y.describe().Info.NumActionsSkippedOverlap == skipped+1 })
		require.Equal(t, first, y.latest())
		y.stops(first)
		require.Equal(t, first, y.latest(), "nothing follows it")
	})
	t.Run("buffer", func(t *testing.T) {
		y := h.yearly(t, "buffer", enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE)
		first := y.begins()
		y.falls()
		y.stops(first)
		second := y.follows(first)
		y.stops(second)
		require.False(t, y.info(second).GetStartTime().AsTime().Before(y.info(first).GetCloseTime().AsTime()), "it waits")
	})
	t.Run("cancel", func(t *testing.T) {
		y := h.yearly(t, "cancel", enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER)
		first := y.begins()
		y.falls()
		second := y.follows(first)
		require.Equal(t, evidence.Aborted, y.outcome(first), "it is stopped, and not cut off")
		y.stops(second)
	})
	t.Run("allow", func(t *testing.T) {
		y := h.yearly(t, "allow", enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL)
		first := y.begins()
		y.falls()
		second := y.follows(first)
		require.ElementsMatch(t, []string{first.WorkflowID, second.WorkflowID}, y.open(), "both run, each under an id of its own")
		for range 2 {
			out := y.cli("rehearse", y.file, "--stop", "--reason", "the test says so")
			require.Zero(t, out.Code, out.Stderr)
		}
		require.Equal(t, evidence.Aborted, y.outcome(first))
		require.Equal(t, evidence.Aborted, y.outcome(second))
	})
	require.Empty(t, h.world.State().Flags)
}

// yearly is a rehearsal of a minute whose time has to be made to come.
type yearly struct {
	*hall
	t        *testing.T
	file     string
	schedule client.ScheduleHandle
}

// yearly schedules a rehearsal, or changes its schedule, and requires what the server
// has for those that meet.
func (h *hall) yearly(t *testing.T, overlap string, want enumspb.ScheduleOverlapPolicy) yearly {
	t.Helper()
	y := yearly{hall: h, t: t, file: h.manifest(h.browse("1m"), "drills: [{from: step 1, restoreWithin: 10s}]")}
	out := h.cli("rehearse", y.file, "--schedule", "0 6 1 1 *", "--overlap", overlap, "--reason", "yearly")
	require.Zero(t, out.Code, out.Stderr)
	y.schedule = h.town.client(t).ScheduleClient().GetHandle(t.Context(), "schedule/"+y.id())
	require.Equal(t, want, y.describe().Schedule.Policy.Overlap)
	return y
}

func (y yearly) id() string { return rollout.RehearsalID("staging", y.name) }

func (y yearly) describe() *client.ScheduleDescription {
	y.t.Helper()
	d, err := y.schedule.Describe(y.t.Context())
	require.NoError(y.t, err)
	return d
}

// falls makes it due.
func (y yearly) falls() {
	y.t.Helper()
	require.NoError(y.t, y.schedule.Trigger(y.t.Context(), client.ScheduleTriggerOptions{}))
}

// begins makes it due, and returns its run when it is under way.
func (y yearly) begins() client.ScheduleWorkflowExecution {
	y.t.Helper()
	seen := y.requests.Load()
	y.falls()
	until(y.t, "the schedule starts it", func() bool { return y.requests.Load() > seen })
	return y.latest()
}

// follows returns the run that comes after one, when that has begun.
func (y yearly) follows(first client.ScheduleWorkflowExecution) client.ScheduleWorkflowExecution {
	y.t.Helper()
	until(y.t, "the next one begins", func() bool { return y.latest() != first })
	return y.latest()
}

// latest is the run that its schedule has begun last: each has an id of its own,
// which ends in its time.
func (y yearly) latest() client.ScheduleWorkflowExecution {
	y.t.Helper()
	begun := y.describe().Info.RecentActions
	require.NotEmpty(y.t, begun)
	return *begun[len(begun)-1].StartWorkflowResult
}

// open are the ids of the runs that have not ended.
func (y yearly) open() (ids []string) {
	y.t.Helper()
	for _, a := range y.describe().Info.RecentActions {
		if y.info(*a.StartWorkflowResult).GetCloseTime() == nil {
			ids = append(ids, a.StartWorkflowResult.WorkflowID)
		}
	}
	return ids
}

// info is what the server knows of a run.
func (y yearly) info(run client.ScheduleWorkflowExecution) *workflowpb.WorkflowExecutionInfo {
	y.t.Helper()
	d, err := y.town.client(y.t).DescribeWorkflowExecution(y.t.Context(), run.WorkflowID, run.FirstExecutionRunID)
	require.NoError(y.t, err)
	return d.GetWorkflowExecutionInfo()
}

// outcome waits for the end of a run.
func (y yearly) outcome(run client.ScheduleWorkflowExecution) evidence.Outcome {
	y.t.Helper()
	var status rehearsal.Status
	require.NoError(y.t, y.town.client(y.t).GetWorkflow(y.t.Context(), run.WorkflowID, run.FirstExecutionRunID).Get(y.t.Context(), &status))
	return status.Outcome
}

// stops ends a run that is under way.
func (y yearly) stops(run client.ScheduleWorkflowExecution) {
	y.t.Helper()
	out := y.cli("rehearse", y.file, "--stop", "--reason", "the test says so")
	require.Zero(y.t, out.Code, out.Stderr)
	require.Equal(y.t, evidence.Aborted, y.outcome(run))
}

// A suite falls due by its schedule, too, and those of it that may run at once do.
func TestScheduledSuiteRunsAbreast(t *testing.T) {
	h := found(t).hall(t)
	other := &hall{scene: h.town.scene(t), folder: t.TempDir(), users: h.users}
	other.name = "another"
	const drill = "drills: [{from: step 1, restoreWithin: 30s}]"
	suite := write(t, h.folder, "suite.yaml", "kind: RehearsalSuite", "name: weekly", "parallel: 2",
		"rehearsals: ["+h.manifest(h.browse("10s"), drill)+", "+other.manifest(h.browse("10s"), drill)+"]")
	out := h.cli("rehearse", suite, "--schedule", "0 6 * * MON", "--overlap", "buffer", "--reason", "weekly")
	require.Zero(t, out.Code, out.Stderr)
	c := h.town.client(t)
	schedule := c.ScheduleClient().GetHandle(t.Context(), "schedule/suite/weekly")
	d, err := schedule.Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, d.Schedule.Policy.Overlap)
	require.NoError(t, schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	until(t, "the schedule starts it", func() bool {
		d, err := schedule.Describe(t.Context())
		return err == nil && len(d.Info.RecentActions) > 0
	})
	out = h.cli("rehearse", "suite/weekly", "--wait", "-o", "json")
	require.Zero(t, out.Code, "%s\n%s", out.Stdout, out.Stderr)
	status := decode[rehearsal.SuiteStatus](t, out.Stdout)
	require.Equal(t, evidence.Passed, status.Outcome, status.Reason)
	require.Len(t, status.Rehearsals, 2)
	a, b := status.Rehearsals[0], status.Rehearsals[1]
	require.Equal(t, []string{h.name, other.name}, []string{a.Name, b.Name})
	require.True(t, a.StartedAt.Before(*b.EndedAt) && b.StartedAt.Before(*a.EndedAt), "they ran one after another: %s to %s, %s to %s", a.StartedAt, a.EndedAt, b.StartedAt, b.EndedAt)
	require.Empty(t, other.world.State().Flags)
}
