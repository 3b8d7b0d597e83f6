package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

const day = 24 * time.Hour

// rehearsedTown is a Temporal in which checkout was promoted, and practised a day ago
// with what was promoted; nothing is wrong with it.
type rehearsedTown struct {
	*fake
	t *testing.T
}

func newRehearsedTown(t *testing.T) rehearsedTown {
	p := rehearsedTown{&fake{pollers: map[string]int{"rehearsal": 1}, byType: map[string][]execution{}, tapes: map[string]*tape{}}, t}
	p.rolledOut("2.5.0", 2*day)
	p.rehearsed("checkout", day, func(m *rehearsal.Manifest) {
		taken := noon.Add(-day)
		m.Data = []data.Set{{Template: "orders.yaml"}, {Snapshot: data.Snapshot{Name: "cards", File: "cards.csv", TakenAt: &taken}}}
		m.Load = []load.Load{{Replay: &load.Replay{File: "friday.har"}}}
	})
	p.library = []string{"cards.csv", "friday.har", "orders.yaml"}
	return p
}

// rolledOut adds a promotion that ended some time ago.
func (p rehearsedTown) rolledOut(version string, ago time.Duration) {
	closed := noon.Add(-ago)
	p.byType["Rollout"] = append(p.byType["Rollout"], execution{run: run{"rollout/production/checkout", version}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED,
		Closed: &closed, Service: "checkout", Environment: "production", Candidate: version, Outcome: rollout.Promoted})
}

// rehearsed adds a rehearsal of checkout 2.5.0 with a drill that passed some time
// ago.
func (p rehearsedTown) rehearsed(name string, ago time.Duration, change func(*rehearsal.Manifest)) *execution {
	closed := noon.Add(-ago)
	m := rehearsal.Manifest{Name: name, Environment: "staging"}
	m.Rollout.Service, m.Rollout.Release.Version = "checkout", "2.5.0"
	if change != nil {
		change(&m)
	}
	id := run{rollout.RehearsalID("staging", name), name + "@" + closed.String()}
	tape := &tape{t: p.t}
	tape.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED).Attributes = &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: tape.payloads(rehearsal.Order{Manifest: m})}}
	p.tapes[id.RunID] = tape
	p.byType["Rehearsal"] = append(p.byType["Rehearsal"], execution{run: id, Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, Started: closed.Add(-time.Minute), Closed: &closed,
		Target: "staging/checkout", Service: "checkout", Environment: "staging", Outcome: "Passed", Step: 10})
	return &p.byType["Rehearsal"][len(p.byType["Rehearsal"])-1]
}

// red has a rehearsal fail, by these criteria besides that its baseline was restored
// in time.
func (p rehearsedTown) red(e *execution, criteria ...evidence.Criterion) {
	e.Outcome = rollout.Failed
	status := rehearsal.Status{Criteria: append(criteria, evidence.Criterion{Name: "drill from step 1: restored within 10s", Outcome: evidence.Passed})}
	tape := p.tapes[e.RunID]
	tape.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED).Attributes = &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
		WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: tape.payloads(status)}}
}

// serves lets a Target tell which artifact serves.
func (p rehearsedTown) serves(artifact string) {
	p.byType["Target"] = []execution{{run: run{WorkflowID: "target/production/checkout"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}}
	p.onTarget = func(int) rollout.TargetStatus {
		return rollout.TargetStatus{Good: []rollout.Known{{Release: rollout.Release{Version: "2.5.0", Artifact: artifact}}}}
	}
}

// Everything by which rehearsals get old is found, with what to do.
func TestDoctorTooling(t *testing.T) {
	taken := noon.Add(-40 * day)
	old := data.Snapshot{Name: "orders", File: "orders.csv", TakenAt: &taken}
	pinned := func(m *rehearsal.Manifest) { m.Baseline.Artifact = "shop@sha256:old" }
	for name, tt := range map[string]struct {
		change func(p rehearsedTown)
		want   []string // kind: the beginning of what is said
	}{
		"nothing": {change: func(rehearsedTown) {}},
		"a service that was never practised": {change: func(p rehearsedTown) {
			p.byType["Rollout"] = append(p.byType["Rollout"], execution{run: run{"rollout/staging/cart", "r"}, Service: "cart"})
		}, want: []string{"drillOverdue: no drill of the way back of cart is known"}},
		"a rehearsal that failed for an action that is overdue": {change: func(p rehearsedTown) {
			p.red(&p.byType["Rehearsal"][0], evidence.Criterion{Name: evidence.ActionsInTime, Outcome: evidence.Failed})
		}},
		"one that failed so after an old one that passed": {change: func(p rehearsedTown) {
			p.red(&p.byType["Rehearsal"][0], evidence.Criterion{Name: "errors", Outcome: evidence.Failed})
			p.rehearsed("checkout", 40*day, nil)
		}},
		"a rehearsal whose drills did not pass": {change: func(p rehearsedTown) {
			p.red(&p.byType["Rehearsal"][0], evidence.Criterion{Name: evidence.NothingIsLeft, Outcome: evidence.Failed})
		}, want: []string{"drillOverdue: no drill of the way back of checkout"}},
		"a rehearsal without drills": {change: func(p rehearsedTown) { p.byType["Rehearsal"][0].Step = 0 }, want: []string{"drillOverdue: no drill of the way back of checkout"}},
		"a control":                  {change: func(p rehearsedTown) { p.byType["Rehearsal"][0].Outcome = rehearsal.OutcomeOfControl }, want: []string{"drillOverdue: no drill of the way back of checkout"}},
		"a drill that is old": {change: func(p rehearsedTown) {
			p.byType["Rehearsal"], p.library = nil, nil
			p.rehearsed("checkout", 31*day, nil)
			p.byType["Rollout"] = nil
		}, want: []string{"drillOverdue: the way back of checkout was practised last 31d ago"}},
		"a snapshot of the baseline that is old": {change: func(p rehearsedTown) {
			p.rehearsed("other", day, func(m *rehearsal.Manifest) { m.Baseline.Data = []data.Snapshot{old} })
		}, want: []string{"staleBaseline: snapshot orders of rehearsal other was taken 40d ago"}},
		"another snapshot that is old": {change: func(p rehearsedTown) {
			p.rehearsed("other", day, func(m *rehearsal.Manifest) { m.Data = []data.Set{{Snapshot: old}} })
		}, want: []string{"staleSnapshot: snapshot orders of rehearsal other was taken 40d ago"}},
		"a snapshot of unknown age": {change: func(p rehearsedTown) {
			p.rehearsed("other", day, func(m *rehearsal.Manifest) {
				m.Data = []data.Set{{Snapshot: data.Snapshot{Name: "orders", File: "o.csv"}}}
			})
		}, want: []string{"staleSnapshot: nobody says when snapshot orders"}},
		"one that only an older run of the rehearsal had": {change: func(p rehearsedTown) {
			p.rehearsed("checkout", 2*day, func(m *rehearsal.Manifest) { m.Data = []data.Set{{Snapshot: old}} })
		}},
		"one that an older run of its schedule had": {change: func(p rehearsedTown) {
			p.rehearsed("checkout", 2*day, func(m *rehearsal.Manifest) { m.Data = []data.Set{{Snapshot: old}} }).WorkflowID += "-2026-11-20T06:00:00Z"
		}},
		"another version was promoted since": {change: func(p rehearsedTown) { p.rolledOut("2.6.0", time.Hour) },
			want: []string{"practisedOlder: checkout was practised with 2.5.0, and 2.6.0 was promoted in production since"}},
		"a promotion within a rehearsal": {change: func(p rehearsedTown) {
			p.rolledOut("2.6.0", time.Hour)
			p.byType["Rollout"][1].Parent.WorkflowID = rollout.RehearsalID("staging", "checkout")
		}},
		"a baseline that serves nowhere": {change: func(p rehearsedTown) { p.rehearsed("other", day, pinned); p.serves("shop@sha256:new") },
			want: []string{"practisedOlder: rehearsal other starts from shop@sha256:old, and shop@sha256:new serves"}},
		"a baseline that serves":          {change: func(p rehearsedTown) { p.rehearsed("other", day, pinned); p.serves("shop@sha256:old") }},
		"a target that knows no artifact": {change: func(p rehearsedTown) { p.rehearsed("other", day, pinned); p.serves("") }},
		"files that nobody uses": {change: func(p rehearsedTown) { p.library = append(p.library, "carts.yaml") },
			want: []string{"unusedTemplate: no rehearsal of the last 30d names carts.yaml"}},
		"a schedule that is paused": {change: func(p rehearsedTown) {
			p.schedules = []schedule{{id: "schedule/rehearsal/staging/checkout", note: "broken", paused: true}, {id: "schedule/suite/weekly"}}
		}, want: []string{"schedulePaused: schedule/rehearsal/staging/checkout is paused: broken"}},
		"a worker that does not answer": {change: func(p rehearsedTown) { p.silent = true },
			want: []string{"unserved: no worker of queue rehearsal answers: its library is not looked at"}},
		"nobody serves rehearsals": {change: func(p rehearsedTown) { p.pollers = map[string]int{} }, want: []string{"unserved: nobody polls queue rehearsal"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newRehearsedTown(t)
			tt.change(p)
			got := bakeoff(t.Context(), p.fake, "doctor", "--tooling", "-o", "json")
			var found []string
			for line := range strings.Lines(got.out) {
				f := decodeLine(t, line)
				require.NotEmpty(t, f["advice"])
				found = append(found, f["kind"].(string)+": "+f["text"].(string))
			}
			require.Len(t, found, len(tt.want), "%s %s", got.out, got.err)
			for i, want := range tt.want {
				require.Contains(t, found[i], want)
			}
			require.Equal(t, map[bool]int{false: 14, true: 0}[len(tt.want) == 0], got.code, got.err)
		})
	}
}

func TestDoctorToolingOlder(t *testing.T) {
	p := newRehearsedTown(t)
	require.Equal(t, 14, bakeoff(t.Context(), p.fake, "doctor", "--tooling", "--older", "12h").code)
	require.Contains(t, bakeoff(t.Context(), p.fake, "doctor", "--tooling").out, "nothing found")
	for _, wrong := range [][]string{{"--older", "0s"}, {"--older", "-1d"}, {"--env", "staging"}} {
		require.Equal(t, 2, bakeoff(t.Context(), p.fake, append([]string{"doctor", "--tooling"}, wrong...)...).code, wrong)
	}
	p.actErr = map[string]error{"ListLibrary": errors.New("no such folder")}
	got := bakeoff(t.Context(), p.fake, "doctor", "--tooling")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.err, "list the library of rehearsals: ListLibrary: no such folder")
}
