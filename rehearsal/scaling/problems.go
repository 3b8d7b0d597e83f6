package scaling

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

const (
	defaultPoll = rollout.Duration(time.Second)
	leastPoll   = rollout.Duration(50 * time.Millisecond)
	most        = 10000 // replicas
)

// problems collects what is wrong, so that a person sees all of it at once.
type problems struct {
	path string
	list []rollout.Problem
}

func (p *problems) require(ok bool, at, format string, args ...any) {
	if !ok {
		p.list = append(p.list, rollout.Problem{Path: strings.TrimSuffix(p.path+"."+at, "."), Message: fmt.Sprintf(format, args...)})
	}
}

// Problems says what is wrong with e, and what to do: what is missing, what
// contradicts itself, and what no autoscaler could fulfil or break. The path is
// that of e in its manifest, such as "scaling".
func (e Expect) Problems(path string) []rollout.Problem {
	p := &problems{path: path}
	e = e.WithDefaults()
	e.replicas(p)
	e.needs(p)
	e.times(p)
	e.trigger(p)
	e.target(p)
	e.signals(p)
	return p.list
}

func (e Expect) replicas(p *problems) {
	r := e.Replicas
	p.require(r.Min >= 0, "replicas.min", "%d: must not be negative", r.Min)
	p.require(r.Max <= most, "replicas.max", "%d: at most %d", r.Max, most)
	p.require(r.Max >= 1, "replicas.max", "is missing: the most replicas that the policy allows")
	switch {
	case r.Max < 1 || r.Min < 0:
	case r.Min > r.Max:
		p.require(false, "replicas", "min %d is above max %d: swap them", r.Min, r.Max)
	case r.Min == r.Max:
		p.require(false, "replicas", "min and max are both %d: there is nothing to scale; raise max, or leave scaling out", r.Min)
	}
	p.require(e.Oscillations >= 0, "oscillations", "%d: must not be negative", e.Oscillations)
	p.require(e.Swing >= 1, "swing", "%d: at least 1 replica", e.Swing)
	p.require(e.Swing <= max(r.Max-r.Min, 1), "swing", "%d: the policy never moves by more than %d, so nothing would ever be a turn; lower it", e.Swing, r.Max-r.Min)
}

func (e Expect) needs(p *problems) {
	p.require(e.Needed >= 0, "needed", "%d: must not be negative", e.Needed)
	p.require(isPossible(float64(e.Capacity)), "capacity", "%g: must be a number of requests a second", e.Capacity)
	p.require(e.Needed == 0 || e.Capacity == 0, "", "say one of needed (replicas that the load needs) and capacity (what one replica serves, such as 50/s), not both")
	p.require(e.Overshoot >= 0, "overshoot", "%d: must not be negative", e.Overshoot)
	if e.Needed > 0 {
		p.require(e.Needed <= e.Replicas.Max, "needed", "%d is above replicas.max %d: it can never be reached; raise max or lower the load", e.Needed, e.Replicas.Max)
		p.require(e.Needed > e.Replicas.Min, "needed", "%d is not above replicas.min %d: nothing would be scaled; raise the load or lower min", e.Needed, e.Replicas.Min)
	}
	above, what := e.Replicas.Max-max(e.Needed, e.Replicas.Min), "replicas.min"
	if e.Needed > 0 {
		what = "needed"
	}
	p.require(above < 0 || e.Overshoot <= above, "overshoot", "%d: replicas.max is only %d above %s, so it could never be broken; write at most %d", e.Overshoot, above, what, above)
}

func (e Expect) times(p *problems) {
	p.require(e.UpWithin > 0, "upWithin", "is missing, or not above 0s: the longest time until enough replicas are ready, such as 60s")
	p.require(e.Poll >= leastPoll, "poll", "%s: at least %s", e.Poll, leastPoll)
	for _, limit := range []struct {
		name          string
		value, least  rollout.Duration
		what, instead string
	}{
		{"upWithin", e.UpWithin, 2 * e.Poll, "two polls", "poll more often, or allow more time"},
		{"upWithin", e.UpWithin, e.Policy.CooldownUp, "policy.cooldownUp", "shorten the cooldown, or allow more time"},
		{"downWithin", e.DownWithin, 2 * e.Poll, "two polls", "poll more often, or allow more time"},
		{"downWithin", e.DownWithin, e.Policy.CooldownDown, "policy.cooldownDown", "shorten the cooldown, or allow more time"},
		{"downWithin", e.DownWithin, e.Policy.Stabilisation, "policy.stabilisation", "shorten the stabilisation, or allow more time"},
	} {
		p.require(limit.value == 0 || limit.value >= limit.least, limit.name,
			"%s is shorter than %s (%s): it cannot be kept; %s", limit.value, limit.what, limit.least, limit.instead)
	}
	if w := e.Waiting; w != nil {
		p.require(isPossible(w.Queue), "waiting.queue", "%g: must not be negative", w.Queue)
		p.require(w.Queue != 0 || w.Latency > 0, "waiting", "is empty: say queue, latency or both, or leave it out")
	}
}

func (e Expect) trigger(p *problems) {
	t := e.Trigger
	if t == nil {
		return
	}
	serves := e.Capacity * load.Rate(e.Replicas.Max)
	known := []string{Queue, Rate, Latency, Utilisation}
	if !slices.Contains(known, t.Signal) {
		p.require(false, "trigger.signal", "%q is not one of %s", t.Signal, strings.Join(known, ", "))
		return
	}
	p.require(isPossible(t.Above), "trigger.above", "%g: must not be negative", t.Above)
	p.require(t.Signal == Rate || !e.Signals.of(t.Signal).IsZero(), "trigger.signal", "%s is not read: say under signals.%s where", t.Signal, t.Signal)
	p.require(t.Signal != Rate || e.Capacity == 0 || load.Rate(t.Above) < serves, "trigger.above",
		"%g is not below what replicas.max serve (%s): the autoscaler could never help; lower it", t.Above, serves)
	p.require(t.Signal != Utilisation || t.Above < 1, "trigger.above", "%g: a utilisation is a ratio below 1, such as 0.7", t.Above)
}

func (e Expect) target(p *problems) {
	t := e.Policy.Target
	if t == nil {
		return
	}
	set := 0
	for _, v := range []float64{t.Queue, float64(t.Rate), float64(t.Utilisation)} {
		p.require(isPossible(v), "policy.target", "%g: must be a number, and not negative", v)
		if v != 0 {
			set++
		}
	}
	p.require(set == 1, "policy.target", "say one of queue, rate and utilisation")
	p.require(e.Capacity == 0 || t.Rate <= e.Capacity, "policy.target.rate", "%s is above capacity %s: replicas would be overloaded before another one is asked for; lower it", t.Rate, e.Capacity)
}

func (e Expect) signals(p *problems) {
	for i, endpoint := range e.Endpoints {
		p.require(!load.HasUser(endpoint), fmt.Sprintf("endpoints[%d]", i), "holds a user or a password, which would stand in the history and the evidence: leave it out")
	}
	p.require(!e.Signals.Ready.IsZero(), "signals.ready", "is missing: where the number of ready replicas is read")
	for _, name := range []string{"ready", "wanted", Queue, Latency, Rate, Utilisation} {
		s, set := e.Signals.of(name), 0
		for _, text := range []string{s.Gauge, s.Counter, s.Histogram, s.Query} {
			if text != "" {
				set++
			}
		}
		p.require(set <= 1, "signals."+name, "say one of gauge, counter, histogram and query")
		p.require(s.Histogram == "" || name == Latency, "signals."+name, "only latency is read from a histogram: give a gauge, a counter or a query")
		p.require(s.Counter == "" || name == Rate || name == Utilisation, "signals."+name, "a counter gives a rate: give a gauge or a query")
	}
	if w := e.Waiting; w != nil {
		p.require(w.Queue == 0 || !e.Signals.Queue.IsZero(), "waiting.queue", "the queue is not read: say under signals.queue where")
		p.require(w.Latency == 0 || !e.Signals.Latency.IsZero(), "waiting.latency", "the latency is not read: say under signals.latency where")
	}
	cools := e.Policy.CooldownUp > 0 || e.Policy.CooldownDown > 0 || e.Policy.Stabilisation > 0
	p.require(!cools || !e.Signals.Wanted.IsZero(), "policy", "cooldowns are judged by what the autoscaler asks for: say under signals.wanted where it is read, or leave them out")
}

// of returns a signal by its name in manifests.
func (s Signals) of(name string) Signal {
	return map[string]Signal{"ready": s.Ready, "wanted": s.Wanted, Queue: s.Queue, Latency: s.Latency, Rate: s.Rate, Utilisation: s.Utilisation}[name]
}

func isPossible(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }
