package rollout

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Problem is one thing that is wrong with a spec: where, and what to do.
type Problem struct {
	Path    string `json:"path"` // such as strategy.canary[1].weight
	Message string `json:"message"`
	File    string `json:"file,omitempty"` // with Line and Column, from 1: filled in where the file is known
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
}

// Texts are the problems as people read them.
func Texts(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

// String reads "checkout.yaml:12:9: strategy.canary[1].weight: does not rise",
// without the place where it is not known.
func (p Problem) String() string {
	s := p.Message
	if p.Path != "" {
		s = p.Path + ": " + s
	}
	if p.Line > 0 {
		s = fmt.Sprintf("%d:%d: %s", p.Line, p.Column, s)
		if p.File != "" {
			s = p.File + ":" + s
		}
	}
	return s
}

// validation collects problems, so that a person sees all of them at once.
type validation []Problem

func (v *validation) add(path, format string, args ...any) {
	*v = append(*v, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (v *validation) require(ok bool, path, format string, args ...any) {
	if !ok {
		v.add(path, format, args...)
	}
}

func (v *validation) oneOf(value, path string, allowed ...string) {
	v.require(value == "" || slices.Contains(allowed, value), path, "%q is not one of %s", value, strings.Join(allowed, ", "))
}

// name requires a value that may be part of an id, a path or a URL.
func (v *validation) name(value, path string) {
	v.require(value != "", path, "is missing")
	v.require(value == "" || nameIsSafe(value), path, "%q needs letters, digits, '.', '_' or '-', %d at most", value, longestName)
}

func (v *validation) version(value, path string) {
	v.require(value != "", path, "is missing")
	v.require(value == "" || versionIsSafe(value), path, "%q needs letters, digits, '.', '_', '+' or '-', %d at most", value, longestName)
}

func (v *validation) atLeast(d Duration, path string, least time.Duration) {
	v.require(d == 0 || d.Std() >= least, path, "%s is too short: at least %s", d, Duration(least))
}

// bake refuses what is over before anything can be seen in it.
func (v *validation) bake(d Duration, path, without string) {
	v.require(d > 0, path, "%s", without)
	v.atLeast(max(d, 0), path, 100*time.Millisecond)
}

// Validate says everything that is wrong with the spec and can be seen without
// asking any system. An empty list means that a worker may be asked.
func (s Spec) Validate() []Problem {
	var v validation
	v.require(s.Kind == "Rollout", "kind", "%q is not served: write kind: Rollout", s.Kind)
	v.name(s.Service, "service")
	v.name(s.Environment, "environment")
	if s.Unit != "" {
		v.name(s.Unit, "unit")
	}
	s.validateRelease(&v)
	s.validateTarget(&v)
	s.Strategy.validate(&v)
	s.validateChecks(&v)
	s.Policy.validate(&v)
	v.atLeast(s.Deadline, "deadline", time.Second)
	for i, n := range s.Notify {
		v.require(n.To != "", fmt.Sprintf("notify[%d].to", i), "is missing: name a sink of the worker's configuration")
		for j, event := range n.Events {
			v.require(slices.Contains(Occasions(), event), fmt.Sprintf("notify[%d].events[%d]", i, j), "%q is not one of %s", event, OccasionNames())
		}
	}
	s.validateNeeds(&v)
	s.Schedule.validate(&v)
	for i, h := range s.Hooks {
		h.validate(&v, fmt.Sprintf("hooks[%d]", i))
	}
	v.durations("", reflect.ValueOf(s))
	v = append(v, s.secrets()...)
	slices.SortStableFunc(v, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return v
}

func (s Spec) validateRelease(v *validation) {
	v.version(s.Release.Version, "release.version")
	if s.Baseline != nil {
		v.version(s.Baseline.Version, "baseline.version")
		v.require(s.Release.Version != copyOf(s.Baseline.Version), "release.version", "%s is the name of the baseline's copy", s.Release.Version)
		v.require(s.Baseline.Version == "" || s.Baseline.Version != s.Release.Version, "baseline.version",
			"baseline and candidate are both %s: there is nothing to roll out", s.Release.Version)
	}
	if s.Strategy.Baseline == BaselineSameAge {
		v.require(s.Baseline != nil && s.Baseline.Artifact != "", "strategy.baseline", "a copy of the baseline needs baseline.version and baseline.artifact: what is deployed once more")
	}
	if m := s.Release.Model; m != nil {
		v.require(m.URI != "" && m.Digest != "", "release.model", "a model needs its uri and its digest")
	}
	v.require(len(s.Release.Flags) == 0 || s.Target.Flags != nil, "release.flags", "flags need target.flags: the driver that sets them")
}

func (s Spec) validateTarget(v *validation) {
	v.require(s.Target.Deploy.Driver != "", "target.deploy.driver", "name the driver that deploys")
	v.require(s.Target.Traffic.Driver != "", "target.traffic.driver", "name the driver that shifts traffic")
	v.require(s.Target.Flags == nil || s.Target.Flags.Driver != "", "target.flags.driver", "name the driver that sets flags")
	v.require(s.Target.Metrics == nil || s.Target.Metrics.Driver != "", "target.metrics.driver", "name the driver that reads metrics")
	v.require(len(s.Checks) == 0 || s.Target.Metrics != nil, "target.metrics", "checks need a metrics driver")
	if r := s.Target.Replicas; r != "" && r != "match" {
		v.require(regexp.MustCompile(`^[1-9][0-9]{0,5}$`).MatchString(r), "target.replicas", "%q is neither match nor a number of replicas from 1", r)
	}
}

func (s Strategy) validate(v *validation) {
	given := 0
	for _, is := range []bool{len(s.Canary) > 0, s.Linear != nil, s.Adaptive != nil, s.BlueGreen != nil, len(s.Rings) > 0, s.AllAtOnce != nil} {
		if is {
			given++
		}
	}
	v.require(given <= 1, "strategy", "several of canary, linear, adaptive, blueGreen, rings and allAtOnce are given: exactly one is needed")
	v.require(given > 0, "strategy", "no step: give canary or rings (lists of steps), linear, adaptive, blueGreen or allAtOnce")
	if s.Adaptive != nil {
		s.Adaptive.validate(v)
	}
	if l := s.Linear; l != nil {
		until := orElse(l.Until, All)
		v.require(l.Step > 0 && l.Step < until, "strategy.linear.step", "%s does not lead to %s: it must be more than 0%% and less than that", l.Step, until)
		v.require(l.Until >= 0 && l.Until <= All, "strategy.linear.until", "%s is impossible: at most 100%%", l.Until)
		v.bake(l.Bake, "strategy.linear.bake", "a step without a bake proves nothing: give a duration such as 10m")
	}
	if s.BlueGreen != nil {
		s.BlueGreen.validate(v)
	}
	if s.AllAtOnce != nil {
		s.AllAtOnce.validate(v)
	}
	s.validateSteps(v)
	if s.Promote != nil {
		s.Promote.Approve.validate(v, "strategy.promote.approve")
	}
	s.validateBaseline(v)
	s.validateWindow(v)
}

// validateBaseline refuses weights beside which a copy of the baseline has no
// room.
func (s Strategy) validateBaseline(v *validation) {
	v.oneOf(s.Baseline, "strategy.baseline", BaselineServing, BaselineSameAge)
	if s.Baseline != BaselineSameAge {
		return
	}
	v.require(s.BlueGreen == nil && s.AllAtOnce == nil, "strategy.baseline", "there is nothing to compare a copy of the baseline with: blueGreen and allAtOnce judge the candidate alone")
	if s.Adaptive != nil {
		v.require(s.Adaptive.To <= All/2, "strategy.adaptive.to", "%s leaves no room for a copy of the baseline of the same size: at most 50%%", s.Adaptive.To)
	}
	if s.Linear != nil {
		steps := s.steps()
		v.require(len(steps) == 0 || steps[len(steps)-1].Weight <= All/2, "strategy.linear.until", "a copy of the baseline has no room beside more than 50%%: until at most 50%% and a step")
	}
	list, steps := s.listed()
	for i, step := range steps {
		v.require(step.Weight <= All/2, fmt.Sprintf("%s[%d].weight", list, i), "%s leaves no room for a copy of the baseline of the same size: at most 50%%", step.Weight)
	}
}

func (s Strategy) validateWindow(v *validation) {
	w := s.Window
	v.atLeast(w.First, "strategy.window.first", time.Second)
	v.atLeast(w.Cap, "strategy.window.cap", time.Second)
	v.atLeast(w.Poll, "strategy.window.poll", 100*time.Millisecond)
	v.require(w.First == 0 || w.Poll == 0 || w.Poll*5 <= w.First, "strategy.window.poll", "%s is more than a fifth of window.first (%s)", w.Poll, w.First)
	v.require(w.Cap == 0 || w.First <= w.Cap, "strategy.window.cap", "%s is shorter than window.first (%s)", w.Cap, w.First)
	limit := max(orElse(w.Cap, Duration(12*time.Hour)), w.First, Duration(time.Second))
	list, steps := s.listed()
	for i, step := range steps {
		v.require(step.Bake/limit <= maxWindows, fmt.Sprintf("%s[%d].bake", list, i), tooManyWindows, step.Bake, limit)
	}
	if s.BlueGreen != nil {
		v.require(s.BlueGreen.Preview/limit <= maxWindows, "strategy.blueGreen.preview", tooManyWindows, s.BlueGreen.Preview, limit)
	}
	if s.AllAtOnce != nil {
		v.require(s.AllAtOnce.Bake/limit <= maxWindows, "strategy.allAtOnce.bake", tooManyWindows, s.AllAtOnce.Bake, limit)
	}
	if s.Adaptive != nil {
		v.require(s.Adaptive.MinBake/limit <= maxWindows, "strategy.adaptive.minBake", tooManyWindows, s.Adaptive.MinBake, limit)
	}
	if s.Linear != nil {
		v.require(s.Linear.Bake/limit <= maxWindows, "strategy.linear.bake", tooManyWindows, s.Linear.Bake, limit)
	}
}

// A bake with more windows than this is refused before it is worked out: its
// history alone would be longer than MaxEvents.
const (
	maxWindows     = MaxEvents / 6
	tooManyWindows = "%s is too long for windows of %s: raise strategy.window.cap"
)

// Validate says what is wrong with an approval that stands at the path.
func (a Approval) Validate(path string) []Problem {
	var v validation
	a.validate(&v, path)
	return v
}

func (a *Approval) validate(v *validation, path string) {
	if a == nil {
		return
	}
	v.require(a.Quorum >= 0 && a.Quorum <= 100, path+".quorum", "%d votes are impossible: between 1 and 100", a.Quorum)
	v.require(a.Quorum <= 1 || len(a.From)+len(a.Each) > 0, path+".quorum", "a quorum of %d needs `from`: the roles that may vote", a.Quorum)
	roles, votes := a.sides()
	v.require(a.Each == nil || len(a.From) == 0 || slices.Equal(a.From, roles), path+".from",
		"`each` says who votes: `from` cannot stand beside it")
	v.require(a.From == nil || len(a.From) > 0 || len(a.Each) > 0, path+".from", "nobody is asked: name roles, or leave it out for anyone")
	v.require(a.Each == nil || len(a.Each) > 0, path+".each", "nobody is asked: name roles, and how many votes of each")
	v.require(a.Quorum == 0 || len(a.Each) == 0 || a.Quorum == votes, path+".quorum", "with `each` the quorum is its sum: leave it out")
	for role, votes := range a.Each {
		v.require(votes >= 1 && votes <= 100, path+".each."+role, "%d votes are impossible: between 1 and 100", votes)
	}
	v.atLeast(a.Within, path+".within", time.Second)
	v.oneOf(a.Otherwise, path+".otherwise", RuleRollback, RulePromote)
}

func (p Policy) validate(v *validation) {
	v.require(p.Alpha >= 0 && p.Alpha <= 0.5, "policy.alpha", "%v is not an error rate: it must be between 0 and 0.5", p.Alpha)
	v.oneOf(p.Require, "policy.require", RequireNoHarm, RequireNonInferior)
	v.require(!p.EndEarly || p.Require == RequireNonInferior, "policy.endEarly", "only policy.require: nonInferior can end a step early")
	v.oneOf(p.Inconclusive, "policy.inconclusive", RuleHold, RuleRollback, RulePromote)
	v.oneOf(p.NoData, "policy.noData", RuleHold, RuleRollback)
	v.oneOf(p.Error, "policy.error", RuleHold, RuleRollback)
	v.oneOf(p.Drift, "policy.drift", RuleHold, RulePutBack, RuleRollback)
	v.oneOf(p.Otherwise, "policy.otherwise", RuleRollback, RulePromote)
	v.oneOf(p.OnNewRelease, "policy.onNewRelease", OnNewReject, OnNewQueue, OnNewKeepNewest, OnNewSupersede)
	p.Concerns.validate(v)
	v.atLeast(p.WatchIdle, "policy.watchIdle", time.Second)
	v.oneOf(p.Absolute, "policy.absolute", RuleWarn, RuleRequired)
	v.oneOf(p.Foresight, "policy.foresight", RuleWarn, RuleRequired)
	v.oneOf(p.Share, "policy.share", RuleWarn, RuleRequired)
}
