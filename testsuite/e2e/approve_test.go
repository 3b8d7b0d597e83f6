package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// asks is a strategy whose second step needs somebody's yes.
func asks(approve string) string {
	return "strategy: {" + window + ", canary: [{weight: 10%, bake: 5s}, {weight: 50%, bake: 5s, approve: {" + approve + "}}], keepBaseline: 0s}"
}

// A gate opens for the votes that it asks for, and every other answer leads
// back, while the candidate stays watched.
func TestApproval(t *testing.T) {
	c := open(t)
	for name, scene := range map[string]func(*scene){
		"Approve": isApproved, "Reject": isRejected, "Expiry": nobodyApproves, "Breach": breaksWhileAsking,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scene(c.scene(t))
		})
	}
}

// Only votes for this step and this plan count, and each person's once.
func isApproved(s *scene) {
	s.start(asks("from: [anyone], quorum: 2, within: 1h"))
	s.waitsFor(rollout.WaitingForApproval)
	s.order(15, "approve", "--step", "1")
	s.order(15, "approve", "--digest", "sha256:another")
	s.order(0, "approve", "--actor", "ana@example.com")
	require.Equal(s.t, rollout.Noop, s.order(0, "approve", "--actor", "ana@example.com").Answer)
	s.watched(2)
	require.Equal(s.t, rollout.Weight(1000), s.weight())
	s.order(0, "approve", "--actor", "bo@example.com", "--step", "2", "--digest", s.status().PlanDigest)
	s.ends(0, rollout.Promoted, "")
	require.Equal(s.t, promotedTwo, s.world.Log())
	s.stayed(bake, 1000, 5000, rollout.All)
	require.Equal(s.t, []string{"denied", "denied", "accepted", "noop", "accepted"}, s.answersTold())
	require.Len(s.t, s.told(rollout.EventGateWaiting), 1)
	require.Equal(s.t, "bo@example.com", s.told(rollout.EventGatePassed)[0].Actor)
}

func isRejected(s *scene) {
	s.start(asks("within: 1h"))
	s.waitsFor(rollout.WaitingForApproval)
	s.order(0, "reject", "--actor", "ana@example.com")
	e := s.ends(11, rollout.Rejected, "")
	require.Equal(s.t, "ana@example.com", e.Actor)
	require.Equal(s.t, undone, s.world.Log())
	s.asBefore()
	require.Len(s.t, s.told(rollout.EventGateRefused), 1)
}

func nobodyApproves(s *scene) {
	e := s.run(asks("within: 2s"))
	e.requires(s, 10, rollout.RolledBack, rollout.CauseApproval)
	require.Equal(s.t, undone, s.world.Log())
	s.asBefore()
	require.Len(s.t, s.told(rollout.EventGateRefused), 1)
}

func breaksWhileAsking(s *scene) {
	s.start(asks("within: 1h"))
	s.waitsFor(rollout.WaitingForApproval)
	s.breaks()
	s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	require.Equal(s.t, undone, s.world.Log())
}

// answersTold are the answers to all orders, as the story has them.
func (s *scene) answersTold() []string {
	s.t.Helper()
	var answers []string
	for _, e := range s.told(rollout.EventCommand) {
		answers = append(answers, e.Data["answer"].(string))
	}
	return answers
}
