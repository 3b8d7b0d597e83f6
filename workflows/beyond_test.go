package workflows_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/rollout"
)

// While the baseline is removed, whoever orders something is told how to go back.
func TestOrdersAfterPromotionSayHowToGoBack(t *testing.T) {
	t.Parallel()
	why := &said{}
	orders := []string{"promote", "pause", "resume", "reject", "extend", "concern"}
	story{spec: oneBake, plot: func(s *teller) {
		before(s, "Remove", func() { why.to(s.t, s.env, orders...) })
	}, want: rollout.Promoted}.holds(t)
	for _, name := range orders {
		require.Equal(t, "denied: already promoted, the baseline is being removed: to go back, bakeoff rollback staging/checkout", why.of(name), name)
	}
}

// Where a person is needed before anything else can be done, each answer says so.
func TestOrdersWhereAPromotionNeedsAPerson(t *testing.T) {
	t.Parallel()
	const first = "; a person is needed first: bakeoff retry staging/checkout, or put it right by hand, or bakeoff acknowledge staging/checkout"
	why := &said{}
	story{spec: oneBake, plot: func(s *teller) {
		lasts(s, 2*time.Second, isPrimary, func() { s.world.SetWeights(everyone) })
		s.at(8*time.Second, func() { why.to(s.t, s.env, "abort", "reject") })
		s.at(9*time.Second, func() { s.order(rollout.Command{Name: "retry"}, rollout.Accepted) })
	}, want: rollout.Promoted}.holds(t)
	require.Equal(t, "noop: already promoted: going back is a rollout of its own"+first, why.of("abort"))
	require.Equal(t, "denied: already promoted, the baseline is being removed: to go back, bakeoff rollback staging/checkout"+first, why.of("reject"))
}

// said is what orders were answered, by their name.
type said struct {
	mu  sync.Mutex
	why map[string]string
}

// to gives these orders to a rollout, or a fleet.
func (a *said) to(t *testing.T, env *testsuite.TestWorkflowEnvironment, orders ...string) {
	for _, name := range orders {
		env.UpdateWorkflow(name, name, &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { require.NoError(t, err) },
			OnComplete: func(result any, err error) {
				require.NoError(t, err)
				a.mu.Lock()
				defer a.mu.Unlock()
				if a.why == nil {
					a.why = map[string]string{}
				}
				a.why[name] = result.(rollout.Answer).Answer + ": " + result.(rollout.Answer).Why
			},
		}, rollout.Command{ID: name, Actor: "ana@example.com", Reason: "too late", By: 1})
	}
}

func (a *said) of(order string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.why[order]
}
