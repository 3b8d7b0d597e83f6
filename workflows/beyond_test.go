package workflows_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/rollout"
)

// While the baseline is removed, whoever orders something is told how to go back.
func TestOrdersAfterPromotionSayHowToGoBack(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	why := map[string]string{}
	orders := []string{"promote", "pause", "resume", "reject", "extend", "concern"}
	story{spec: oneBake, plot: func(s *teller) {
		before(s, "Remove", func() {
			for _, name := range orders {
				s.env.UpdateWorkflow(name, name, &testsuite.TestUpdateCallback{
					OnAccept: func() {},
					OnReject: func(err error) { require.NoError(t, err) },
					OnComplete: func(result any, err error) {
						require.NoError(t, err)
						mu.Lock()
						defer mu.Unlock()
						why[name] = result.(rollout.Answer).Answer + ": " + result.(rollout.Answer).Why
					},
				}, rollout.Command{ID: name, Actor: "ana@example.com", Reason: "too late", By: 1})
			}
		})
	}, want: rollout.Promoted}.holds(t)
	for _, name := range orders {
		require.Equal(t, "denied: already promoted, the baseline is being removed: to go back, bakeoff rollback staging/checkout", why[name], name)
	}
}
