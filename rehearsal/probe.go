package rehearsal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// Probe checks whether the service is well: before anything is done to it, while
// faults are in force, and afterwards. A probe that halts keeps a rehearsal from
// starting on a service that is not well, and ends it as soon as the service no
// longer is.
//
// A URL gets a GET from where faults are made. No answer, a late one and an
// unexpected one are all bad: a service that cannot be reached is not well. A
// query reads the metrics; if they have no value, that is neither good nor bad. A
// signal is what the load generators saw of the last requests.
type Probe struct {
	Name string `json:"name"` // unique among the probes
	Mode string `json:"mode"` // before anything is done, after each fault, edge (both), or continuous

	URL    string      `json:"url,omitempty"`   // http(s)://…, where load may go; redirects are not followed
	Expect load.Expect `json:"expect,omitzero"` // of a good answer; default any status below 400

	Query   string          `json:"query,omitempty"`   // instead of url: one number, of metrics drivers that evaluate queries; {{.Version}} is the candidate's
	Below   *Amount         `json:"below,omitempty"`   // exclusive limit of the number, or of the signal, for a good answer
	Above   *Amount         `json:"above,omitempty"`   // likewise
	Metrics *rollout.Driver `json:"metrics,omitempty"` // that evaluates it; default the rollout's

	Signal string           `json:"signal,omitempty"` // instead of url: errors, latency-p50, latency-p90, latency-p99 or latency-max of the load, with below or above
	Of     string           `json:"of,omitempty"`     // of a signal: the name of one load; default all together
	Over   rollout.Duration `json:"over,omitempty"`   // of a signal: over what ended in this time, 1s to 1m; default 10s

	During string `json:"during,omitempty"` // the fault it is about; default all of them
	Always bool   `json:"always,omitempty"` // continuous: during the whole practice, not only while faults are in force

	Every    rollout.Duration `json:"every,omitempty"`    // how often it is checked, 100ms to 1m; default 1s
	Timeout  rollout.Duration `json:"timeout,omitempty"`  // for one answer, at most 1m; default 1s
	Failures int              `json:"failures,omitempty"` // how many bad answers in a row mean that the service is not well, 1 to 100; default 3
	Within   rollout.Duration `json:"within,omitempty"`   // after and edge: how soon after a fault there must be a good answer, at most 1h; default 30s

	// OnFailure is halt (default; after a fault there is nothing to halt), or record:
	// the probe is a criterion, and the rehearsal goes on.
	OnFailure string `json:"onFailure,omitempty"`
}

// The modes of a probe, and what follows from its failure.
const (
	ProbeBefore     = "before"
	ProbeAfter      = "after"
	ProbeEdge       = "edge"
	ProbeContinuous = "continuous"

	OnFailureHalt   = "halt"
	OnFailureRecord = "record"
)

// The bounds of probes.
const (
	oftenest      = rollout.Duration(100 * time.Millisecond)
	seldomest     = rollout.Duration(time.Minute)
	shortestOver  = rollout.Duration(time.Second)
	mostFailures  = 100
	longestWithin = rollout.Duration(time.Hour)
)

// toldAfter is how long it takes until generators have told of what was answered.
const toldAfter = rollout.Duration(2 * time.Second)

// withDefaults fills in what is left out.
func (p Probe) withDefaults() Probe {
	if p.Every == 0 {
		p.Every = rollout.Duration(time.Second)
	}
	if p.Timeout == 0 {
		p.Timeout = rollout.Duration(time.Second)
	}
	if p.Failures == 0 {
		p.Failures = 3
	}
	if p.Over == 0 && p.Signal != "" {
		p.Over = rollout.Duration(10 * time.Second)
	}
	if p.Within == 0 && p.after() {
		p.Within = rollout.Duration(30 * time.Second)
	}
	if p.OnFailure == "" {
		p.OnFailure = OnFailureHalt
		if p.Mode == ProbeAfter {
			p.OnFailure = OnFailureRecord
		}
	}
	return p
}

func (p Probe) before() bool     { return p.Mode == ProbeBefore || p.Mode == ProbeEdge }
func (p Probe) after() bool      { return p.Mode == ProbeAfter || p.Mode == ProbeEdge }
func (p Probe) continuous() bool { return p.Mode == ProbeContinuous }

// Halts reports whether a rehearsal ends, or does not begin, by a failure.
func (p Probe) Halts() bool { return p.OnFailure == OnFailureHalt }

// String says what is asked.
func (p Probe) String() string {
	switch {
	case p.Query != "":
		return p.Query
	case p.Signal != "":
		return fmt.Sprintf("%s of %s over %s", p.Signal, cmp.Or(p.Of, "all loads"), p.withDefaults().Over)
	}
	return "GET " + p.URL
}

// Judge says what is wrong with an answer; "" when nothing is.
func (p Probe) Judge(status int, body []byte) string {
	switch e := p.Expect; {
	case status != e.Status && (e.Status != 0 || status >= 400):
		return fmt.Sprintf("status %d", status)
	case !strings.Contains(string(body), e.Body):
		return fmt.Sprintf("status %d, and the body does not hold %q", status, e.Body)
	}
	return ""
}

// Measure is the signal of what users met; known reports whether that says something.
func (p Probe) Measure(seen load.Bucket) (value float64, known bool) {
	if p.Signal == SignalErrors {
		return float64(seen.Failed) / float64(max(seen.Sent, 1)), seen.Sent > 0
	}
	return seen.Latency.Quantile(quantileOf(p.Signal)), seen.Latency.Count() > 0
}

// JudgeValue says what is wrong with the number that is asked for; "" when nothing
// is.
func (p Probe) JudgeValue(value float64) string {
	switch {
	case p.Below != nil && value >= p.Below.Value:
		return fmt.Sprintf("%s, to be below %s", inUnit(value, p.Below.Unit), p.Below)
	case p.Above != nil && value <= p.Above.Value:
		return fmt.Sprintf("%s, to be above %s", inUnit(value, p.Above.Unit), p.Above)
	}
	return ""
}

// WhenBefore is when a probe is asked whether a rehearsal may begin.
const WhenBefore = "before"

// WhenAfter is when a probe is asked after a fault.
func WhenAfter(fault string) string { return "after " + fault }

// when is when a continuous probe is asked, in words.
func (p Probe) when() string {
	switch {
	case p.Always:
		return "all the time"
	case p.During != "":
		return "during " + p.During
	}
	return "while faults are in force"
}

// PlannedProbe is a probe worked out.
type PlannedProbe struct {
	Probe  Probe    `json:"probe"` // every default written out
	Before bool     `json:"before,omitempty"`
	After  []string `json:"after,omitempty"` // the faults after which it is asked
	When   string   `json:"when,omitempty"`  // it is asked all along, in words
	During []Span   `json:"during,omitempty"`
}

// Span is a time of a run, since the beginning of the load.
type Span struct {
	From  rollout.Duration `json:"from"`
	Until rollout.Duration `json:"until"`
}

// PlannedProbes works the probes out: a continuous one is asked while its faults
// are planned to be in force. The run takes at most as long as given.
func (m Manifest) PlannedProbes(longest rollout.Duration) []PlannedProbe {
	var out []PlannedProbe
	for _, p := range m.Probes {
		p = p.withDefaults()
		planned := PlannedProbe{Probe: p, Before: p.before()}
		if p.after() {
			planned.After = m.about(p)
		}
		if p.continuous() {
			planned.When, planned.During = p.when(), m.spansOf(p, longest)
		}
		out = append(out, planned)
	}
	return out
}

// about are the faults that a probe is about.
func (m Manifest) about(p Probe) []string {
	if p.During != "" {
		return []string{p.During}
	}
	return m.faultNames()
}

// spansOf is when a continuous probe is asked.
func (m Manifest) spansOf(p Probe, longest rollout.Duration) []Span {
	times := []span{{0, longest.Std()}}
	if !p.Always {
		times = nil
		for _, f := range fault.Schedule(m.Seed, m.Faults) {
			if slices.Contains(m.about(p), f.Fault.Name) {
				times = append(times, span{f.From.Std(), f.Until.Std()})
			}
		}
	}
	if p.Signal != "" {
		times = m.whileSent(p, apart(times))
	}
	var out []Span
	for _, s := range apart(times) {
		out = append(out, Span{rollout.Duration(s.from), rollout.Duration(s.to)})
	}
	return out
}

// whileSent is what of some times a probe can ask its loads for.
func (m Manifest) whileSent(p Probe, times []span) []span {
	var out []span
	for _, l := range m.loadsOf(p) {
		from, to := (l.At + p.Over + toldAfter).Std(), (l.At + l.For).Std()
		for _, t := range times {
			if s := (span{max(from, t.from), min(to, t.to)}); s.from < s.to {
				out = append(out, s)
			}
		}
	}
	return out
}

// loadsOf are the loads whose signal a probe asks for.
func (m Manifest) loadsOf(p Probe) []load.Load {
	return slices.DeleteFunc(slices.Clone(m.Load), func(l load.Load) bool { return p.Of != "" && p.Of != l.Name })
}

// Lately is how far back probes ask for signals of a load, each length once.
func (m Manifest) Lately(name string) []rollout.Duration {
	var out []rollout.Duration
	for _, p := range m.probes() {
		if p.Signal != "" && (p.Of == "" || p.Of == name) && !slices.Contains(out, p.Over) {
			out = append(out, p.Over)
		}
	}
	return out
}

// Problems says what is wrong with a probe of the manifest.
func (p Probe) Problems(path string, m Manifest) []rollout.Problem {
	v := validation{path: path}
	modes := []string{ProbeBefore, ProbeAfter, ProbeEdge, ProbeContinuous}
	v.name(p.Name, "name")
	v.require(slices.Contains(modes, p.Mode), "mode", "%q is not one of %s", p.Mode, strings.Join(modes, ", "))
	p.asksProblems(&v, m)
	v.require(p.Expect.Status == 0 || p.Expect.Status >= 100 && p.Expect.Status <= 599, "expect.status", "%d is no status: 100 to 599", p.Expect.Status)
	v.require(p.Every == 0 || p.Every >= oftenest && p.Every <= seldomest, "every", "%s is not from %s to %s", p.Every, oftenest, seldomest)
	v.require(p.Timeout >= 0 && p.Timeout <= seldomest, "timeout", "%s is not from 0s to %s", p.Timeout, seldomest)
	v.require(p.Failures >= 0 && p.Failures <= mostFailures, "failures", "%d is not from 1 to %d", p.Failures, mostFailures)
	v.require(p.Within >= 0 && p.Within <= longestWithin, "within", "%s is not from 0s to %s", p.Within, longestWithin)
	v.require(p.Within == 0 || p.after(), "within", "is for mode: after and edge, in which there has to be a good answer again")
	v.require(slices.Contains([]string{"", OnFailureHalt, OnFailureRecord}, p.OnFailure), "onFailure", "%q is not one of %s, %s", p.OnFailure, OnFailureHalt, OnFailureRecord)
	v.require(p.Mode != ProbeAfter || p.OnFailure != OnFailureHalt, "onFailure", "after a fault there is nothing to halt: write record, or mode: continuous")
	v.require(!p.Always || p.continuous(), "always", "is for mode: continuous")
	v.require(!p.Always || p.During == "", "always", "give always or during")
	v.require(p.During == "" || p.Mode != ProbeBefore, "during", "it is asked before anything is done")
	v.require(p.During == "" || slices.Contains(m.faultNames(), p.During), "during", "there is no fault %q: there are %v", p.During, m.faultNames())
	v.require(len(m.Faults) > 0 || !p.after(), "mode", "there is no fault after which it could be asked: write mode: before")
	v.require(len(m.Faults) > 0 || !p.continuous() || p.Always, "mode", "there is no fault during which it could be asked: write always: true")
	if len(v.problems) == 0 && p.continuous() {
		p.neverFails(&v, m)
	}
	return v.problems
}

// asksProblems says what is wrong with what is asked: a URL or a query.
func (p Probe) asksProblems(v *validation, m Manifest) {
	if p.Signal != "" {
		p.signalProblems(v, m)
		return
	}
	v.require(p.Of == "", "of", "is for a signal of a load")
	v.require(p.Over == 0, "over", "is for a signal of a load")
	if p.Query == "" {
		for _, wrong := range load.URLProblems(p.URL) {
			v.add("url", "%s", wrong)
		}
		v.require(p.Below == nil && p.Above == nil && p.Metrics == nil, "query", "is missing: below, above and metrics are for one")
		return
	}
	v.require(p.URL == "" && p.Expect == load.Expect{}, "query", "give url, with what is expected of it, or query, with below or above")
	v.require(p.Below != nil || p.Above != nil, "query", "says nothing: give below or above")
	v.require(p.Below == nil || p.Above == nil || p.Below.Unit == p.Above.Unit && p.Above.Value < p.Below.Value, "above", "%s is not below %s: nothing is between them", p.Above, p.Below)
	v.require(p.Metrics != nil || m.Rollout.Target.Metrics != nil, "query", "there is nobody to ask: the rollout's target has no metrics, name them here")
}

// probeSignals are those of users that a probe can ask for: a rate says more of the
// load than of the service.
var probeSignals = []string{SignalErrors, SignalP50, SignalP90, SignalP99, SignalLatencyMax}

// signalProblems says what is wrong with a probe of a signal.
func (p Probe) signalProblems(v *validation, m Manifest) {
	unit, _ := unitOf(p.Signal)
	v.require(slices.Contains(probeSignals, p.Signal), "signal", "%q is not one of %s", p.Signal, strings.Join(probeSignals, ", "))
	v.require(p.URL == "" && p.Query == "" && p.Expect == load.Expect{} && p.Metrics == nil, "signal", "give one of url, query and signal: whoever sends the load is asked, who needs no expect and no metrics")
	v.require(p.continuous(), "mode", "a signal is known while its load goes on: write mode: continuous")
	v.require(p.Over == 0 || p.Over >= shortestOver && p.Over <= seldomest, "over", "%s is not from %s to %s", p.Over, shortestOver, seldomest)
	v.require(len(m.Load) > 0, "signal", "%s is measured by a load, and there is none", p.Signal)
	v.require(p.Of == "" || len(m.loadsOf(p)) > 0, "of", "there is no load %q: there are %v", p.Of, m.loadNames())
	for _, l := range m.loadsOf(p) {
		v.require(l.For > 0, "of", "%s is over when its recording is: give it a for, so that it is known how long it can be asked", l.Name)
	}
	v.require(p.Below != nil || p.Above != nil, "signal", "says nothing: give below or above")
	for _, limit := range []struct {
		key string
		*Amount
	}{{"below", p.Below}, {"above", p.Above}} {
		v.require(limit.Amount == nil || limit.Unit == unit, limit.key, "%s is measured in another unit: write it like %s", p.Signal, inUnit(1, unit))
	}
	v.require(p.Below == nil || p.Above == nil || p.Above.Value < p.Below.Value, "above", "%s is not below %s: nothing is between them", p.Above, p.Below)
}

// neverFails refuses a continuous probe whose faults are too short for it to fail.
func (p Probe) neverFails(v *validation, m Manifest) {
	p = p.withDefaults()
	takes, longest := rollout.Duration(p.Failures-1)*p.Every, rollout.Duration(0)
	for _, s := range m.spansOf(p, m.Longest()) {
		longest = max(longest, s.Until-s.From)
	}
	v.require(takes < longest, "failures", "%d bad answers, one every %s, take longer than it is asked on end, which is for %s: it could never fail", p.Failures, p.Every, longest)
}
