package activities_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// kept keeps records of a load.
func (r *room) kept(file string, records ...load.Record) {
	r.t.Helper()
	to, err := r.acts.Archive.Create(context.Background(), r.in.Plan.Run, file)
	require.NoError(r.t, err)
	raw := load.NewRawWriter(to, r.in.Facts.Zero)
	for _, record := range records {
		raw.Write(record)
	}
	require.NoError(r.t, raw.Close())
	require.NoError(r.t, to.Close())
}

// recorded are arrivals from one on before another.
func recorded(from, before int, kind string) []load.Record {
	var out []load.Record
	for i := from; i < before; i++ {
		out = append(out, load.Record{Arrival: i, Planned: time.Duration(i) * 100 * time.Millisecond, Latency: time.Millisecond, Kind: kind})
	}
	return out
}

// An arrival that stands in the files of two tries counts once, as sent.
func TestArrivalsOfTwoTries(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	r.kept("load-browse.1.1.csv.gz", recorded(0, 6, "")...)
	r.kept("load-browse.1.2.csv.gz", append(recorded(4, 7, load.KindMissed), recorded(7, 10, "")...)...)
	run := r.conclude()
	said := outcomes(run)["browse was sent as planned"]
	require.Contains(t, said, "Unmeasured: 1 of 10 requests not sent")
	require.Contains(t, said, "; generators that had died, stood still or were cut off from Temporal were begun anew 1 time")
	require.Equal(t, 1, run.Load[0].Restarts)
	require.Zero(t, run.Load[0].Failed)
}

// The seconds that a generator missed are not held against the service.
func TestMissedSecondsAreNotTheServices(t *testing.T) {
	r := newRoom(t)
	l := browse
	l.For = rollout.Duration(30 * time.Second)
	r.began(l)
	r.in.Order.Manifest.Expect = []rehearsal.Expect{{Signal: rehearsal.SignalRate, Always: true, Above: &rehearsal.Amount{Value: 9, Unit: rehearsal.UnitRate}}}
	r.kept("load-browse.1.1.csv.gz", append(recorded(0, 100, ""), recorded(100, 102, load.KindStopped)...)...)
	r.kept("load-browse.1.2.csv.gz", append(recorded(90, 150, load.KindMissed), recorded(150, 300, "")...)...)
	got := outcomes(r.conclude())
	require.Contains(t, got["rate"], "Passed: ")
	require.Contains(t, got["browse was sent as planned"], "Unmeasured: 48 of 300 requests not sent")
}

// What is not there any more is said, and counts as not sent.
func TestFilesThatAreGone(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	r.kept("load-browse.1.2.csv.gz", recorded(5, 10, "")...)
	said := outcomes(r.conclude())["browse was sent as planned"]
	require.Contains(t, said, "Unmeasured: 5 of 10 requests not sent")
	require.Contains(t, said, "; of its evidence load-browse.1.1.csv.gz is not there")

	r = newRoom(t)
	closed := browse
	closed.Rate, closed.Closed = 0, &load.Closed{Users: 1, Think: rollout.Duration(time.Second)}
	r.began(closed)
	r.kept("load-browse.1.2.csv.gz", recorded(0, 3, "")...)
	require.Contains(t, outcomes(r.conclude())["browse was sent as planned"], "Unmeasured: 0 of 3 requests not sent", "nobody knows how many there were")
}

// Of a drill that no load was there for, nobody knows what users noticed.
func TestDrillWithoutLoad(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	r.kept("load-browse.1.1.csv.gz", recorded(0, 10, "")...)
	at := func(d time.Duration) *time.Time { moment := r.in.Facts.Zero.Add(d); return &moment }
	r.in.Facts.Drills = []evidence.Drill{{Name: "drill", Repeats: []evidence.Repeat{
		{Number: 1, BreachAt: at(200 * time.Millisecond), HealthyAt: at(700 * time.Millisecond)},
		{Number: 2, BreachAt: at(700 * time.Millisecond), HealthyAt: at(1700 * time.Millisecond)},
		{Number: 3, BreachAt: at(5 * time.Second), HealthyAt: at(7 * time.Second)}}}}
	repeats := r.conclude().Drills[0].Repeats
	require.Equal(t, 6, repeats[0].Users.Requests)
	require.Nil(t, repeats[1].Users, "its load ended meanwhile")
	require.Nil(t, repeats[2].Users)
}

// The candidate against the baseline: who answered is in the answers.
func TestSidesOfAReport(t *testing.T) {
	room := func(versions ...string) *room {
		r := newRoom(t)
		l := browse
		l.For = rollout.Duration(10 * time.Second)
		r.began(l)
		r.in.Order.Manifest.Rollout.Release.Version, r.in.Facts.Before.Version = "2 beta", "1"
		records := recorded(0, 100, "")
		for i := range records {
			records[i].Version = versions[i%len(versions)]
			if records[i].Version == "2_beta" {
				records[i].Latency, records[i].Status = 50*time.Millisecond, 503
				if i%4 == 1 {
					records[i].Kind = "status 503"
				}
			}
		}
		r.kept("load-browse.1.1.csv.gz", records...)
		return r
	}
	r := room("1", "2_beta", "1", "2_beta")
	run := r.conclude()
	got := map[string][]float64{}
	for _, s := range run.Series {
		if s.Of == "baseline" || s.Of == "candidate" {
			require.Len(t, s.Seconds, 10)
			got[s.Of+" "+s.Name] = s.Values[:1]
		}
	}
	require.Equal(t, map[string][]float64{"baseline errors": {0}, "baseline latency-p99": {0.001}, "candidate errors": {0.6}, "candidate latency-p99": {0.05}}, got)
	file, err := r.acts.Archive.Open(t.Context(), r.in.Plan.Run, "report.md")
	require.NoError(t, err)
	body, err := io.ReadAll(file)
	require.NoError(t, errors.Join(err, file.Close()))
	require.Contains(t, string(body), "## Candidate against baseline")
	require.Contains(t, string(body), "Errors of candidate and baseline.")

	for name, versions := range map[string][]string{"nobody says": {""}, "only one answered": {"1"}} {
		for _, s := range room(versions...).conclude().Series {
			require.NotContains(t, []string{"baseline", "candidate"}, s.Of, name)
		}
	}
}

// What somebody else's activity did not stop is left behind, and no sweep finds it.
func TestTasksThatWereNotStoppedAreLeft(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	r.kept("load-browse.1.1.csv.gz", recorded(0, 10, "")...)
	r.in.Order.Manifest.Faults = []fault.Fault{
		{Name: "chaos", For: rollout.Duration(time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}},
		{Name: "calm", For: rollout.Duration(time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}}
	ended := r.in.Facts.Zero.Add(time.Second)
	r.in.Facts.Faults = []evidence.Fault{{Name: "chaos", What: "task PodKill", EndedAt: ended, Error: "it could not be stopped: no"},
		{Name: "calm", StartedAt: r.in.Facts.Zero, EndedAt: ended, Verified: true}}
	run := r.conclude()
	require.Equal(t, evidence.Failed, run.Outcome)
	require.Equal(t, []string{"fault chaos (task PodKill): it could not be stopped: no"}, run.Residue)
	said := outcomes(run)
	require.Contains(t, said["chaos came and went"], "Failed: it was not seen to be gone: it could not be stopped: no")
	require.Contains(t, said["calm came and went"], "Passed")
	require.Contains(t, said["nothing is left behind"], "Failed: fault chaos")
}

// An answer's version finds its way into the verdict.
func TestUsersThatStillMeetTheCandidate(t *testing.T) {
	r := newRoom(t)
	l := browse
	l.For = rollout.Duration(10 * time.Second)
	r.began(l)
	r.in.Order.Manifest.Rollout.Release.Version = "2 beta" // a table has no spaces
	records := recorded(0, 100, "")
	for i := range records {
		if records[i].Version = "1"; i%5 == 0 && i < 70 {
			records[i].Version = "2 beta"
		}
	}
	r.kept("load-browse.1.1.csv.gz", records...)
	at := func(seconds int) *time.Time {
		moment := r.in.Facts.Zero.Add(time.Duration(seconds) * time.Second)
		return &moment
	}
	r.in.Facts.Drills = []evidence.Drill{{Name: "drill", Limit: rollout.Duration(time.Minute), Repeats: []evidence.Repeat{
		{Number: 1, Outcome: evidence.Passed, Same: true, RaisedAt: at(0), BreachAt: at(2), RestoredAt: at(3), HealthyAt: at(4)}}}}
	got := r.conclude().Drills[0].Repeats[0]
	require.Equal(t, evidence.Failed, got.Outcome)
	require.Contains(t, got.Reason, "users still met 2 beta at 10:00:06")
	require.WithinDuration(t, *at(6), *got.MetUntil, 600*time.Millisecond)
}

// Of a load that traces its requests, the evidence and the report name those to look at.
func TestTracesOfALoad(t *testing.T) {
	r := newRoom(t)
	l := browse
	l.Trace = rollout.All
	r.began(l)
	records := recorded(0, 10, "")
	records[3].Kind = "status 503"
	r.kept("load-browse.1.1.csv.gz", records...)
	traces := r.conclude().Load[0].Traces
	require.Equal(t, []int{10, 1}, []int{traces.Requests, traces.Failed})
	s, err := load.New(r.in.Order.Manifest.Seed, l, nil)
	require.NoError(t, err)
	require.Equal(t, s.Of(r.in.Plan.Run).TraceID(3), traces.FirstFailed[0].ID)
	file, err := r.acts.Archive.Open(t.Context(), r.in.Plan.Run, "report.md")
	require.NoError(t, err)
	body, err := io.ReadAll(file)
	require.NoError(t, errors.Join(err, file.Close()))
	require.Contains(t, string(body), traces.FirstFailed[0].ID)
}
