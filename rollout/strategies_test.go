package rollout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func hours(n int) Duration { return Duration(time.Duration(n) * time.Hour) }

func rings(steps ...Step) func(*Spec) {
	return func(s *Spec) { s.Strategy = Strategy{Rings: steps} }
}

func TestImpossibleStrategies(t *testing.T) {
	hour := hours(1)
	internal, tenth := Step{Cohort: "internal", Bake: hour}, Step{Weight: 1000, Bake: hour}
	tests := []struct {
		name   string
		change func(*Spec)
		want   string
	}{
		{"blue-green beside a canary", func(s *Spec) { s.Strategy.BlueGreen = &BlueGreen{Preview: hour} }, "strategy: several of"},
		{"all at once beside rings", func(s *Spec) { s.Strategy = Strategy{Rings: []Step{tenth}, AllAtOnce: &AllAtOnce{Bake: hour}} }, "strategy: several of"},
		{"no rings", rings(), "strategy: no step"},
		{"no preview", func(s *Spec) { s.Strategy = Strategy{BlueGreen: &BlueGreen{}} }, "strategy.blueGreen.preview: a switch without a preview"},
		{"endless preview", func(s *Spec) { s.Strategy = Strategy{BlueGreen: &BlueGreen{Preview: Duration(longest)}} }, "strategy.blueGreen.preview: 36500d is too long"},
		{"all at once without a bake", func(s *Spec) { s.Strategy = Strategy{AllAtOnce: &AllAtOnce{}} }, "strategy.allAtOnce.bake: a step without a bake"},
		{"endless bake at once", func(s *Spec) { s.Strategy = Strategy{AllAtOnce: &AllAtOnce{Bake: Duration(longest)}} }, "strategy.allAtOnce.bake: 36500d is too long"},
		{"nothing to compare a copy with", func(s *Spec) {
			s.Baseline = &Baseline{Version: "2.4.1", Artifact: "a"}
			s.Strategy = Strategy{Baseline: BaselineSameAge, BlueGreen: &BlueGreen{Preview: hour}}
		}, "strategy.baseline: there is nothing to compare"},
		{"no room for a copy in a ring", func(s *Spec) {
			s.Baseline = &Baseline{Version: "2.4.1", Artifact: "a"}
			s.Strategy = Strategy{Baseline: BaselineSameAge, Rings: []Step{internal, {Weight: 6000, Bake: hour}}}
		}, "strategy.rings[1].weight: 60% leaves no room"},
		{"a ring of both", rings(Step{Cohort: "internal", Weight: 100, Bake: hour}), "strategy.rings[0].weight: a ring is a cohort or a weight"},
		{"a ring of neither", rings(Step{Bake: hour}), "strategy.rings[0].weight: 0% is impossible"},
		{"a negative ring", rings(Step{Weight: -100, Bake: hour}), "strategy.rings[0].weight: -1% is impossible"},
		{"a cohort after a weight", rings(tenth, internal), "strategy.rings[1].cohort: cohort internal comes after a weight"},
		{"the same cohort twice", rings(internal, internal), "strategy.rings[1].cohort: cohort internal has the candidate already"},
		{"a weight that stays", rings(tenth, tenth), "strategy.rings[1].weight: 10% does not rise"},
		{"a ring without a bake", rings(Step{Cohort: "internal"}), "strategy.rings[0].bake: a step without a bake"},
		{"an endless ring", rings(Step{Cohort: "internal", Bake: Duration(longest)}), "strategy.rings[0].bake: 36500d is too long"},
		{"an unsafe cohort", rings(Step{Cohort: "a/b", Bake: hour}), "strategy.rings[0].cohort: \"a/b\" needs letters"},
		{"a cohort of a canary without a weight", func(s *Spec) { s.Strategy.Canary[0] = internal }, "strategy.canary[0].weight: 0% is impossible"},
		{"a cohort of a canary twice", func(s *Spec) { s.Strategy.Canary[0].Cohort, s.Strategy.Canary[1].Cohort = "beta", "beta" }, "strategy.canary[1].cohort: cohort beta has the candidate already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := valid()
			tt.change(&s)
			var found []string
			for _, p := range s.Validate() {
				found = append(found, p.String())
			}
			require.Len(t, found, 1, "%q", found)
			require.Contains(t, found[0], tt.want)
		})
	}
}

func TestPlansOfOtherStrategies(t *testing.T) {
	hour := hours(1)
	tests := []struct {
		name     string
		strategy Strategy
		acts     []string
		who      []string
	}{
		{"all at once", Strategy{AllAtOnce: &AllAtOnce{Bake: hour}},
			[]string{"deploy", "s01.traffic", "promote.traffic", "promote", "cleanup.remove"}, []string{"100%"}},
		{"blue-green", Strategy{BlueGreen: &BlueGreen{Preview: hour}},
			[]string{"deploy", "s01.traffic", "promote.traffic", "promote", "cleanup.remove"}, []string{"test traffic"}},
		{"rings", Strategy{Rings: []Step{{Cohort: "internal", Bake: hour}, {Cohort: "beta", Bake: hour}, {Weight: 1000, Bake: hour, Owner: "web"}}},
			[]string{"deploy", "s01.traffic", "s01.cohort", "s02.traffic", "s02.cohort", "s03.traffic",
				"promote.traffic", "promote", "cleanup.cohorts", "cleanup.remove"},
			[]string{"cohort internal", "cohort beta", "10%"}},
		{"a cohort beside a weight", Strategy{Canary: []Step{{Weight: 100, Cohort: "internal", Bake: hour}}},
			[]string{"deploy", "s01.traffic", "s01.cohort", "promote.traffic", "promote", "cleanup.cohorts", "cleanup.remove"},
			[]string{"1% and cohort internal"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := valid()
			s.Strategy = tt.strategy
			require.Empty(t, s.Validate())
			p := NewPlan(s)
			require.Equal(t, tt.acts, ids(p))
			var who []string
			for i, step := range p.Steps {
				who = append(who, step.Audience())
				require.Equal(t, step.Weight == 0 || step.Weight == All, step.Absolute, "relative checks need a fair share")
				require.Equal(t, step.Weight == 0, step.Apart)
				require.Equal(t, s.Strategy.steps()[i].Owner, step.Owner, "no rollout has an owner here")
			}
			require.Equal(t, tt.who, who)
			require.Equal(t, minutes(10), p.KeepBaseline)
			cohorts := 0
			if n := len(p.Cohorts()); n > 0 {
				cohorts = 6*n + 8
			}
			require.Equal(t, 66+len(p.Steps)*(13+6*6)+cohorts, p.EventBound())
			first := p.FirstRelease()
			require.Len(t, first.Steps, 1)
			require.Equal(t, "100%", first.Steps[0].Audience(), "there is nobody to be apart from")
		})
	}
}

// What is undone in the first moment is what users meet.
func TestCohortsAreUndone(t *testing.T) {
	s := valid()
	s.Strategy = Strategy{Rings: []Step{{Cohort: "internal", Bake: hours(1)}}}
	for _, act := range NewPlan(s).Acts {
		if act.ID == "s01.cohort" {
			require.Equal(t, &Compensation{Kind: RestoreCohorts, For: "s01.cohort", Text: "remove the rule of cohort internal"}, act.Compensation)
			return
		}
	}
	t.Fatal("no act sends the cohort")
}
