package rollout

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// valid is a spec with nothing but what is needed.
func valid() Spec {
	return Spec{
		Kind: "Rollout", Service: "checkout", Environment: "production", Release: Release{Version: "2.5.0"},
		Target: Drivers{Deploy: Driver{Driver: "http", With: map[string]any{"url": "http://deployer:8080"}},
			Traffic: Driver{Driver: "http"}, Metrics: &Driver{Driver: "prometheus"}},
		Strategy: Strategy{Canary: []Step{{Weight: 500, Bake: minutes(10)}, {Weight: 2500, Bake: minutes(30)}}},
		Checks:   []Check{{Name: "errors", Failures: "f", Requests: "r"}},
	}
}

func ids(p Plan) []string {
	var out []string
	for _, a := range p.Acts {
		out = append(out, a.ID)
	}
	return out
}

func TestNewPlan(t *testing.T) {
	s := valid()
	s.Release.Flags, s.Target.Flags = map[string]any{"new-cart": true}, &Driver{Driver: "http"}
	s.Strategy.Canary[1].Approve = &Approval{From: []string{"release-managers"}}
	p := NewPlan(s)
	require.Equal(t, "production/checkout", p.Target)
	require.Equal(t, "2.5.0", p.Candidate)
	require.Equal(t, PlannedStep{Number: 1, Weight: 500, Bake: minutes(10), WarmUp: minutes(1), Poll: Duration(5 * time.Second),
		Grace: minutes(3), Windows: parsed(t, "1m", "2m", "4m", "3m")}, p.Steps[0])
	require.Equal(t, &Approval{From: []string{"release-managers"}, Quorum: 1, Within: Duration(day), Otherwise: RuleRollback}, p.Steps[1].Approve)
	require.Equal(t, minutes(10), p.KeepBaseline)
	require.Equal(t, []string{"deploy", "flags", "s01.traffic", "s02.traffic", "promote.traffic", "promote", "cleanup.remove"}, ids(p))
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, p.Digest)
}

// TestEveryActIsUndone but the last, after which there is nothing to go back to.
func TestEveryActIsUndone(t *testing.T) {
	for _, act := range NewPlan(valid()).Acts {
		if act.ID == "cleanup.remove" {
			require.Nil(t, act.Compensation)
			continue
		}
		require.NotNil(t, act.Compensation, act.ID)
		require.Equal(t, act.ID, act.Compensation.For)
		require.NotEmpty(t, act.Compensation.Text)
	}
}

func TestPlanOfALinearStrategy(t *testing.T) {
	tests := []struct {
		linear Linear
		want   string
	}{
		{Linear{Step: 1000, Bake: minutes(5), Until: 5000}, "[10% 20% 30% 40%]"},
		{Linear{Step: 2500, Bake: minutes(5)}, "[25% 50% 75%]"},
		{Linear{Step: 3000, Bake: minutes(5)}, "[30% 60% 90%]"},
		{Linear{Step: 3000, Bake: minutes(5), Until: 5000}, "[30%]"},
	}
	for _, tt := range tests {
		s := valid()
		s.Strategy = Strategy{Linear: &tt.linear}
		var weights []Weight
		for i, step := range NewPlan(s).Steps {
			weights = append(weights, step.Weight)
			require.Equal(t, i+1, step.Number)
			require.Equal(t, minutes(5), step.Bake)
		}
		require.Equal(t, tt.want, fmt.Sprint(weights))
	}
}

func TestAbsoluteStretch(t *testing.T) {
	s := valid()
	s.Strategy.Canary = []Step{{Weight: 9900, Bake: 1}, {Weight: 9901, Bake: 1}, {Weight: All, Bake: 1}}
	p := NewPlan(s)
	require.False(t, p.Steps[0].Absolute, "1%% of traffic on the baseline is enough")
	require.True(t, p.Steps[1].Absolute)
	require.True(t, p.Steps[2].Absolute)
}

func TestFirstRelease(t *testing.T) {
	s := valid()
	p := NewPlan(s).FirstRelease()
	require.Len(t, p.Steps, 1)
	require.Equal(t, 1, p.Steps[0].Number)
	require.Equal(t, All, p.Steps[0].Weight)
	require.Equal(t, minutes(30), p.Steps[0].Bake)
	require.True(t, p.Steps[0].Absolute)
	require.Nil(t, p.Steps[0].Approve)

	s.Strategy.Promote = &Promote{Approve: &Approval{Quorum: 1, Otherwise: RulePromote}}
	p = NewPlan(s).FirstRelease()
	require.Equal(t, RulePromote, p.Steps[0].Approve.Otherwise, "all users at once need the approval of all users")
	require.Nil(t, p.Promote, "nobody is asked twice")

	s.Strategy.Canary[1].Approve = &Approval{From: []string{"a"}}
	p = NewPlan(s).FirstRelease()
	require.Equal(t, []string{"a"}, p.Steps[0].Approve.From, "no approval of a later step is lost")
	require.NotNil(t, p.Promote)
}

func TestDigestIsStable(t *testing.T) {
	s := valid()
	s.Target.Deploy.With = map[string]any{"z": 1.0, "a": []any{true, "x"}, "m": map[string]any{"k": nil}}
	p := NewPlan(s)
	for range 20 {
		require.Equal(t, p.Digest, NewPlan(s).Digest)
	}
	require.Equal(t, p.Digest, p.Seal().Digest, "sealing again changes nothing")

	body, err := json.Marshal(s)
	require.NoError(t, err)
	var again Spec
	require.NoError(t, json.Unmarshal(body, &again))
	require.Equal(t, p.Digest, NewPlan(again).Digest, "the way through a history changes nothing")

	body, err = json.Marshal(p)
	require.NoError(t, err)
	var read Plan
	require.NoError(t, json.Unmarshal(body, &read))
	require.Equal(t, p.Digest, read.Seal().Digest)
}

func TestDigestCoversEverything(t *testing.T) {
	seen := map[string]string{NewPlan(valid()).Digest: "unchanged"}
	changes := map[string]func(*Spec){
		"version":  func(s *Spec) { s.Release.Version = "2.5.1" },
		"config":   func(s *Spec) { s.Release.Config = map[string]string{"A": "b"} },
		"weight":   func(s *Spec) { s.Strategy.Canary[0].Weight = 501 },
		"bake":     func(s *Spec) { s.Strategy.Canary[0].Bake++ },
		"check":    func(s *Spec) { s.Checks[0].Failures = "g" },
		"policy":   func(s *Spec) { s.Policy.NoData = RuleRollback },
		"with":     func(s *Spec) { s.Target.Deploy.With["url"] = "http://elsewhere:8080" },
		"approval": func(s *Spec) { s.Strategy.Promote = &Promote{Approve: &Approval{}} },
		"deadline": func(s *Spec) { s.Deadline = minutes(600) },
	}
	for name, change := range changes {
		s := valid()
		change(&s)
		digest := NewPlan(s).Digest
		require.Empty(t, seen[digest], name)
		seen[digest] = name
	}
	p := NewPlan(valid())
	p.Drivers = map[string]string{"deploy": "no compare-and-set"}
	require.Empty(t, seen[p.Seal().Digest])
}

// TestNumbersToHold are the bounds of the design.
func TestNumbersToHold(t *testing.T) {
	s := valid()
	s.Strategy.Canary = []Step{{Weight: 100, Bake: minutes(10)}, {Weight: 1000, Bake: minutes(60)}, {Weight: 5000, Bake: Duration(7 * day)}}
	p := NewPlan(s)
	require.Equal(t, 60+3*13+6*(4+6+23)+6, p.Events)
	require.LessOrEqual(t, p.Events, 320)
	require.LessOrEqual(t, p.Actions, 80)

	s.Strategy.Canary[0].Approve, s.Strategy.Promote = &Approval{}, &Promote{Approve: &Approval{}}
	require.Equal(t, p.Events+18+26, NewPlan(s).Events, "more for one that is asked for while the candidate has traffic")
	none := Duration(0)
	s.Strategy.KeepBaseline = &none
	require.Equal(t, p.Events+38, NewPlan(s).Events, "no baseline is kept, none is watched")
	s.Strategy.Promote.Approve.Each = map[string]int{"engineering": 2, "security": 1}
	require.Equal(t, p.Events+38+2*17, NewPlan(s).Events, "each vote has a witness and is authorized")
}

func TestWarnings(t *testing.T) {
	absolute := Check{Name: "slo", Failures: "f", Requests: "r", Judge: &Judge{SLORate: &SLORate{Objective: "99%"}}}
	advisory := absolute
	advisory.Gates = new(bool)
	tests := []struct {
		name   string
		checks []Check
		want   string
	}{
		{"no check", nil, "no check decides"},
		{"only advisory ones", []Check{advisory}, "no check decides"},
		{"only relative ones", valid().Checks, "no absolute check"},
		{"relative ones and an advisory absolute one", append(valid().Checks, advisory), "no absolute check"},
		{"an absolute one", append(valid().Checks, absolute), ""},
	}
	for _, tt := range tests {
		s := valid()
		s.Checks = tt.checks
		have := strings.Join(NewPlan(s).Warnings, "\n")
		require.True(t, strings.HasPrefix(have, tt.want) && (have == "") == (tt.want == ""), "%s: %s", tt.name, have)
	}
}

func TestStepID(t *testing.T) {
	require.Equal(t, "s02", StepID(2))
	require.Equal(t, "s100", StepID(100))
}
