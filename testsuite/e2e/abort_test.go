package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
)

// abortWithin is how long after an order the router is written at the latest.
const abortWithin = 2 * time.Second

// Three roads lead to the same abort.
func TestAbort(t *testing.T) {
	c := open(t)
	for name, abort := range map[string]func(*scene){
		"Command": func(s *scene) {
			e := s.order(0, "abort")
			require.Equal(s.t, rollout.Accepted, e.Answer)
			require.NotNil(s.t, e.TimeToRestore, "the command returns when the baseline is verified")
		},
		"Signal": func(s *scene) { s.order(0, "abort", "--no-wait") },
		"Cancel": func(s *scene) {
			temporal := s.town.client(s.t)
			require.NoError(s.t, temporal.CancelWorkflow(s.t.Context(), "rollout/"+s.target(), ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			s.start(oneLong)
			s.bakes(1000)
			s.world.Forbid(candidate, "the abort")
			ordered := time.Now()
			abort(s)
			e := s.ends(11, rollout.Aborted, "")
			s.wroteBackWithin(abortWithin, ordered)
			s.asBefore()
			require.Equal(t, undone, s.world.Log())
			s.oneAbortIsTold(e.Actor)
		})
	}
}

// client is Temporal's own client of the town's server.
func (c *town) client(t *testing.T) client.Client {
	t.Helper()
	dialled, err := client.Dial(client.Options{HostPort: c.server.Address})
	require.NoError(t, err)
	t.Cleanup(dialled.Close)
	return dialled
}

func (s *scene) oneAbortIsTold(actor string) {
	s.t.Helper()
	orders := s.told(rollout.EventCommand)
	require.Len(s.t, orders, 1)
	require.Equal(s.t, "abort", orders[0].Data["name"])
	require.Equal(s.t, rollout.Accepted, orders[0].Data["answer"])
	require.Equal(s.t, actor, orders[0].Actor)
	require.Contains(s.t, []string{"tester@example.com", "temporal:cancel"}, actor)
}

// An abort with nothing running, a second one, and one after the end change
// nothing: no request reaches the world.
func TestAbortOfNothing(t *testing.T) {
	s := open(t).scene(t)
	require.Equal(t, rollout.Noop, s.order(0, "abort").Answer)
	require.Empty(t, s.http.Requests())
	s.start(oneLong)
	s.bakes(1000)
	s.order(0, "abort", "--id", "one")
	first := s.ends(11, rollout.Aborted, "")
	requests := len(s.http.Requests())
	second := s.order(0, "abort", "--id", "two")
	require.Equal(t, rollout.Noop, second.Answer)
	require.Equal(t, first.Reason, second.Reason)
	require.Equal(t, first.TimeToRestore, second.TimeToRestore)
	require.Len(t, s.http.Requests(), requests)

	s.start(oneStep)
	promoted := s.ends(0, rollout.Promoted, "")
	requests = len(s.http.Requests())
	third := s.order(0, "abort")
	require.Equal(t, rollout.Noop, third.Answer, third.Why)
	require.Equal(t, promoted.RunID, s.status().RunID)
	require.Equal(t, rollout.Promoted, s.status().Outcome)
	require.Len(t, s.http.Requests(), requests)
	told := s.cli("history", s.target(), "--orders", "-o", "json").Stdout
	require.Equal(t, 2, strings.Count(told, `"why":"nothing runs"`), "both are on record: %s", told)
}

// stuck is a rollout that stands somewhere when the abort comes, and what
// became of it then.
type stuck struct {
	reach func(*scene)
	log   []string
}

var undeployed = []string{"deploy 2.5.0", "remove 2.5.0"}

var stuckIn = map[string]stuck{
	"Deploy": {
		reach: func(s *scene) {
			s.world.OnDeploy(candidate, pending)
			s.start(oneStep)
			s.awaits("GET /versions/"+candidate+" 200", 2)
		},
		log: undeployed,
	},
	"Approval": {
		reach: func(s *scene) {
			s.start("strategy: {canary: [{weight: 10%, bake: 5s, approve: {within: 1h}}]}")
			s.waitsFor(rollout.WaitingForApproval)
		},
		log: undeployed,
	},
	"Pause": {
		reach: func(s *scene) {
			s.start(oneLong)
			s.bakes(1000)
			s.order(0, "pause")
		},
		log: undone,
	},
	"KeepBaseline": {
		reach: func(s *scene) {
			s.start("strategy: {" + window + ", canary: [{weight: 10%, bake: 5s}], keepBaseline: 1m}")
			s.awaits("PUT /primary 200", 1)
			s.watched(2)
		},
		log: []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0",
			"weights 2.4.1 100%, 2.5.0 0%", "primary 2.4.1", "remove 2.5.0"},
	},
}

// An abort overtakes whatever goes on: a deploy that is not ready, a question,
// a pause, and the kept baseline after the promotion.
func TestAbortAnywhere(t *testing.T) {
	c := open(t)
	for name, row := range stuckIn {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			row.reach(s)
			s.world.Forbid(candidate, "the abort")
			ordered := time.Now()
			s.order(0, "abort")
			if len(s.stays()) > 0 {
				s.wroteBackWithin(abortWithin, ordered)
			}
			s.ends(11, rollout.Aborted, "")
			s.asBefore()
			require.ElementsMatch(t, row.log, s.world.Log()) // traffic and pointer go back side by side
		})
	}
}
