package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every step of every strategy, and the promotion, has somebody who answers for it.
func TestOwners(t *testing.T) {
	hour := hours(1)
	for name, tt := range map[string]struct {
		strategy Strategy
		steps    []string
		promote  string
		all      []string
	}{
		"nobody but the rollout's": {Strategy{Canary: []Step{{Weight: 500, Bake: hour}}}, []string{"team"}, "team", []string{"team"}},
		"a canary's": {Strategy{Canary: []Step{{Weight: 500, Bake: hour, Owner: "web"}, {Weight: 1000, Bake: hour}}, Promote: &Promote{Owner: "product"}},
			[]string{"web", "team"}, "product", []string{"product", "team", "web"}},
		"a linear one's": {Strategy{Linear: &Linear{Step: 4000, Bake: hour, Owner: "web"}}, []string{"web", "web"}, "team", []string{"team", "web"}},
		"an adaptive one's": {Strategy{Adaptive: &Adaptive{From: 2000, To: 5000, RiskBudget: 9, MinBake: hour, Owner: "web"}},
			[]string{"web", "web"}, "team", []string{"team", "web"}},
		"a blue-green one's": {Strategy{BlueGreen: &BlueGreen{Preview: hour, Owner: "web"}}, []string{"web"}, "team", []string{"team", "web"}},
		"one at once":        {Strategy{AllAtOnce: &AllAtOnce{Bake: hour, Owner: "web"}}, []string{"web"}, "team", []string{"team", "web"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := valid()
			s.Owner, s.Strategy = "team", tt.strategy
			require.Empty(t, s.Validate())
			p := NewPlan(s)
			var steps []string
			for _, step := range p.Steps {
				steps = append(steps, step.Owner)
			}
			require.Equal(t, tt.steps, steps)
			require.Equal(t, tt.promote, p.PromoteOwner)
			require.Equal(t, tt.all, p.Owners())
			if s.Strategy.Adaptive != nil {
				require.Equal(t, "web", p.Rung(7, 3000, hour).Owner, "a weight that nobody planned")
			}
		})
	}
	require.Empty(t, NewPlan(valid()).Owners(), "nobody is named")
}

func TestLadder(t *testing.T) {
	p := Plan{Escalation: []Rung{{To: "slack", Channel: "@team"}}, StepEscalation: map[string][]Rung{"web": {{To: "slack", Channel: "@web"}}}}
	require.Equal(t, "@web", p.Ladder("web")[0].Channel)
	require.Equal(t, "@team", p.Ladder("team")[0].Channel)
	require.Equal(t, "@team", p.Ladder("")[0].Channel)
}
