package workflows_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// A bake is made no longer than the rollout may take, however often it is asked:
// never so long that its clock runs over and the candidate is raised at once.
func TestExtendIsBounded(t *testing.T) {
	t.Parallel()
	extend := func(s *teller, id string, by rollout.Duration, want, why string) {
		c := rollout.Command{ID: id, Name: rollout.CommandExtend, By: by, Actor: "ana@example.com", Reason: "the story says so"}
		s.env.UpdateWorkflow(c.Name, id, &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { require.NoError(t, err) },
			OnComplete: func(result any, err error) {
				require.NoError(t, err)
				answer := result.(rollout.Answer)
				require.Equal(t, want, answer.Answer, answer.Why)
				require.Contains(t, answer.Why, why)
			},
		}, c)
	}
	const century = rollout.Duration(36500 * 24 * time.Hour)
	long := func(s *rollout.Spec) { s.Strategy.Canary[0].Bake = rollout.Duration(5 * time.Second) }
	began := time.Now()
	tell(t, map[string]story{
		"centuries are denied, a second is not": {
			spec: long,
			plot: func(s *teller) {
				s.at(2*time.Second, func() {
					for _, id := range []string{"1", "2", "3"} {
						extend(s, id, century, rollout.Denied, "36500d more is too long: at most --by 1h")
					}
					extend(s, "4", math.MaxInt64, rollout.Denied, "at most --by 1h")
					extend(s, "5", rollout.Duration(2*time.Hour), rollout.Denied, "and the deadline (1h")
					extend(s, "6", rollout.Duration(5*time.Second), rollout.Accepted, "")
				})
			},
			want: rollout.Promoted, wantLog: good, check: func(t *testing.T, _ *sim.World, _ rollout.Status) {
				require.Greater(t, time.Since(began), 11*time.Second, "bakes of 5s, 5s more, and 2s")
			},
		},
		"nothing is left": {
			spec: func(s *rollout.Spec) {
				long(s)
				s.Deadline = rollout.Duration(6 * time.Second)
			},
			plot: func(s *teller) {
				s.at(2*time.Second, func() {
					extend(s, "1", rollout.Duration(time.Second), rollout.Denied, "the deadline (6s) leaves no more than the bakes need")
				})
			},
			want: rollout.Promoted, // the test's clock stands still while activities run
		},
		"a bake that a spec could not have": {
			spec: func(s *rollout.Spec) {
				s.Deadline, s.Strategy.Window.Cap = century, rollout.Duration(time.Second)
				long(s)
			},
			plot: func(s *teller) {
				s.at(2*time.Second, func() {
					extend(s, "1", rollout.Duration(time.Hour), rollout.Denied, "at most --by 27m41s")
				})
			},
			want: rollout.Promoted,
		},
	})
}
