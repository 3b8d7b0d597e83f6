package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// The newest of several orders is the one that was given last, whichever of them was
// looked at first; and what an order sends back is never what came after it.
func TestTheNewestIsTheOneThatWasGivenLast(t *testing.T) {
	for _, policy := range []string{rollout.OnNewKeepNewest, rollout.OnNewSupersede} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			s := newAbove(t)
			slow := mock.MatchedBy(func(in activities.AdmitInput) bool { return in.Order.ID == "2.6.0" })
			s.env.OnActivity("Admit", mock.Anything, slow).After(30*time.Second).Return(activities.AdmitOutput{}, nil)
			s.env.OnActivity("Admit", mock.Anything, mock.Anything).Return(activities.AdmitOutput{}, nil)
			s.submit(0, "2.5.0", policy)
			s.submit(time.Minute, "2.6.0", policy)
			s.submit(time.Minute+time.Second, "2.7.0", policy)
			known := s.anHour()
			require.Equal(t, []string{"2.5.0", "2.7.0"}, s.begun)
			require.Equal(t, rollout.FateSuperseded, known.Fates[1].Fate)
			require.Equal(t, "superseded by 2.7.0, which came while it was looked at", known.Fates[1].Why)
			require.Equal(t, rollout.FateStarted, known.Fates[2].Fate)
			if policy == rollout.OnNewSupersede {
				require.Equal(t, []string{known.Fates[0].RunID + ": supersede, 2.7.0 takes its place"}, s.told)
			} else {
				require.Empty(t, s.told)
			}
		})
	}
}
