package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// impatient gives up soon on data that does not come.
const impatient = "policy: {grace: 1s, holdFor: 4s}"

// What the candidate's metrics page can say that is no evidence.
const (
	nothing   = "# nothing\n"
	notANum   = "http_requests_total{version=\"2.5.0\",code=\"200\"} NaN\nhttp_requests_total{version=\"2.5.0\",code=\"500\"} NaN\n"
	ofAnother = "http_requests_total{version=\"2.4.1\",code=\"200\"} 100\nhttp_requests_total{version=\"2.4.1\",code=\"500\"} 1\n"
)

// What is no evidence never passes a step: it holds, and rolls back when nobody
// helps.
func TestNoEvidence(t *testing.T) {
	c := open(t)
	for name, row := range map[string]struct {
		page    string
		fails   bool // the page cannot be read at all
		idle    bool // the candidate gets no requests
		verdict rollout.Verdict
	}{
		"Empty":        {page: nothing, verdict: rollout.NoData},
		"NaN":          {page: notANum, verdict: rollout.NoData},
		"WrongVersion": {page: ofAnother, verdict: rollout.Error},
		"ServerError":  {fails: true, verdict: rollout.Error},
		"NoRequests":   {idle: true, verdict: rollout.NoData},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			switch {
			case row.fails:
				s.world.Fail(sim.OpRead, sim.Fault{})
			case row.idle:
				s.world.Behave(candidate, sim.Behaviour{Rate: -1})
			default:
				s.http.ShowPage(candidate, row.page)
			}
			e := s.run(impatient)
			e.requires(s, 10, rollout.RolledBack, rollout.CauseVerdict)
			require.Equal(t, row.verdict, e.Checks[0].Verdict, e.Checks[0].Reason)
			require.Contains(t, e.Reason, "held for 4s")
			require.Equal(t, undone, s.world.Log())
			s.asBefore()
			require.Len(t, s.told(rollout.EventHeld), 1)
			require.Empty(t, s.told(rollout.EventStepPassed))
			require.NotContains(t, s.verdictsTold(), string(rollout.Pass))
		})
	}
}

// verdictsTold are the verdicts of all windows, as the story has them.
func (s *scene) verdictsTold() []string {
	s.t.Helper()
	var verdicts []string
	for _, e := range s.told(rollout.EventWindow) {
		for _, check := range e.Data["checks"].([]any) {
			verdicts = append(verdicts, check.(map[string]any)["verdict"].(string))
		}
	}
	return verdicts
}

// Data that comes back in time ends the hold by itself.
func TestEvidenceComesBack(t *testing.T) {
	c := open(t)
	t.Run("Hold", func(t *testing.T) {
		t.Parallel()
		s := c.scene(t)
		s.http.ShowPage(candidate, nothing)
		s.start("policy: {grace: 1s, holdFor: 1m}")
		s.waitsFor(rollout.WaitingForHold)
		require.Equal(t, 21, s.wait("--timeout", "1s").code)
		require.Equal(t, rollout.Weight(1000), s.weight())
		healed := time.Now()
		s.http.HealPage(candidate)
		s.ends(0, rollout.Promoted, "")
		require.Equal(t, promotedTwo, s.world.Log())
		stays := s.stayed(bake, 1000, 5000, rollout.All)
		require.Greater(t, stays[0].to.Sub(healed), bake/2, "evidence of its own after the hold")
		s.evidenceOfEveryStep(2)
	})
	t.Run("Grace", func(t *testing.T) {
		t.Parallel()
		s := c.scene(t)
		s.start("strategy: {" + window + ", canary: [{weight: 10%, bake: 10s}], keepBaseline: 0s}") // grace: 5s
		s.bakes(1000)
		s.world.Fail(sim.OpRead, sim.Fault{For: 2 * time.Second})
		s.awaits("GET /versions/"+candidate+"/metrics 500", 2)
		s.ends(0, rollout.Promoted, "")
		require.Equal(t, promotedOne, s.world.Log())
		s.stayed(10*time.Second, 1000, rollout.All)
		require.Empty(t, s.told(rollout.EventHeld))
	})
}
