package rehearsal

import (
	"cmp"
	"fmt"
	"strings"
	"time"

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
