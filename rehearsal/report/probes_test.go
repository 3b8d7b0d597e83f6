package report_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
	"bakeoff/rollout"
)

// halted is the rich run, that a probe ended in the midst of its first fault.
func halted() evidence.Run {
	run := rich("h", 1)
	run.Outcome, run.Reason = evidence.Halted, "alive: 3 bad answers one after another, the last: status 503; every fault was gone 2.4s after the first of them"
	run.Criteria = []evidence.Criterion{
		{Name: "alive: healthy while faults are in force", Outcome: evidence.Failed, Reason: "3 of 9 answers bad", From: to(after(66))},
		{Name: "slow-db came and went", Outcome: evidence.Unmeasured, Reason: "it was in force for 8s only"},
	}
	run.Probes = []evidence.Probe{
		{Name: "alive", What: "GET http://127.0.0.1:8080/healthz", When: "while faults are in force", Asked: 9, Failed: 3, InRow: 3, Since: to(after(66)), Said: "status 503",
			Slowest: rollout.Duration(8e6), From: after(60), To: after(68), Bad: []evidence.Spell{{From: after(66), To: after(68), Answers: 3, Said: "status 503"}}},
		{Name: "errors", What: "sum(up)", When: "before", Error: "no worker"},
	}
	run.Timeline = append(run.Timeline, evidence.Moment{Time: after(66), Until: to(after(68)), Kind: evidence.MomentProbe, Name: "alive", Text: "alive: 3 bad"},
		evidence.Moment{Time: after(68), Kind: evidence.MomentHalt, Name: "alive", Text: "alive halts the rehearsal: status 503"})
	run.Halt = &evidence.Halt{Probe: "alive", Said: "status 503", Answers: 3, FailedAt: after(66), DecidedAt: after(68), GoneAt: to(after(68.4)), Took: to(rollout.Duration(2.4e9))}
	return run
}

func TestReportOfAHaltedRun(t *testing.T) {
	for name, write := range map[string]func(io.Writer, evidence.Run) error{"markdown": report.Markdown, "text": report.Text, "html": report.HTML} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b, halted()))
			require.Contains(t, b.String(), "alive was bad 3 times one after another, the last time: status 503. The first bad answer was asked for at 1:06 of the run, and it was halted at 1:08; every fault was gone at 1:08, 2.4 s after the first bad answer.")
			require.Contains(t, b.String(), "could not be asked to the end: no worker")
			require.Contains(t, b.String(), "alive halts the rehearsal: status 503")
			if name == "html" {
				require.Contains(t, b.String(), "bad answers to a probe", "the legend of the picture")
			}
		})
	}
	run := halted()
	run.Halt.GoneAt, run.Halt.Took = nil, nil
	var b bytes.Buffer
	require.NoError(t, report.Text(&b, run))
	require.Contains(t, b.String(), "no fault was in force then, or not every one was seen to be gone.")
	run.Halt.Before = true
	require.NoError(t, report.Text(&b, run))
	require.Contains(t, b.String(), "Nothing had been done to the service yet")
}

// What a halt kept from being measured is no finding: the probe is.
func TestFindingsOfAHaltedRun(t *testing.T) {
	found := report.Findings(halted())
	require.Equal(t, "alive: healthy while faults are in force", found[0].Criterion)
	for _, f := range found {
		require.NotEqual(t, "slow-db came and went", f.Criterion)
	}
}

// A run with probes can be compared with one from before there were any.
func TestCompareWithARunWithoutProbes(t *testing.T) {
	probed := rich("b", 1)
	probed.Fingerprint.Parts = append(probed.Fingerprint.Parts, evidence.Part{Name: "probes", Digest: "sha256:0b0b"})
	c := compared(t, rich("a", 1), probed)
	require.NotEmpty(t, c.Metrics)
	require.Contains(t, c.Parts, report.PartChange{Name: "probes"})
	for _, m := range c.Metrics {
		require.Empty(t, m.Differ, m.Name)
	}
}

// What a run that a person ended did not come to measure is nobody's to do.
func TestFindingsOfAStoppedRun(t *testing.T) {
	run := rich("a", 1)
	require.Len(t, report.Findings(run), 2, "one failed, and one is unmeasured")
	run.Outcome = evidence.Aborted
	found := report.Findings(run)
	require.Len(t, found, 1)
	require.Equal(t, "latency-p99 during slow-db", found[0].Criterion)
}
