package rehearsal

import (
	"slices"
	"strings"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

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
	v.require(p.During == "" || slices.Contains(m.faultNames(), p.During), "during", "there is no fault %q: there %s", p.During, areThere(m.faultNames()))
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
	v.require(p.Of == "" || len(m.loadsOf(p)) > 0, "of", "there is no load %q: there %s", p.Of, areThere(m.loadNames()))
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
