package rollout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBudget(t *testing.T) {
	for text, want := range map[string]Budget{"200 failures": 200, "200": 200, "1 failures": 1, "1 failure": 1} {
		var b Budget
		require.NoError(t, b.UnmarshalText([]byte(text)))
		require.Equal(t, want, b)
	}
	for _, text := range []string{"", "0", "-1", "failures", "2.5", "10%"} {
		var b Budget
		require.ErrorContains(t, b.UnmarshalText([]byte(text)), "is not a budget", text)
	}
	require.Equal(t, "200 failures", Budget(200).String())
}

func TestAdaptivePlan(t *testing.T) {
	s := valid()
	s.Strategy.Canary = nil
	s.Strategy.Adaptive = &Adaptive{From: 100, To: 5000, RiskBudget: 200, MinBake: minutes(2)}
	require.Empty(t, s.Validate())
	p := NewPlan(s)
	var weights []Weight
	for _, step := range p.Steps {
		weights = append(weights, step.Weight)
		require.Equal(t, minutes(2), step.Bake)
	}
	require.Equal(t, []Weight{100, 400, 1600, 5000}, weights, "the fastest way")
	require.Greater(t, p.Events, 60+mostRungs*(13+6*len(p.Steps[0].Windows))+6, "the longest way, with weights that stay")
	require.Less(t, p.Events, MaxEvents)
	s.Strategy.Window.Cap, s.Deadline = minutes(1), Duration(30*24*time.Hour)
	require.Greater(t, NewPlan(s).Events, MaxEvents, "nothing bounds the windows of such a plan")
	require.Equal(t, Duration(time.Hour)+2*mostRungs*minutes(2), p.Spec.Deadline)
	require.Equal(t, PlannedStep{Number: 9, Weight: 230, Bake: minutes(4), WarmUp: s.Strategy.WarmUpFor(minutes(4)),
		Poll: s.Strategy.Window.PollFor(minutes(4)), Grace: minutes(2), Windows: p.Spec.Strategy.Window.Windows(minutes(4))},
		p.Rung(9, 230, minutes(4)))
	first := p.FirstRelease()
	require.Nil(t, first.Spec.Strategy.Adaptive)
	require.NotNil(t, p.Spec.Strategy.Adaptive)
	require.Len(t, first.Steps, 1)
}
