package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"bakeoff/rollout"
)

// qa is a team with a worker of its own, whose activity is a hook.
type qa struct {
	mu    sync.Mutex
	calls []rollout.HookCall
	tries int
}

// smokeTest refuses what goes to "bad", and is not at its best at first.
func (q *qa) smokeTest(_ context.Context, c rollout.HookCall) (map[string]int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.tries++; q.tries == 1 {
		return nil, errors.New("the browser crashed")
	}
	q.calls = append(q.calls, c)
	if c.Target == "staging/bad" {
		return nil, temporal.NewNonRetryableApplicationError("the basket is empty", "smoke", nil)
	}
	return map[string]int{"passed": 12}, nil
}

// serve runs the team's worker on its own queue.
func (q *qa) serve(t *testing.T, c *town) {
	t.Helper()
	w := worker.New(c.client(t), "qa", worker.Options{})
	w.RegisterActivityWithOptions(q.smokeTest, activity.RegisterOptions{Name: "SmokeTest"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

// A hook can be an activity on somebody's own queue: it is asked, may say no,
// is tried again where it failed, and is not waited for where nobody serves it.
func TestHookByTask(t *testing.T) {
	c, q := open(t), &qa{}
	q.serve(t, c)
	good, bad, unserved := c.scene(t), c.scene(t), c.scene(t)
	good.name, bad.name, unserved.name = "good", "bad", "unserved"
	unserved.start(oneStep, "hooks: [{at: beforeStart, task: {taskQueue: nobody, activity: SmokeTest}, timeout: 1s}]")
	const asks = "hooks: [{at: afterStep, task: {taskQueue: qa, activity: SmokeTest}, timeout: 10s}]"
	good.run(oneStep, asks).requires(good, 0, rollout.Promoted, "")
	q.mu.Lock()
	tries, call := q.tries, q.calls[0]
	q.mu.Unlock()
	require.Equal(t, 2, tries, "the same call again")
	require.Equal(t, rollout.HookCall{ID: call.ID, At: rollout.HookAfterStep, Target: "staging/good", WorkflowID: "rollout/staging/good", RunID: call.RunID,
		Baseline: baseline, Candidate: candidate, Step: 1, Weight: 1000, StartedBy: "tester@example.com", PlanDigest: call.PlanDigest}, call)

	e := bad.run(oneStep, asks)
	e.requires(bad, 10, rollout.RolledBack, rollout.CauseHook)
	require.Contains(t, e.Reason, "hook 1 (afterStep) refuses: the basket is empty")
	require.Equal(t, undone, bad.world.Log())
	bad.asBefore()

	e = unserved.ends(15, rollout.Refused, rollout.CauseHook)
	require.Contains(t, e.Reason, "hook 1 (beforeStart) does not answer")
	require.Empty(t, unserved.world.Log())
}

// A hook that hangs, or answers 500, is waited for no longer than declared, and
// then what was declared happens. A breach does not wait for it.
func TestHookThatFails(t *testing.T) {
	c := open(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection goes unnoticed
		<-r.Context().Done()
	})
	mux.HandleFunc("/breaks", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	const within = 3*time.Second + 30*time.Second // three timeouts and half a minute
	for name, row := range map[string]struct {
		hook    string
		breaks  bool
		outcome rollout.Outcome
		cause   rollout.Cause
		says    string
		log     []string
	}{
		"HangsAndIsDoneWithout": {hook: "at: beforeStep, otherwise: goOn, http: %s/hangs", outcome: rollout.Promoted, log: promotedOne},
		"Hangs":                 {hook: "at: afterStep, http: %s/hangs", outcome: rollout.RolledBack, cause: rollout.CauseHook, says: "does not answer", log: undone},
		"Breaks":                {hook: "at: afterStep, http: %s/breaks", outcome: rollout.RolledBack, cause: rollout.CauseHook, says: "it answered 500", log: undone},
		"IsOvertaken":           {hook: "at: afterStep, http: %s/hangs", breaks: true, outcome: rollout.RolledBack, cause: rollout.CauseVerdict, says: "errors", log: undone},
		"IsOnlyTold":            {hook: "at: after, http: %s/hangs", outcome: rollout.Promoted, log: promotedOne},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			s.start(oneStep, "hooks: [{"+fmt.Sprintf(row.hook, server.URL)+", timeout: 1s}]")
			s.bakes(1000)
			if row.breaks {
				until(t, "the hook is asked", func() bool { return len(s.told(rollout.EventStepPassed)) == 1 })
				s.breaks()
			}
			began := time.Now()
			e := s.wait()
			require.Equal(t, row.outcome, e.Outcome, e.Reason)
			require.Equal(t, row.cause, e.Cause, e.Reason)
			require.Contains(t, e.Reason, row.says)
			require.Less(t, time.Since(began), within+patience/4)
			require.Equal(t, row.log, s.world.Log())
			if row.breaks {
				require.Less(t, time.Since(began), within/2, "a breach waits for no hook")
			}
			if row.outcome == rollout.RolledBack {
				s.asBefore()
			}
		})
	}
}
