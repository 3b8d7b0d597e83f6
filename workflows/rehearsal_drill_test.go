package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// What a drill's rollout came to is what the drill came to, and never more.
func TestOutcomesOfDrills(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rollout.Status)
		is     evidence.Outcome
		why    string
		timed  bool
	}{
		"all is well":         {func(*rollout.Status) {}, evidence.Passed, "drill", true},
		"nobody could judge":  {func(s *rollout.Status) { s.Drilled.Unjudged = "errors: 404" }, evidence.Unmeasured, "the baseline is ready, but absolute checks could not be judged: errors: 404", false},
		"a person was needed": {func(s *rollout.Status) { s.Drilled.Human = "the state differs" }, evidence.Failed, "a person was needed: the state differs", true},
		"both":                {func(s *rollout.Status) { s.Drilled.Human, s.Drilled.Unjudged = "the state differs", "404" }, evidence.Failed, "a person was needed", false},
		"it never began":      {func(s *rollout.Status) { s.Drilled, s.Reason = nil, "could not deploy" }, evidence.Unmeasured, "no drill took place: RolledBack: could not deploy", false},
		"acknowledged":        {func(s *rollout.Status) { s.Drilled, s.Outcome = nil, rollout.Failed }, evidence.Failed, "Failed", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.m.Drills[0].Repeat = 1
			p.play = func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
				s := p.drilled(workflow.Now(ctx), o)
				c.change(&s)
				return s, nil
			}
			p.run()
			r := p.facts.Drills[0].Repeats[0]
			require.Equal(t, c.is, r.Outcome, r.Reason)
			require.Contains(t, r.Reason, c.why)
			require.Equal(t, c.timed, r.HealthyAt != nil)
		})
	}
}

// A rollout that does not end is asked what it waits for.
func TestDrillThatIsAskedWhereItStands(t *testing.T) {
	back := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for want, asked := range map[string]func() (activities.AskRolloutOutput, error){
		"the baseline is back, but the rollout has not ended in time, and is not cleaned up; it is NeedsHuman: 2 cannot be removed": func() (activities.AskRolloutOutput, error) {
			return activities.AskRolloutOutput{Status: rollout.Status{Phase: rollout.PhaseNeedsHuman, Reason: "2 cannot be removed",
				Drilled: &rollout.Drilled{Injected: back, Decided: &back, Traffic: &back, Healthy: &back}}}, nil
		},
		"its rollout has not ended in time: it goes on until the baseline is back; it is Waiting: asking, and waits for approval": func() (activities.AskRolloutOutput, error) {
			return activities.AskRolloutOutput{Status: rollout.Status{Phase: rollout.PhaseWaiting, Reason: "asking", WaitingFor: rollout.WaitingForApproval}}, nil
		},
		"its rollout has not ended in time: it goes on until the baseline is back": func() (activities.AskRolloutOutput, error) {
			return activities.AskRolloutOutput{}, errors.New("no answer")
		},
	} {
		t.Run(want, func(t *testing.T) {
			p := newPractice(t)
			p.m.Drills[0].Repeat, p.asks = 1, true
			p.play = func(ctx workflow.Context, _ rollout.Order) (rollout.Status, error) {
				detached, _ := workflow.NewDisconnectedContext(ctx)
				return rollout.Status{}, workflow.Sleep(detached, 24*time.Hour)
			}
			var a *activities.Activities
			p.env.OnActivity(a.AskRollout, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.AskRolloutInput) (activities.AskRolloutOutput, error) {
				require.NotEmpty(t, in.RunID)
				return asked()
			})
			p.run()
			r := p.facts.Drills[0].Repeats[0]
			require.Equal(t, evidence.Failed, r.Outcome)
			require.Equal(t, want, r.Reason)
		})
	}
}
