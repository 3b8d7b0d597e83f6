package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// signedAbort is an abort of bo's, signed for a run of a target.
func signedAbort(target, run string) rollout.Command {
	c := rollout.Command{ID: "1", Name: rollout.CommandAbort, Actor: "bo@example.com", Reason: "pager", At: time.Now(), RunID: run}
	c.Statement, c.Signature = rollout.CommandStatement(target, c), c.Actor
	return c
}

// An abort acts whatever its signature is worth, and that is on record.
func TestWhoseAbort(t *testing.T) {
	keys := ring{"ana@example.com", "bo@example.com"}
	for name, tt := range map[string]struct {
		keys   activities.Verifier
		change func(*rollout.Command)
		plot   func(*teller)
		want   string
		told   string // "": nobody
	}{
		"its actor's": {keys: keys, want: "verified: bo@example.com, key SHA256:bo@example.com"},
		"somebody else's": {keys: keys, change: func(c *rollout.Command) { c.Signature = "ana@example.com" },
			want: "not verified: the signature does not hold: not that of a key that is allowed",
			told: "abort by bo@example.com was obeyed, and its signature is not verified: the signature does not hold"},
		"tampered": {keys: keys, change: func(c *rollout.Command) { c.Reason = "slow" },
			want: "not verified: what was signed is not this command: they differ in reason", told: "they differ in reason"},
		"for another run": {keys: keys, change: func(c *rollout.Command) { *c = signedAbort("staging/checkout", "another") },
			want: "not verified: what was signed is for another run: another", told: "another run"},
		"nobody answers": {keys: keys, plot: func(s *teller) {
			s.env.OnActivity("Authorize", mock.Anything, mock.Anything).Return(func(ctx context.Context, _ activities.AuthorizeInput) (activities.AuthorizeOutput, error) {
				<-ctx.Done()
				return activities.AuthorizeOutput{}, ctx.Err()
			})
		}, want: "not verified: it could not be found out: ", told: "could not be found out"},
		"not signed":        {keys: keys, change: func(c *rollout.Command) { c.Statement, c.Signature = "", "" }},
		"there are no keys": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := signedAbort("staging/checkout", "default-test-run-id")
			if tt.change != nil {
				tt.change(&c)
			}
			story{
				people:        activities.Rules{Signing: activities.Signing{Keys: tt.keys}},
				notifications: activities.Notifications{Subscriptions: []activities.Subscription{{To: "sim", Events: []rollout.Occasion{rollout.OnDenied}}}},
				plot: func(s *teller) {
					if tt.plot != nil {
						tt.plot(s)
					}
					s.at(time.Second, func() { s.env.SignalWorkflow("abort", c) })
				},
				want: rollout.Aborted, wantReason: "aborted by bo@example.com: " + c.Reason, wantLog: undone,
				check: func(t *testing.T, w *sim.World, s rollout.Status) {
					if tt.want == "" {
						require.Empty(t, s.AbortSignature)
					}
					require.Contains(t, s.AbortSignature, tt.want)
					require.Less(t, s.TimeToRestore.Total.Std(), 4*time.Second, "nothing waits for it")
					var told []string
					for _, m := range w.Heard() {
						told = append(told, m.Notice.Text)
					}
					if tt.told == "" {
						require.Empty(t, told)
						return
					}
					require.Len(t, told, 1)
					require.Contains(t, told[0], tt.told)
				},
			}.holds(t)
		})
	}
}
