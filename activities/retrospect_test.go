package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

const inTime = "actions of earlier runs are done in time"

// again is the next run of the same manifest, some days later, in which load was sent.
func (r *room) again(id string, days int) {
	r.later(id, days)
	r.sent("browse", "load-browse.1.1.csv.gz", 10)
}

func (r *room) later(id string, days int) {
	r.in.Plan.Run = "staging/shop/" + id
	later := time.Duration(days) * 24 * time.Hour
	r.in.Status.StartedAt = r.in.Status.StartedAt.Add(later)
	r.in.Facts.Zero, r.in.Facts.End = r.in.Status.StartedAt, r.in.Status.StartedAt.Add(time.Minute)
}

// What a run found is mended when its criterion holds, whoever says so; what is
// not is late after two weeks, once and not twice.
func TestFindingsAreClosedByTheirCriteria(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	r.in.Order.Manifest.Owner = "kim"
	r.in.Order.Manifest.Actions = []evidence.Action{{Do: "write the runbook", Owner: "kim", Due: r.in.Status.StartedAt.AddDate(0, 0, 7)}}
	r.in.Facts.After.Extra = []string{"a rule", "a proxy"}
	r.sent("browse", "load-browse.1.1.csv.gz", 10)
	run := r.conclude()
	require.Len(t, run.Actions, 4, "the manifest's, the criterion's, and one for each thing that is left: %v", run.Actions)

	r.again("2", 7)
	require.Len(t, r.conclude().Actions, 4, "the same, and each once")

	r.again("3", 10)
	run = r.conclude()
	require.Contains(t, outcomes(run)[inTime], "Failed: 4 are late")
	require.Len(t, run.Actions, 4)

	r.in.Facts.After.Extra = nil
	done := r.in.Status.StartedAt
	r.in.Order.Manifest.Actions[0].Done = &done
	r.again("4", 7)
	run = r.conclude()
	require.Equal(t, evidence.Passed, run.Outcome, run.Reason)
	require.Contains(t, outcomes(run)[inTime], "Passed: none of 4 is late")
	require.Empty(t, run.Actions)
}

// What a manifest has named is to be done whether or not it names it still, at the
// date that was said first; that it will be done does not do it.
func TestActionsOfTheManifestAreCarriedOn(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	started := r.in.Status.StartedAt
	promise := evidence.Action{Do: "write the runbook", Owner: "kim", Due: started.AddDate(0, 0, -7)}
	limit := evidence.Action{Do: "mend the limit", Owner: "kim", Due: started.AddDate(0, 0, 7), Criterion: "browse was sent as planned"}
	r.in.Order.Manifest.Actions = []evidence.Action{promise, limit}
	run := r.conclude() // nothing was sent: the limit's criterion does not hold
	require.Contains(t, outcomes(run)[inTime], "Failed: 1 are late: write the runbook, for kim, was due on")
	require.Subset(t, run.Actions, []evidence.Action{promise, limit})

	r.in.Order.Manifest.Actions = nil
	r.later("2", 8)
	run = r.conclude()
	require.Contains(t, outcomes(run)[inTime], "Failed: 2 are late", "taken out of the manifest, and not done")
	require.Subset(t, run.Actions, []evidence.Action{promise, limit})

	later := started.AddDate(1, 0, 0)
	promised := promise
	promised.Done = &later
	r.in.Order.Manifest.Actions = []evidence.Action{promised}
	r.again("3", 10)
	run = r.conclude()
	require.Contains(t, outcomes(run)[inTime], "Failed: 1 are late: write the runbook, for kim, was due on "+promise.Due.Format(time.DateOnly)+"; that it is done on "+later.Format(time.DateOnly)+" is yet to come")
	require.Contains(t, run.Actions, promise, "and it is not done by waiting for that day")

	promised.Done = &started
	r.in.Order.Manifest.Actions = []evidence.Action{promised}
	r.again("4", 1)
	run = r.conclude()
	require.Equal(t, evidence.Passed, run.Outcome, run.Reason)
	require.Empty(t, run.Actions)
}

// A green run of an autoscaler leaves nothing to do, whatever its figures advise.
func TestAdviceIsNoAction(t *testing.T) {
	r := newRoom(t)
	flat := load.Load{Name: "browse", URL: browse.URL, Rate: 10, For: rollout.Duration(20 * time.Second)}
	r.began(flat)
	r.sent("browse", "load-browse.1.1.csv.gz", 200)
	r.in.Order.Manifest.Scaling = &scaling.Expect{Needed: 2, UpWithin: rollout.Duration(time.Minute)}
	r.in.Order.Manifest.Scaling.Replicas.Min, r.in.Order.Manifest.Scaling.Replicas.Max = 1, 4
	for i := range 40 {
		n := 1.0
		if i > 5 {
			n = 2
		}
		r.in.Facts.Scaling.Samples = append(r.in.Facts.Scaling.Samples, scaling.Sample{At: r.in.Facts.Zero.Add(time.Duration(i) * time.Second / 2), Ready: &n, Wanted: &n})
	}
	run := r.conclude()
	require.NotEmpty(t, run.Scaling.Advice)
	for _, a := range run.Actions {
		require.NotEmpty(t, a.Criterion, a.Finding)
	}
}

// A control has to be red by what it practises: an action that is late is none of it.
func TestControlIsNotRedByActions(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	r.in.Order.Manifest.Negative, r.in.Order.Manifest.Outcome = true, rollout.Promoted
	r.in.Facts.Rollout = &rollout.Status{Outcome: rollout.Promoted, Step: 1}
	r.in.Order.Manifest.Actions = []evidence.Action{{Do: "write the runbook", Owner: "kim", Due: r.in.Status.StartedAt.AddDate(0, 0, -7)}}
	r.sent("browse", "load-browse.1.1.csv.gz", 10)
	run := r.conclude()
	require.Contains(t, outcomes(run)[inTime], "Failed: 1 are late")
	require.Equal(t, evidence.Failed, run.Outcome)
	require.Contains(t, run.Reason, "a negative control has to fail, and this one did not")
}
