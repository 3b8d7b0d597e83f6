package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

// newer is a spec line for a release that comes after the candidate.
func newer(version string) string {
	return fmt.Sprintf(`release: {version: %s, artifact: "registry.example/checkout@sha256:9f86d081884c7d659a2feaa0c55ad016"}`, version)
}

// What happens to a release that comes in mid-rollout is what the policy says.
func TestNewRelease(t *testing.T) {
	c := open(t)
	for name, tt := range map[string]func(*scene){
		"Reject": func(s *scene) {
			s.start(oneLong)
			s.bakes(1000)
			out := s.run(newer("2.6.0"))
			require.Equal(s.t, 15, out.code)
			require.Equal(s.t, rollout.CauseRunning, out.Cause)
			require.Contains(s.t, out.Reason, "is held by the rollout of 2.5.0, started by tester@example.com")
			s.order(0, "abort")
			s.ends(11, rollout.Aborted, "")
		},
		"RejectFirst": func(s *scene) {
			var runs []<-chan procs.Run
			for i := range 5 {
				runs = append(runs, s.inBackground("run", s.file(newer(fmt.Sprintf("2.%d.0", 6+i)), oneStep), "--reason", "a test", "-o", "json"))
			}
			codes := map[int]int{}
			for _, one := range runs {
				out := s.read(<-one)
				codes[out.code]++
				if out.code == 15 {
					require.Contains(s.t, out.Reason, s.target()+" is held by the rollout of 2.")
				}
			}
			require.Equal(s.t, map[int]int{0: 1, 15: 4}, codes)
		},
		"Queue": func(s *scene) {
			s.start(oneStep, "policy: {onNewRelease: queue}")
			s.bakes(1000)
			out := s.run(newer("2.6.0"), oneStep)
			out.requires(s, 0, rollout.Promoted, "")
			require.Equal(s.t, append(append([]string{}, oneStepLog("2.4.1", "2.5.0")...), oneStepLog("2.5.0", "2.6.0")...), s.world.Log())
		},
		"KeepNewest": func(s *scene) {
			s.start(oneLong, "policy: {onNewRelease: keepNewest}")
			s.bakes(1000)
			waiting := s.inBackground("run", s.file(newer("2.6.0"), oneStep), "--reason", "a test", "-o", "json")
			until(s.t, "2.6.0 queued", func() bool { return len(s.above().Queue) == 1 })
			s.start(newer("2.7.0"), oneStep)
			dropped := s.read(<-waiting)
			require.Equal(s.t, 12, dropped.code)
			require.Equal(s.t, rollout.Superseded, dropped.Outcome)
			require.Contains(s.t, dropped.Reason, "superseded by 2.7.0")
			require.Equal(s.t, 12, s.cli("wait", s.target(), "--id", s.above().Fates[1].ID).Code)
			require.Contains(s.t, s.cli("history", s.target(), "--orders").Stdout, "; then dropped, superseded by 2.7.0, which came while it waited")
			s.order(0, "promote", "--full")
			until(s.t, "2.7.0 is primary", func() bool { return s.world.State().Primary == "2.7.0" })
			require.NotContains(s.t, s.world.Log(), "deploy 2.6.0")
			s.ends(0, rollout.Promoted, "")
		},
		"Supersede": func(s *scene) {
			s.start(oneLong, "policy: {onNewRelease: supersede}")
			s.bakes(1000)
			old := s.status().RunID
			out := s.run(newer("2.6.0"), oneStep)
			out.requires(s, 0, rollout.Promoted, "")
			require.Equal(s.t, append(append([]string{}, undone...), oneStepLog("2.4.1", "2.6.0")...), s.world.Log())
			last := s.cli("history", s.target(), "--run", old, "-o", "json")
			require.Contains(s.t, last.Stdout, `"outcome":"Superseded"`)
		},
		// failures.md 18
		"SupersedeWithAHeaderRule": func(s *scene) {
			s.start(s.cohorts(), "strategy: {"+window+", canary: [{weight: 50%, bake: 1m, cohort: internal}], keepBaseline: 2s}", "policy: {onNewRelease: supersede}")
			s.bakes(5000)
			out := s.run(s.cohorts(), newer("2.6.0"), twoSteps)
			out.requires(s, 0, rollout.Promoted, "")
			gone := s.asked("DELETE /cohorts/internal 200")
			first := slices.DeleteFunc(s.asked("PUT /weights 200"), func(r httpworld.Request) bool { return !strings.Contains(r.Body, `"2.6.0":1000}`) })
			require.NotEmpty(s.t, gone)
			require.Len(s.t, first, 1, "2.6.0 begins with its first step")
			require.True(s.t, gone[len(gone)-1].At.Before(first[0].At), "no header rule is left before the first weight of 2.6.0")
			require.Less(s.t, out.Checks[0].Candidate.Requests, 400.0*30, "its counters began anew")
		},
		"ByFlag": func(s *scene) {
			s.start(oneLong)
			s.bakes(1000)
			waiting := s.inBackground("wait", s.target(), "-o", "json")
			out := s.result("run", s.file(newer("2.6.0"), oneStep), "--supersede", "--reason", "a fix")
			out.requires(s, 0, rollout.Promoted, "")
			first := s.read(<-waiting)
			require.Equal(s.t, 12, first.code)
			require.Contains(s.t, first.Reason, "superseded by tester@example.com: 2.6.0 takes its place")
		},
		"RefusedSupersedesNothing": func(s *scene) {
			s.start(oneLong, "policy: {onNewRelease: supersede}")
			s.bakes(1000)
			out := s.run(newer("2.6.0"), "target: {deploy: {driver: nobody}, traffic: {driver: nobody}}")
			require.Equal(s.t, 3, out.code)
			s.watched(2)
			require.Equal(s.t, rollout.Weight(1000), s.weight())
			s.order(0, "abort")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			for _, v := range []string{"2.6.0", "2.7.0", "2.8.0", "2.9.0", "2.10.0"} {
				s.world.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.01})
			}
			tt(s)
		})
	}
}

// A rollout that is terminated from the Temporal UI is followed at once by one
// that puts back what it had changed.
func TestTerminated(t *testing.T) {
	c := open(t)
	for name, tt := range map[string]func(*scene){
		"Baking": func(s *scene) {
			s.start(oneLong)
			s.bakes(1000)
			s.terminate()
			e := s.ends(11, rollout.Aborted, "")
			require.Equal(s.t, "temporal:terminate", e.Actor)
			require.NotNil(s.t, e.TimeToRestore)
			s.asBefore()
			require.Equal(s.t, undone, s.world.Log())
		},
		"Twice": func(s *scene) {
			s.start(oneLong)
			s.bakes(1000)
			s.terminate()
			until(s.t, "it is taken over", func() bool { return s.status().Phase == rollout.PhaseRollingBack })
			s.terminate()
			s.ends(11, rollout.Aborted, "")
			s.asBefore()
		},
		"AfterABreach": func(s *scene) {
			s.start(oneLong, "drain: 10s")
			s.bakes(1000)
			s.breaks()
			until(s.t, "it goes back", func() bool { return s.status().Phase == rollout.PhaseRollingBack })
			s.terminate()
			e := s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
			require.Regexp(s.t, "errors.*; on its way back the rollout was cut off: it was terminated", e.Reason)
			until(s.t, "it is in quarantine", func() bool { return len(s.above().Quarantine) == 1 })
			require.Contains(s.t, s.above().Quarantine[0].Reason, "errors")
			s.asBefore()
		},
		"AfterAnAbort": func(s *scene) {
			s.start(oneLong, "drain: 10s")
			s.bakes(1000)
			s.order(0, "abort", "--no-wait")
			until(s.t, "it goes back", func() bool { return s.status().Phase == rollout.PhaseRollingBack })
			s.terminate()
			e := s.ends(11, rollout.Aborted, "")
			require.Equal(s.t, "tester@example.com", e.Actor)
			require.Contains(s.t, e.Reason, "aborted by tester@example.com: the test says so; on its way back the rollout was cut off")
			s.asBefore()
		},
		"WatchedMeanwhile": func(s *scene) {
			waiting := s.inBackground("run", s.file(oneLong), "--reason", "a test", "-o", "json")
			s.bakes(1000)
			s.terminate()
			require.Equal(s.t, 11, s.read(<-waiting).code)
			s.asBefore()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt(c.scene(t))
		})
	}
}

// What a rollout refused is not tried again without a reason.
func TestQuarantine(t *testing.T) {
	s := open(t).scene(t)
	s.breaks()
	s.run().requires(s, 10, rollout.RolledBack, rollout.CauseVerdict)
	out := s.result("run", s.file())
	require.Equal(t, 15, out.code)
	require.Equal(t, rollout.CauseQuarantine, out.Cause)
	require.Contains(t, out.Reason, "2.5.0 is in quarantine since")
	require.Equal(t, rollout.Noop, s.order(0, "abort").Answer)
	told := s.cli("history", s.target(), "--orders")
	require.Equal(t, 0, told.Code, told.Stderr)
	require.Regexp(t, `(?s)1 .* asked for 2.5.0: started\n.*2 .* asked for 2.5.0: refused, 2.5.0 is in quarantine since .*\n.*3 .* Command .*: abort: .* \(noop, nothing runs\)\n$`, told.Stdout)
	s.world.Behave(candidate, sim.Behaviour{Rate: 400, Failures: 0.01})
	s.run().requires(s, 0, rollout.Promoted, "")
	require.Empty(t, s.above().Quarantine)
	require.Equal(t, candidate, s.above().Good[0].Release.Version)
}

// After a promotion a rollout of its own goes back, to what was good.
func TestRollbackAfterPromotion(t *testing.T) {
	s := open(t).scene(t)
	for _, v := range []string{"2.6.0", "2.7.0"} {
		s.world.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.01})
	}
	s.order(15, "rollback")
	s.run(oneStep).requires(s, 0, rollout.Promoted, "")
	s.run(oneStep, newer("2.6.0")).requires(s, 0, rollout.Promoted, "")
	before := len(s.world.Log())
	s.world.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5}) // who asks for it has the reason
	back := s.result("rollback", s.target(), "--reason", "2.6.0 loses carts")
	back.requires(s, 0, rollout.Promoted, "")
	require.True(t, back.Back)
	require.Equal(t, "2.6.0 loses carts", back.StartReason)
	require.Equal(t, []string{"deploy 2.5.0", "weights 2.5.0 100%, 2.6.0 0%", "primary 2.5.0", "remove 2.6.0"}, s.world.Log()[before:])
	out := s.result("run", s.file(newer("2.6.0"), oneStep))
	require.Equal(t, 15, out.code)
	require.Equal(t, rollout.CauseQuarantine, out.Cause)
	require.Contains(t, s.order(15, "rollback", "--to", "9.9.9").Why, "9.9.9 is not known to have been good: known are 2.5.0, 2.4.1")
	require.Equal(t, rollout.Noop, s.order(0, "rollback", "--to", "2.5.0").Answer)
	s.result("rollback", s.target(), "--to", "2.4.1", "--reason", "2.5.0 does, too").requires(s, 0, rollout.Promoted, "")
	require.Equal(t, baseline, s.world.State().Primary)
}

// What somebody changes while nothing runs is seen.
func TestDriftWhileIdle(t *testing.T) {
	s := open(t).scene(t)
	s.run(oneStep, "policy: {watchIdle: 1s}").requires(s, 0, rollout.Promoted, "")
	s.world.SetWeights(rollout.Split{candidate: 7000, baseline: 3000})
	until(t, "the drift is told", func() bool { return s.above().Drift != "" })
	out := s.cli("doctor")
	require.Equal(t, 14, out.Code, out.Stdout)
	require.Contains(t, out.Stdout, "drifted: "+s.target()+": the weights are 2.4.1 30%, 2.5.0 70%, and 2.5.0 was promoted")
	s.world.SetWeights(rollout.Split{candidate: rollout.All})
	until(t, "it is gone", func() bool { return s.above().Drift == "" })
}

// After an abort the queue stands until somebody resumes it. Who waits for an order in
// it waits for that order's rollout.
func TestTheQueueStands(t *testing.T) {
	s := open(t).scene(t)
	s.world.Behave("2.6.0", sim.Behaviour{Rate: 400, Failures: 0.01})
	s.start(oneLong, "policy: {onNewRelease: queue}")
	s.bakes(1000)
	begun := s.cli("start", s.file(newer("2.6.0"), oneStep), "--id", "second")
	require.Contains(t, begun.Stdout, "wait for it: bakeoff wait "+s.target()+" --id second")
	waiting := s.inBackground("wait", s.target(), "--id", "second", "-o", "json")
	require.Contains(t, s.cli("wait", s.target(), "--timeout", "1s").Stderr, "not waited for here: 2.6.0, asked for by tester@example.com: queued")
	s.order(0, "abort")
	s.ends(11, rollout.Aborted, "")
	until(t, "the queue stands", func() bool { return s.above().Stands != "" })
	require.NotContains(t, s.world.Log(), "deploy 2.6.0")
	require.Equal(t, rollout.Accepted, s.order(0, "resume").Answer)
	until(t, "2.6.0 is primary", func() bool { return s.world.State().Primary == "2.6.0" })
	s.read(<-waiting).requires(s, 0, rollout.Promoted, "")
	require.Equal(t, 1, s.cli("wait", s.target(), "--id", "third").Code)
}

// Who resumes the queue as soon as the abort was answered reaches it, too.
func TestTheQueueIsResumedAtOnce(t *testing.T) {
	s := open(t).scene(t)
	s.world.Behave("2.6.0", sim.Behaviour{Rate: 400, Failures: 0.01})
	s.start(oneLong, "policy: {onNewRelease: queue}")
	s.bakes(1000)
	s.start(newer("2.6.0"), oneStep)
	s.order(0, "abort")
	require.Equal(t, rollout.Accepted, s.order(0, "resume").Answer)
	until(t, "2.6.0 is primary", func() bool { return s.world.State().Primary == "2.6.0" })
	s.ends(0, rollout.Promoted, "")
}

// A rollout that was started while no worker ran is looked after all the same.
func TestStartedBesideItsTarget(t *testing.T) {
	c := found(t)
	s := c.scene(t)
	s.start(oneLong)
	c.worker = procs.StartWorker(t, c.server, "")
	s.bakes(1000)
	until(t, "it is known", func() bool { r := s.above().Running; return r != nil && r.RunID != "" && r.Submit.Order.Actor != "" })
	s.terminate()
	s.ends(11, rollout.Aborted, "")
	s.asBefore()
}

// What was cut off while no worker ran is put back, also when another rollout was
// started beside its Target meanwhile: that finds the target as it was left, and is
// refused.
func TestCutOffWhileNobodyRan(t *testing.T) {
	c := open(t)
	s := c.scene(t)
	s.start(oneLong)
	s.bakes(1000)
	c.worker.Kill()
	s.terminate()
	s.start(newer("2.6.0"), oneStep)
	c.worker = procs.StartWorker(t, c.server, "")
	until(t, "the baseline has all of the traffic", func() bool { return s.weight() == 0 })
	s.ends(11, rollout.Aborted, "")
	s.asBefore()
	require.NotContains(t, s.world.Log(), "deploy 2.6.0")
}

// oneStepLog is what oneStep does to the world.
func oneStepLog(from, to string) []string {
	return []string{"deploy " + to, fmt.Sprintf("weights %s 90%%, %s 10%%", from, to), fmt.Sprintf("weights %s 0%%, %s 100%%", from, to),
		"primary " + to, "remove " + from}
}

// above is what the scene's Target knows.
func (s *scene) above() (known rollout.TargetStatus) {
	s.t.Helper()
	answer, err := s.town.client(s.t).QueryWorkflow(s.t.Context(), "target/"+s.target(), "", rollout.StatusQuery)
	if err == nil {
		require.NoError(s.t, answer.Get(&known))
	}
	return known
}

func (s *scene) terminate() {
	s.t.Helper()
	require.NoError(s.t, s.town.client(s.t).TerminateWorkflow(s.t.Context(), "rollout/"+s.target(), "", "somebody clicked"))
}

// inBackground runs a command beside the test; its result comes through the
// channel.
func (s *scene) inBackground(args ...string) <-chan procs.Run {
	out := make(chan procs.Run, 1)
	go func() { out <- s.cli(args...) }()
	return out
}
