package rollout

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestValidIsValid(t *testing.T) {
	require.Empty(t, valid().Validate())
	s := valid()
	s.Checks, s.Target.Metrics = nil, nil
	require.Empty(t, s.Validate(), "checks are not needed, and without them no metrics")
}

func TestValidate(t *testing.T) {
	judge := func(j Judge) func(*Spec) { return func(s *Spec) { s.Checks[0].Judge = &j } }
	query := func(j Judge) func(*Spec) {
		return func(s *Spec) { s.Checks[0] = Check{Name: "a", Query: "q", Judge: &j} }
	}
	tests := []struct {
		name   string
		change func(*Spec)
		want   string // path: part of the message
	}{
		{"kind", func(s *Spec) { s.Kind = "Fleet" }, `kind: "Fleet" is not served`},
		{"a negative drain", func(s *Spec) { s.Drain = -1 }, "drain: -1ns is no length"},
		{"a bake of centuries", func(s *Spec) { s.Policy.Grace = math.MaxInt64 }, "policy.grace: 2562047h47m16.854775807s is no length: from 0 to 36500d"},
		{"service missing", func(s *Spec) { s.Service = "" }, "service: is missing"},
		{"service", func(s *Spec) { s.Service = "a/b" }, "service: \"a/b\" needs letters"},
		{"service with a plus", func(s *Spec) { s.Service = "a+b" }, "service: \"a+b\" needs letters"},
		{"a service that is too long", func(s *Spec) { s.Service = strings.Repeat("a", 101) }, `service: "` + strings.Repeat("a", 101) + `" needs letters, digits, '.', '_' or '-', 100 at most`},
		{"environment", func(s *Spec) { s.Environment = ".." }, "environment: \"..\" needs letters"},
		{"unit", func(s *Spec) { s.Unit = "eu west" }, "unit: \"eu west\" needs letters"},
		{"long name", func(s *Spec) { s.Service = strings.Repeat("a", 101) }, "service: "},
		{"version missing", func(s *Spec) { s.Release.Version = "" }, "release.version: is missing"},
		{"version", func(s *Spec) { s.Release.Version = "2/5" }, "release.version: \"2/5\" needs letters"},
		{"baseline missing", func(s *Spec) { s.Baseline = &Baseline{} }, "baseline.version: is missing"},
		{"a copy of an unknown baseline", func(s *Spec) { s.Strategy.Baseline = "sameAge" }, "strategy.baseline: a copy of the baseline needs"},
		{"no room for a copy", func(s *Spec) {
			s.Baseline = &Baseline{Version: "2.4.1", Artifact: "a"}
			s.Strategy.Baseline, s.Strategy.Canary[1].Weight = "sameAge", 5001
		}, "strategy.canary[1].weight: 50.01% leaves no room"},
		{"no such baseline", func(s *Spec) { s.Strategy.Baseline = "old" }, "strategy.baseline: \"old\" is not one of"},
		{"adaptive without failures", func(s *Spec) {
			s.Strategy.Canary, s.Checks = nil, nil
			s.Strategy.Adaptive = &Adaptive{From: 1, To: 5000, RiskBudget: 1, MinBake: Duration(time.Minute)}
		}, "strategy.adaptive: no gating check compares failures"},
		{"adaptive downwards", func(s *Spec) {
			s.Strategy.Canary = nil
			s.Strategy.Adaptive = &Adaptive{From: 2000, To: 1000, RiskBudget: 1, MinBake: Duration(time.Minute)}
		}, "strategy.adaptive.to: 10% is below from (20%)"},
		{"baseline is the candidate", func(s *Spec) { s.Baseline = &Baseline{Version: "2.5.0"} }, "baseline.version: baseline and candidate are both 2.5.0"},
		{"model", func(s *Spec) { s.Release.Model = &Model{URI: "x"} }, "release.model: a model needs its uri and its digest"},
		{"flags without a driver", func(s *Spec) { s.Release.Flags = map[string]any{"a": true} }, "release.flags: flags need target.flags"},
		{"deploy", func(s *Spec) { s.Target.Deploy.Driver = "" }, "target.deploy.driver: name the driver"},
		{"traffic", func(s *Spec) { s.Target.Traffic.Driver = "" }, "target.traffic.driver: name the driver"},
		{"flags driver", func(s *Spec) { s.Target.Flags = &Driver{} }, "target.flags.driver: name the driver"},
		{"metrics driver", func(s *Spec) { s.Target.Metrics.Driver = "" }, "target.metrics.driver: name the driver"},
		{"no metrics", func(s *Spec) { s.Target.Metrics = nil }, "target.metrics: checks need a metrics driver"},
		{"replicas", func(s *Spec) { s.Target.Replicas = "0" }, "target.replicas: \"0\" is neither match nor a number of replicas from 1"},
		{"replicas as words", func(s *Spec) { s.Target.Replicas = "some" }, "target.replicas: "},

		{"no strategy", func(s *Spec) { s.Strategy = Strategy{} }, "strategy: no step"},
		{"a bake shorter than a window", func(s *Spec) { s.Strategy.Canary[0].Bake = 1000 }, "strategy.canary[0].bake: 1µs is too short: at least 100ms"},
		{"a preview shorter than a window", func(s *Spec) { s.Strategy = Strategy{BlueGreen: &BlueGreen{Preview: 1000}} }, "strategy.blueGreen.preview: 1µs is too short: at least 100ms"},
		{"a hook by ftp", func(s *Spec) { s.Hooks = []Hook{{At: HookAfter, HTTP: "ftp://h/x"}} }, "hooks[0].http: is no URL that can be called"},
		{"a hook of no URL", func(s *Spec) { s.Hooks = []Hook{{At: HookAfter, HTTP: "notaurl"}} }, "hooks[0].http: is no URL that can be called"},
		{"two strategies", func(s *Spec) { s.Strategy.Linear = &Linear{Step: 1000, Bake: Duration(time.Minute)} }, "strategy: several of canary, linear, adaptive"},
		{"linear step", func(s *Spec) { s.Strategy = Strategy{Linear: &Linear{Bake: Duration(time.Minute)}} }, "strategy.linear.step: 0% does not lead to 100%"},
		{"linear step beyond until", func(s *Spec) {
			s.Strategy = Strategy{Linear: &Linear{Step: 5000, Until: 5000, Bake: Duration(time.Minute)}}
		}, "strategy.linear.step: 50% does not lead to 50%"},
		{"linear until", func(s *Spec) {
			s.Strategy = Strategy{Linear: &Linear{Step: 1, Until: All + 1, Bake: Duration(time.Minute)}}
		}, "strategy.linear.until: 100.01% is impossible"},
		{"linear bake", func(s *Spec) { s.Strategy = Strategy{Linear: &Linear{Step: 1000}} }, "strategy.linear.bake: a step without a bake"},
		{"weight of nothing", func(s *Spec) { s.Strategy.Canary[0].Weight = 0 }, "strategy.canary[0].weight: 0% is impossible"},
		{"weight over all", func(s *Spec) { s.Strategy.Canary[1].Weight = All + 1 }, "strategy.canary[1].weight: 100.01% is impossible"},
		{"weight stays", func(s *Spec) { s.Strategy.Canary[1].Weight = 500 }, "strategy.canary[1].weight: 5% does not rise"},
		{"weight falls", func(s *Spec) { s.Strategy.Canary[1].Weight = 100 }, "strategy.canary[1].weight: 1% does not rise: the step before has 5%"},
		{"bake", func(s *Spec) { s.Strategy.Canary[1].Bake = 0 }, "strategy.canary[1].bake: a step without a bake"},
		{"endless bake", func(s *Spec) { s.Strategy.Canary[1].Bake = Duration(longest) }, "strategy.canary[1].bake: 36500d is too long for windows of 12h"},
		{"endless linear bake", func(s *Spec) { s.Strategy = Strategy{Linear: &Linear{Step: 1000, Bake: Duration(longest)}} }, "strategy.linear.bake: 36500d is too long"},
		{"window.first", func(s *Spec) { s.Strategy.Window.First = 1 }, "strategy.window.first: 1ns is too short"},
		{"window.cap", func(s *Spec) {
			s.Strategy.Window.Cap, s.Strategy.Canary = Duration(time.Millisecond), s.Strategy.Canary[:1]
		}, "strategy.window.cap: 1ms is too short"},
		{"window.cap below first", func(s *Spec) { s.Strategy.Window = WindowSpec{First: minutes(2), Cap: minutes(1)} }, "strategy.window.cap: 1m is shorter than window.first (2m)"},
		{"window.poll", func(s *Spec) { s.Strategy.Window.Poll = 1 }, "strategy.window.poll: 1ns is too short"},
		{"window.poll beside first", func(s *Spec) {
			s.Strategy.Window = WindowSpec{First: minutes(1), Poll: Duration(13 * time.Second)}
		}, "strategy.window.poll: 13s is more than a fifth of window.first (1m)"},
		{"quorum", func(s *Spec) { s.Strategy.Canary[0].Approve = &Approval{Quorum: -1} }, "strategy.canary[0].approve.quorum: -1 votes are impossible"},
		{"what no screen shows", func(s *Spec) { s.Owner = "team\x00\x1b[2J" }, `owner: "team\x00\x1b[2J" has control characters`},
		{"the same deep inside", func(s *Spec) { s.Strategy.Canary[0].Owner = "\u009b31m" }, `strategy.canary[0].owner: "\u009b31m" has control characters`},
		{"quorum of too many", func(s *Spec) { s.Strategy.Promote = &Promote{Approve: &Approval{Quorum: 101, From: []string{"a"}}} }, "strategy.promote.approve.quorum: 101 votes are impossible: between 1 and 100"},
		{"asked of nobody", func(s *Spec) { s.Strategy.Canary[0].Approve = &Approval{From: []string{}} }, "strategy.canary[0].approve.from: nobody is asked: name roles, or leave it out for anyone"},
		{"roles side by side", func(s *Spec) { s.Strategy.Canary[0].Approve = &Approval{Each: map[string]int{"security": 0}} }, "strategy.canary[0].approve.each.security: 0 votes are impossible"},
		{"no role side by side", func(s *Spec) { s.Strategy.Canary[0].Approve = &Approval{Each: map[string]int{}} }, "strategy.canary[0].approve.each: nobody is asked"},
		{"roles side by side and others", func(s *Spec) {
			s.Strategy.Promote = &Promote{Approve: &Approval{Each: map[string]int{"a": 1}, From: []string{"b"}}}
		}, "strategy.promote.approve.from: `each` says who votes"},
		{"roles side by side and a quorum", func(s *Spec) {
			s.Strategy.Promote = &Promote{Approve: &Approval{Each: map[string]int{"a": 1}, Quorum: 2}}
		}, "strategy.promote.approve.quorum: with `each` the quorum is its sum"},
		{"quorum of anyone", func(s *Spec) { s.Strategy.Promote = &Promote{Approve: &Approval{Quorum: 2}} }, "strategy.promote.approve.quorum: a quorum of 2 needs `from`"},
		{"within", func(s *Spec) { s.Strategy.Canary[0].Approve = &Approval{Within: 1} }, "strategy.canary[0].approve.within: 1ns is too short"},
		{"otherwise", func(s *Spec) { s.Strategy.Canary[0].Approve = &Approval{Otherwise: RuleHold} }, "strategy.canary[0].approve.otherwise: \"hold\" is not one of rollback, promote"},

		{"check without a name", func(s *Spec) { s.Checks[0].Name = "" }, "checks[0].name: is missing"},
		{"check's name", func(s *Spec) { s.Checks[0].Name = "a b" }, "checks[0].name: \"a b\" needs letters"},
		{"check twice", func(s *Spec) { s.Checks = append(s.Checks, s.Checks[0]) }, "checks[1].name: \"errors\" stands twice"},
		{"no source", func(s *Spec) { s.Checks[0] = Check{Name: "a"} }, "checks[0]: exactly one of failures+requests, histogram and query"},
		{"two sources", func(s *Spec) { s.Checks[0].Histogram = "h" }, "checks[0]: exactly one of"},
		{"half a source", func(s *Spec) { s.Checks[0].Requests = "" }, "checks[0]: failures and requests go together"},
		{"minRequests", func(s *Spec) { s.Checks[0].MinRequests = -1 }, "checks[0].minRequests: -1 is negative"},
		{"weight of a check", func(s *Spec) { s.Checks[0].Weight = -1 }, "checks[0].weight: -1 is negative"},
		{"one matcher", func(s *Spec) { s.Checks[0].By = &By{Baseline: "a"} }, "checks[0].by: give a matcher for baseline and one for candidate"},
		{"points of a counter", judge(Judge{Points: &Points{}}), "checks[0].judge: points needs a query"},
		{"meanCs of a counter", judge(Judge{MeanCS: &MeanCS{}}), "checks[0].judge: meanCs needs a query"},
		{"burnRate of a query", func(s *Spec) {
			s.Checks[0] = Check{Name: "a", Query: "q", Judge: &Judge{BurnRate: &BurnRate{Objective: "99%"}}}
		}, "checks[0].judge: burnRate needs failures and requests"},
		{"direction of points", query(Judge{Points: &Points{Direction: "up"}}), "checks[0].judge.points.direction: \"up\" is not one of increase, decrease"},
		{"transform of points", query(Judge{Points: &Points{Transform: "ln"}}), "checks[0].judge.points.transform: \"ln\" is not one of log, diff"},
		{"margin without a ratio", query(Judge{Points: &Points{HarmMargin: 1.2}}), "checks[0].judge.points.harmMargin: is a ratio, and needs transform: log"},
		{"margin of points", query(Judge{Points: &Points{SafeMargin: 11}}), "checks[0].judge.points.safeMargin: 11 lies outside"},
		{"no points", query(Judge{Points: &Points{MinPoints: -1}}), "checks[0].judge.points.minPoints: -1 lies outside"},
		{"step of points", query(Judge{Points: &Points{Step: Duration(25 * time.Hour)}}), "checks[0].judge.points.step: 25h is more than a day"},
		{"tOpt", query(Judge{MeanCS: &MeanCS{TOpt: 0.5}}), "checks[0].judge.meanCs.tOpt: 0.5 lies outside"},
		{"burnIn", query(Judge{MeanCS: &MeanCS{BurnIn: 1}}), "checks[0].judge.meanCs.burnIn: 1 lies outside"},
		{"level", query(Judge{MeanCS: &MeanCS{Level: 95}}), "checks[0].judge.meanCs.level: 95 lies outside"},
		{"gating meanCs", func(s *Spec) {
			yes := true
			s.Checks[0] = Check{Name: "a", Query: "q", Gates: &yes, Judge: &Judge{MeanCS: &MeanCS{}}}
		}, "checks[0].gates: meanCs only reports and never decides"},
		{"no objective to burn", judge(Judge{BurnRate: &BurnRate{}}), `checks[0].judge.burnRate.objective: "" is not an objective`},
		{"minEvents", judge(Judge{BurnRate: &BurnRate{Objective: "99%", MinEvents: 0.5}}), "checks[0].judge.burnRate.minEvents: 0.5 lies outside"},
		{"five pairs", judge(Judge{BurnRate: &BurnRate{Objective: "99%", Windows: slices.Repeat(burnWindows(0), 3)[:5]}}), "checks[0].judge.burnRate.windows: 5 pairs: at most 4"},
		{"no long window", judge(Judge{BurnRate: &BurnRate{Objective: "99%", Windows: []BurnWindows{{Factor: 2}}}}), "checks[0].judge.burnRate.windows[0].long: 0s lies outside"},
		{"short too short", judge(Judge{BurnRate: &BurnRate{Objective: "99%", Windows: []BurnWindows{{Duration(time.Hour), Duration(time.Minute), 2}}}}), "checks[0].judge.burnRate.windows[0].short: 1m: from a 24th"},
		{"factor", judge(Judge{BurnRate: &BurnRate{Objective: "99%", Windows: []BurnWindows{{Duration(time.Hour), Duration(5 * time.Minute), 0.5}}}}), "checks[0].judge.burnRate.windows[0].factor: 0.5 lies outside"},
		{"no judge", judge(Judge{}), "checks[0].judge: exactly one judge is needed, found 0"},
		{"two judges", judge(Judge{RateRatio: &RateRatio{}, TailLadder: &TailLadder{}}), "checks[0].judge: exactly one judge is needed, found 2"},
		{"rateRatio of a histogram", func(s *Spec) { s.Checks[0] = Check{Name: "a", Histogram: "h", Judge: &Judge{RateRatio: &RateRatio{}}} }, "checks[0].judge: rateRatio needs failures and requests"},
		{"tailLadder of a counter", judge(Judge{TailLadder: &TailLadder{}}), "checks[0].judge: tailLadder needs a histogram"},
		{"direction", judge(Judge{RateRatio: &RateRatio{Direction: "up"}}), "checks[0].judge.rateRatio.direction: \"up\" is not one of increase, decrease"},
		{"harmMargin", judge(Judge{RateRatio: &RateRatio{HarmMargin: 0.9}}), "checks[0].judge.rateRatio.harmMargin: 0.9 lies outside 1 to 10"},
		{"safeMargin", judge(Judge{RateRatio: &RateRatio{SafeMargin: 1}}), "checks[0].judge.rateRatio.safeMargin: 1 lies outside 1.01 to 10"},
		{"beta", judge(Judge{RateRatio: &RateRatio{Beta: 0.6}}), "checks[0].judge.rateRatio.beta: 0.6 is not an error rate"},
		{"quantile", func(s *Spec) {
			s.Checks[0] = Check{Name: "a", Histogram: "h", Judge: &Judge{TailLadder: &TailLadder{Quantiles: []float64{0.5, 99}}}}
		}, "checks[0].judge.tailLadder.quantiles[1]: 99 is not a quantile"},
		{"sloRate of a histogram without slo", func(s *Spec) {
			s.Checks[0] = Check{Name: "a", Histogram: "h", Judge: &Judge{SLORate: &SLORate{Objective: "99%"}}}
		}, "checks[0].judge: sloRate needs failures and requests, or a histogram with slo"},
		{"no objective", judge(Judge{SLORate: &SLORate{}}), `checks[0].judge.sloRate.objective: "" is not an objective`},
		{"objective as a number", judge(Judge{SLORate: &SLORate{Objective: "0.999"}}), `checks[0].judge.sloRate.objective: "0.999" is not an objective`},
		{"objective of all", judge(Judge{SLORate: &SLORate{Objective: "100%"}}), "checks[0].judge.sloRate.objective: "},
		{"objective of few", judge(Judge{SLORate: &SLORate{Objective: "0.1%"}}), "checks[0].judge.sloRate.objective: "},
		{"objective of nan", judge(Judge{SLORate: &SLORate{Objective: "nan%"}}), "checks[0].judge.sloRate.objective: "},
		{"beta of sloRate", judge(Judge{SLORate: &SLORate{Objective: "99%", Beta: -1}}), "checks[0].judge.sloRate.beta: -1 is not an error rate"},
		{"no condition", judge(Judge{Threshold: &Threshold{}}), "checks[0].judge.threshold: give a success or a failure condition"},

		{"alpha", func(s *Spec) { s.Policy.Alpha = 0.6 }, "policy.alpha: 0.6 is not an error rate"},
		{"require", func(s *Spec) { s.Policy.Require = "luck" }, "policy.require: \"luck\" is not one of noHarm, nonInferior"},
		{"endEarly", func(s *Spec) { s.Policy.EndEarly = true }, "policy.endEarly: only policy.require: nonInferior"},
		{"inconclusive", func(s *Spec) { s.Policy.Inconclusive = RulePutBack }, "policy.inconclusive: "},
		{"no data is never promoted", func(s *Spec) { s.Policy.NoData = RulePromote }, "policy.noData: \"promote\" is not one of hold, rollback"},
		{"error is never promoted", func(s *Spec) { s.Policy.Error = RulePromote }, "policy.error: \"promote\" is not one of hold, rollback"},
		{"drift", func(s *Spec) { s.Policy.Drift = RulePromote }, "policy.drift: "},
		{"fewer than nobody", func(s *Spec) { s.Policy.Concerns.Hold = -1 }, "policy.concerns.hold: -1 people are impossible"},
		{"a crowd", func(s *Spec) { s.Policy.Concerns.Rollback = 101 }, "policy.concerns.rollback: 101 people are impossible"},
		{"concerns that hold too late", func(s *Spec) { s.Policy.Concerns = Concerns{Hold: 2, Rollback: 2} }, "policy.concerns.hold: 2 people hold nothing, because 2 take"},
		{"holds end", func(s *Spec) { s.Policy.Otherwise = RuleHold }, "policy.otherwise: "},
		{"onNewRelease", func(s *Spec) { s.Policy.OnNewRelease = "fight" }, "policy.onNewRelease: "},
		{"absolute", func(s *Spec) { s.Policy.Absolute = "maybe" }, "policy.absolute: "},
		{"absolute is required", func(s *Spec) { s.Policy.Absolute = "required" }, "policy.absolute: required, but no gating check is absolute"},
		{"absolute is required to gate", func(s *Spec) {
			s.Policy.Absolute = "required"
			s.Checks[0].Judge, s.Checks[0].Gates = &Judge{SLORate: &SLORate{Objective: "99%"}}, new(bool)
		}, "policy.absolute: required"},
		{"deadline", func(s *Spec) { s.Deadline = 1 }, "deadline: 1ns is too short"},
		{"sink", func(s *Spec) { s.Notify = []Notification{{}} }, "notify[0].to: is missing"},
		{"event", func(s *Spec) { s.Notify = []Notification{{To: "slack", Events: []Occasion{"waiting", "promote"}}} }, `notify[0].events[1]: "promote" is not one of waiting, frozen`},
		{"hook missing", func(s *Spec) { s.Hooks = []Hook{{HTTP: "http://h"}} }, "hooks[0].at: is missing"},
		{"hook", func(s *Spec) { s.Hooks = []Hook{{At: "now", HTTP: "http://h"}} }, "hooks[0].at: \"now\" is not one of beforeStart"},
		{"need of no target", func(s *Spec) { s.Needs = []Need{{Target: "staging"}} }, "needs[0].target: \"staging\" is not a target"},
		{"need of itself", func(s *Spec) { s.Needs = []Need{{Target: s.Key().String()}} }, "needs[0].target: a rollout cannot wait for its own target"},
		{"schedule of nothing", func(s *Spec) { s.Schedule = &Schedule{} }, "schedule: says nothing: give `from`, `to` or both"},
		{"schedule that ends at once", func(s *Spec) { s.Schedule = &Schedule{From: noon, To: noon} }, "schedule.to: 2026-12-01 12:00 UTC is not after `from` (2026-12-01 12:00 UTC)"},
		{"need of nothing", func(s *Spec) { s.Needs = []Need{{Soaked: minutes(1)}} }, "needs[0]: name a target, or `any`"},
		{"any of nothing", func(s *Spec) { s.Needs = []Need{{Any: []Alternative{}}} }, "needs[0].any: lists nothing"},
		{"any beside a target", func(s *Spec) { s.Needs = []Need{{Target: "a/b", Any: []Alternative{{Target: "a/c"}}}} }, "needs[0]: `any` stands alone"},
		{"any beside a time", func(s *Spec) { s.Needs = []Need{{Soaked: 1, Any: []Alternative{{Target: "a/c"}}}} }, "needs[0]: `any` stands alone"},
		{"any of itself", func(s *Spec) { s.Needs = []Need{{Any: []Alternative{{Target: "a/c"}, {Target: s.Key().String()}}}} }, "needs[0].any[1].target: a rollout cannot wait"},
		{"any of no target", func(s *Spec) { s.Needs = []Need{{Any: []Alternative{{Version: "1"}}}} }, "needs[0].any[0]: name a target"},
		{"any of the same", func(s *Spec) {
			s.Needs = []Need{{Any: []Alternative{{Target: "a/c"}, {Target: "a/b"}, {Target: "a/c", Version: s.Release.Version, Soaked: minutes(1)}}}}
		}, "needs[0].any[2]: a/c is listed twice"},
		{"any soaked backwards", func(s *Spec) { s.Needs = []Need{{Any: []Alternative{{Target: "a/c", Soaked: -1}}}} }, "needs[0].any[0].soaked: must not be negative"},
		{"hook of nobody", func(s *Spec) { s.Hooks = []Hook{{At: "after"}} }, "hooks[0]: needs one of http and task"},
		{"hook of two", func(s *Spec) { s.Hooks = []Hook{{At: "after", HTTP: "http://h", Task: &HookTask{"q", "a"}}} }, "hooks[0]: needs one of http and task"},
		{"hook on our own queue", func(s *Spec) { s.Hooks = []Hook{{At: "after", Task: &HookTask{"infra", "Remove"}}} }, "hooks[0].task.taskQueue: infra is Bakeoff's own"},
		{"hook without an activity", func(s *Spec) { s.Hooks = []Hook{{At: "after", Task: &HookTask{TaskQueue: "q"}}} }, "hooks[0].task.activity: is missing"},
		{"hook that is told and asked", func(s *Spec) { s.Hooks = []Hook{{At: "after", HTTP: "http://h", Otherwise: "goOn"}} }, "hooks[0].otherwise: after is told"},
		{"hook that hangs", func(s *Spec) { s.Hooks = []Hook{{At: "after", HTTP: "http://h", Timeout: Duration(time.Hour)}} }, "hooks[0].timeout: at most 10m"},
		{"no JSON", func(s *Spec) { s.Target.Deploy.With["x"] = math.NaN() }, "cannot be written as JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := valid()
			tt.change(&s)
			problems := s.Validate()
			require.Len(t, problems, 1, "one mistake, one problem: %v", problems)
			require.True(t, strings.HasPrefix(problems[0].String(), tt.want), problems[0].String())
		})
	}
}

func TestValidateSaysEverythingAtOnceAndInOrder(t *testing.T) {
	s := valid()
	s.Service, s.Policy.NoData, s.Checks[0].Name = "", "x", ""
	var have []string
	for _, p := range s.Validate() {
		have = append(have, p.Path)
	}
	require.Equal(t, []string{"checks[0].name", "policy.noData", "service"}, have)
}

func TestNothingPanicsOnAnEmptySpec(t *testing.T) {
	require.NotEmpty(t, Spec{}.Validate())
	require.Empty(t, NewPlan(Spec{}).Steps)
	require.NotEmpty(t, Spec{Strategy: Strategy{Canary: []Step{{Weight: -1, Bake: -1}}, Window: WindowSpec{First: -1, Cap: -1}}}.Validate())
}

func TestSecrets(t *testing.T) {
	hidden := []struct {
		name   string
		change func(*Spec, string)
		path   string
	}{
		{"owner", func(s *Spec, x string) { s.Owner = x }, "owner"},
		{"purpose", func(s *Spec, x string) { s.Purpose = "to try " + x }, "purpose"},
		{"artifact", func(s *Spec, x string) { s.Release.Artifact = x }, "release.artifact"},
		{"config", func(s *Spec, x string) { s.Release.Config = map[string]string{"URL": x} }, "release.config.URL"},
		{"flags", func(s *Spec, x string) {
			s.Release.Flags, s.Target.Flags = map[string]any{"a": []any{x}}, &Driver{Driver: "f"}
		}, "release.flags.a[0]"},
		{"model", func(s *Spec, x string) { s.Release.Model = &Model{x, "sha256:0"} }, "release.model.uri"},
		{"deploy", func(s *Spec, x string) { s.Target.Deploy.With["a"] = map[string]any{"b": x} }, "target.deploy.with.a.b"},
		{"metrics", func(s *Spec, x string) { s.Target.Metrics.With = map[string]any{"a": x} }, "target.metrics.with.a"},
		{"check", func(s *Spec, x string) { s.Checks[0].Failures = x }, "checks[0].failures"},
		{"matcher", func(s *Spec, x string) { s.Checks[0].By = &By{Baseline: x, Candidate: "b"} }, "checks[0].by.baseline"},
		{"channel", func(s *Spec, x string) { s.Notify = []Notification{{To: "slack", Channel: x}} }, "notify[0].channel"},
		{"hook", func(s *Spec, x string) { s.Hooks = []Hook{{At: "after", HTTP: x}} }, "hooks[0].http"},
	}
	secrets := []string{
		"-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----", "AKIA" + strings.Repeat("A", 16), "ghp_" + strings.Repeat("a", 30),
		"xoxb-" + strings.Repeat("1", 12), "eyJ" + strings.Repeat("a", 20) + "." + strings.Repeat("b", 20) + ".c", "sk-" + strings.Repeat("a", 24),
		"Bearer abcdefgh12345678", "Basic dXNlcjpodW50ZXIy", "https://user:hunter2@example.com/x", "redis://:pa55@h",
		"ASIA" + strings.Repeat("A", 16), "github_pat_" + strings.Repeat("a", 30), "glpat-" + strings.Repeat("a", 20), "sk_live_" + strings.Repeat("a", 24),
		"npm_" + strings.Repeat("a", 36), "AIza" + strings.Repeat("a", 35), "SG." + strings.Repeat("a", 22) + "." + strings.Repeat("b", 43),
		"hvs." + strings.Repeat("a", 24), "https://hooks.slack.com/services/T000/B000/" + strings.Repeat("a", 24), "https://x/?token=abcdef123",
		"AccountName=a;AccountKey=abcdefgh==", "Server=a;Password=hunter2;", "it logs in with password=hunter2secret",
	}
	for _, h := range hidden {
		for _, secret := range secrets {
			s := valid()
			h.change(&s, secret)
			problems := s.Validate()
			require.Len(t, problems, 1, "%s: %s", h.name, secret)
			require.Equal(t, h.path, problems[0].Path)
			require.Contains(t, problems[0].Message, "looks like a secret")
			require.NotContains(t, problems[0].Message, secret)
		}
	}
}

func TestSecretsByName(t *testing.T) {
	for _, key := range []string{"password", "PASSWORD", "db_password", "token", "apiKey", "api_key", "secret", "clientSecret", "access_key", "credentials", "Authorization", "PASS", "DB_PASS", "PWD", "DB_PW", "SIGNING_KEY", "ENCRYPTION_KEY"} {
		s := valid()
		s.Target.Deploy.With = map[string]any{key: "x"}
		require.Len(t, s.Validate(), 1, key)
		s = valid()
		s.Release.Config = map[string]string{key: "x"}
		require.Len(t, s.Validate(), 1, key)
	}
	harmless := map[string]any{"bypass": "yes", "compass": "north", "query": `kube_secret_info{secret="my-secret"}`, "dsn": "password=${DB_PASSWORD}",
		"tokenizer": "x", "passwordPolicy": "strict", "url": "http://a:8080/x", "token": "", "secret": "{{.Env}}", "keys": "a",
		"MAX_TOKENS": "4096", "RESET_PASSWORD": "on", "purpose": "basic checkout flow, p99 down", "artifact": "registry.example/sk-learn-inference-server",
		"maxTokens": 5.0, "bearer": map[string]any{"env": "PROMETHEUS_TOKEN"}, "image": "a@sha256:" + strings.Repeat("0", 64)}
	for key, value := range harmless {
		s := valid()
		s.Target.Deploy.With = map[string]any{key: value}
		require.Empty(t, s.Validate(), key)
	}
}

func TestProblemString(t *testing.T) {
	require.Equal(t, "b", Problem{Message: "b"}.String())
	require.Equal(t, "a: b", Problem{Path: "a", Message: "b"}.String())
	require.Equal(t, "3:4: a: b", Problem{Path: "a", Message: "b", Line: 3, Column: 4}.String())
	require.Equal(t, "f.yaml:3:4: a: b", Problem{Path: "a", Message: "b", File: "f.yaml", Line: 3, Column: 4}.String())
}
