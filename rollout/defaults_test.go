package rollout

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDefaults(t *testing.T) {
	s := valid().WithDefaults()
	require.Equal(t, minutes(10), s.ReadyWithin)
	require.Equal(t, minutes(5), s.NeedsHumanAfter)
	require.Equal(t, minutes(5), s.SettleWithin)
	require.Equal(t, Duration(30*time.Second), s.Drain)
	require.Equal(t, "match", s.Target.Replicas)
	require.Equal(t, Policy{Alpha: 0.01, Require: RequireNoHarm, Inconclusive: RuleHold, NoData: RuleHold, Error: RuleHold, Drift: RuleHold,
		Grace: minutes(3), HoldFor: minutes(120), Otherwise: RuleRollback, OnNewRelease: "reject", Absolute: "warn", Foresight: "warn", Share: "warn"}, s.Policy)
	require.Equal(t, Duration(12*time.Hour), s.Strategy.Window.Cap)
	require.Equal(t, minutes(10), *s.Strategy.KeepBaseline)
	require.Equal(t, Check{Name: "errors", Failures: "f", Requests: "r", MinRequests: 20, Weight: 1, By: &By{Label: "version"},
		Judge: &Judge{RateRatio: &RateRatio{}}}, s.Checks[0])
	require.Equal(t, &Judge{TailLadder: &TailLadder{}}, Check{Histogram: "h"}.withDefaults().Judge)
	require.Equal(t, &Judge{Points: &Points{}}, Check{Query: "q"}.withDefaults().Judge)
}

func TestKeepBaselineIsTheLastBakeUpToTenMinutes(t *testing.T) {
	none := Duration(0)
	tests := []struct {
		strategy Strategy
		want     Duration
	}{
		{Strategy{Canary: []Step{{Weight: 1, Bake: minutes(60)}, {Weight: 2, Bake: minutes(3)}}}, minutes(3)},
		{Strategy{Canary: []Step{{Weight: 1, Bake: minutes(3)}, {Weight: 2, Bake: minutes(60)}}}, minutes(10)},
		{Strategy{Linear: &Linear{Step: 1000, Bake: minutes(2)}}, minutes(2)},
		{Strategy{Canary: []Step{{Weight: 1, Bake: minutes(3)}}, KeepBaseline: &none}, 0},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, *Spec{Strategy: tt.strategy}.WithDefaults().Strategy.KeepBaseline)
	}
}

// TestDefaultDeadline: 2 × all bakes + approvals + 1h.
func TestDefaultDeadline(t *testing.T) {
	tests := []struct {
		name     string
		strategy Strategy
		want     Duration
	}{
		{"canary", Strategy{Canary: []Step{{Weight: 1, Bake: minutes(10)}, {Weight: 2, Bake: minutes(30)}}}, minutes(80 + 60)},
		{"linear", Strategy{Linear: &Linear{Step: 2500, Bake: minutes(10)}}, minutes(60 + 60)},
		{"an approval's default is a day", Strategy{Canary: []Step{{Weight: 1, Bake: minutes(10), Approve: &Approval{}}}}, minutes(20+60) + Duration(day)},
		{"approvals", Strategy{Canary: []Step{{Weight: 1, Bake: minutes(10), Approve: &Approval{Within: minutes(7)}}},
			Promote: &Promote{Approve: &Approval{Within: minutes(5)}}}, minutes(20 + 60 + 12)},
		{"nothing to approve", Strategy{Canary: []Step{{Weight: 1, Bake: minutes(10)}}, Promote: &Promote{}}, minutes(80)},
		{"more than there is time", Strategy{Canary: []Step{{Weight: 1, Bake: Duration(longest)}, {Weight: 2, Bake: Duration(longest)}}}, Duration(longest)},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, Spec{Strategy: tt.strategy}.WithDefaults().Deadline, tt.name)
	}
	s := valid()
	s.Deadline = minutes(5)
	require.Equal(t, minutes(5), s.WithDefaults().Deadline)
}

func TestDefaultsAreValidAndFinal(t *testing.T) {
	s := valid()
	s.Strategy.Window.First = Duration(day) // longer than the default cap
	s.Strategy.Canary[0].Approve = &Approval{}
	s.Strategy.Promote = &Promote{Approve: &Approval{}}
	require.Empty(t, s.Validate())
	filled := s.WithDefaults()
	require.Empty(t, filled.Validate())
	require.Equal(t, filled, filled.WithDefaults())
	require.Equal(t, &Approval{Quorum: 1, Within: Duration(day), Otherwise: RuleRollback}, filled.Strategy.Canary[0].Approve)
	require.Equal(t, &Approval{Quorum: 1, Within: Duration(day), Otherwise: RuleRollback}, filled.Strategy.Promote.Approve)
}

func TestDefaultsLeaveTheSpecAlone(t *testing.T) {
	s := valid()
	s.Strategy.Canary[0].Approve = &Approval{}
	s.Strategy.Promote = &Promote{Approve: &Approval{}}
	linear := valid()
	linear.Strategy = Strategy{Linear: &Linear{Step: 1000, Bake: minutes(1)}}
	for _, spec := range []Spec{s, linear} {
		before, err := json.Marshal(spec)
		require.NoError(t, err)
		NewPlan(spec)
		after, err := json.Marshal(spec)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
	}
}
