package report_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
	"bakeoff/rollout"
)

// reversed is a run whose rollout was sent back by its own checks, while a fault
// was in force, after a drill from its second step.
func reversed(id string) evidence.Run {
	run := evidence.Run{
		Version: evidence.Version, ID: "staging/bad-release/" + id, Name: "bad-release", Environment: "staging", Service: "checkout", Outcome: evidence.Passed,
		Reason: "all 3 criteria hold", StartedBy: "kim@example.com", StartedAt: began, EndedAt: after(60), Tool: "v0.6.0", Seed: 42,
		Criteria: []evidence.Criterion{{Name: "the rollout is RolledBack", Outcome: evidence.Passed, Reason: "RolledBack: objective: the candidate fails 8 % of its requests"}},
		Faults:   []evidence.Fault{{Name: "slow-db", What: "toxiproxy db: latency 200ms", StartedAt: after(46), EndedAt: after(56), RemovedBy: "rehearsal", Verified: true}},
		Fingerprint: evidence.Fingerprint{Digest: "sha256:0f3c", Parts: []evidence.Part{{Name: "load", Digest: "sha256:10ad"}, {Name: "outcome", Digest: "sha256:0c"},
			{Name: "seed", Digest: "sha256:5eed"}}},
	}
	run.Rollout = &evidence.Rollout{
		Outcome: rollout.RolledBack, Cause: rollout.CauseVerdict, Reason: "objective: the candidate fails 8 % of its requests at 30%", Baseline: "2.4.1", Candidate: "2.5.0",
		StartedAt: after(30), EndedAt: to(after(54)), Step: 2, Steps: 2,
		Shares: []evidence.Share{{At: after(34), Step: 1, Share: 0.1}, {At: after(42), Step: 2, Share: 0.3}, {At: after(50.6)}},
		MetAt:  to(after(34)), FaultAt: to(after(46)), Fault: "slow-db", BreachAt: to(after(50)), DecidedAt: to(after(50.1)), RestoredAt: to(after(50.6)), HealthyAt: to(after(51.5)),
		Restore: &rollout.TimeToRestore{Total: rollout.Duration(1500 * time.Millisecond)},
		Users:   &evidence.Continuity{From: after(50), To: after(51.5), Requests: 150, Failed: 3, LongestGap: rollout.Duration(80 * time.Millisecond)},
		Checks: []rollout.CheckResult{{Name: "objective", Verdict: rollout.Fail, Reason: "8 % of 300 failed, 3 % are allowed",
			Baseline: &rollout.Counts{Requests: 700, Failures: 2}, Candidate: &rollout.Counts{Requests: 300, Failures: 24}}},
	}
	drill := evidence.Repeat{Number: 1, Outcome: evidence.Passed, StartedAt: after(2), EndedAt: after(24), BreachAt: to(after(20)), SeenAt: to(after(20.3)), DecidedAt: to(after(20.4)),
		RestoredAt: to(after(21)), HealthyAt: to(after(22)), Weight: 0.3, RaisedAt: to(after(14)), Same: true,
		Shares: []evidence.Share{{At: after(6), Step: 1, Share: 0.1}, {At: after(14), Step: 2, Share: 0.3}, {At: after(21)}}}
	run.Drills = []evidence.Drill{{Name: "drill from step 2", Step: 2, Repeats: []evidence.Repeat{drill}}}

	moment := func(kind, name, text string, from float64, until *time.Time) {
		run.Timeline = append(run.Timeline, evidence.Moment{Time: after(from), Until: until, Kind: kind, Name: name, Text: text})
	}
	moment(evidence.MomentLoad, "browse", "load browse", 0, to(after(58)))
	moment(evidence.MomentDrill, "drill from step 2", "drill 1", 2, to(after(24)))
	moment(evidence.MomentBreach, "drill from step 2, 1", "the verdict is injected", 20, nil)
	moment(evidence.MomentRollout, "rollout", "the rollout itself: RolledBack", 30, run.Rollout.EndedAt)
	moment(evidence.MomentBreach, "rollout", "what is bad is seen", 50, nil)
	moment(evidence.MomentDecision, "rollout", "it is decided to go back", 50.1, nil)
	moment(evidence.MomentRestored, "rollout", "the baseline has all traffic", 50.6, nil)
	moment(evidence.MomentHealthy, "rollout", "the baseline is well", 51.5, nil)

	weight := evidence.Series{Name: evidence.SeriesWeight, Unit: "ratio", Seconds: []float64{0, 5.999, 6, 13.999, 14, 20.999, 21, 33.999, 34, 41.999, 42, 50.599, 50.6, 60},
		Values: []float64{0, 0, 0.1, 0.1, 0.3, 0.3, 0, 0, 0.1, 0.1, 0.3, 0.3, 0, 0}}
	users := evidence.Series{Name: evidence.SeriesWeight, Of: evidence.SeriesUsers, Unit: "ratio"}
	errors := evidence.Series{Name: evidence.SeriesErrors, Of: "browse", Unit: "ratio"}
	latency := evidence.Series{Name: evidence.SeriesLatency, Of: "browse", Unit: "s"}
	for x := range 58 {
		share := 0.0
		for i, from := range weight.Seconds {
			if from <= float64(x) {
				share = weight.Values[i]
			}
		}
		second := float64(x)
		users.Seconds, users.Values = append(users.Seconds, second), append(users.Values, math.Max(0, share*(1+0.2*math.Sin(second))))
		bad := 0.0
		if x >= 46 && x < 51 {
			bad = 0.08
		}
		errors.Seconds, errors.Values = append(errors.Seconds, second), append(errors.Values, bad)
		latency.Seconds, latency.Values = append(latency.Seconds, second), append(latency.Values, 0.03+bad)
	}
	run.Series = []evidence.Series{errors, latency, weight, users}
	return run
}

func TestARealBreach(t *testing.T) {
	golden(t, "reversed.md", written(t, report.Markdown, reversed("a")))
	page := written(t, report.HTML, reversed("a"))
	text := wellFormed(t, page)
	for _, said := range []string{"1 rollback drill, the rollout itself, 1 fault", "What was bad was seen 16 s after users could meet the candidate first; that is 4 s after fault slow-db began",
		"the baseline was back, and well, 1.5 s after that; on the way back 3 of 150 requests were lost", "An early reversal: the candidate had at most 30 %",
		"candidate's share, as users met it", "health restored", "24 of 300", "2 of 700"} {
		require.Contains(t, text, said)
	}
	require.Contains(t, page, "<title>detect 4 s</title>")
	require.Contains(t, page, "<title>the rollout itself: RolledBack</title>")
}

// What nobody knows of a breach is not made up.
func TestABreachOfWhichLittleIsKnown(t *testing.T) {
	run := reversed("a")
	run.Rollout.HealthyAt, run.Rollout.FaultAt, run.Rollout.MetAt = nil, nil, nil
	text := written(t, report.Text, run)
	require.Contains(t, text, "Nobody knows when the baseline was well again")
	require.NotContains(t, text, "From harm to health")
	run.Rollout = &evidence.Rollout{}
	require.Contains(t, written(t, report.Text, run), "It did not come to an end.")
}

// A real breach is compared: how long it went unseen, and how long the way back
// took.
func TestBreachesAreCompared(t *testing.T) {
	first, slower := reversed("a"), reversed("b")
	slower.Rollout.HealthyAt = to(after(58))
	c, err := report.Compare([]evidence.Run{first, slower})
	require.NoError(t, err)
	found := map[string]report.Metric{}
	for _, m := range c.Metrics {
		if m.Of == "the rollout itself" {
			found[m.Name] = m
		}
	}
	require.InDelta(t, 4, *found["time to detect"].Candidate, 1e-9)
	require.InDelta(t, 1.5, *found["time to restore"].Baseline, 1e-9)
	require.InDelta(t, 8, *found["time to restore"].Candidate, 1e-9)
}
