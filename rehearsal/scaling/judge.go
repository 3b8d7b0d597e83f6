package scaling

import (
	"fmt"
	"strings"

	"bakeoff/rehearsal/evidence"
)

// Judge says how an autoscaler did. Samples may come in any order.
//
// The rate at a sample is the median of it and of its neighbours, two on both
// sides or those within an eighth of upWithin, so that the noise of counting is
// not taken for load. The peak is the highest of these rates. Needed is what e says, or
// ⌈peak ÷ (1.1 × capacity)⌉, or, if e says neither, what the autoscaler settles
// at: what it wants at the end of the peak (the time at three quarters of it or
// more), if that has lasted for upWithin and nothing moved in its last quarter,
// and if the queue shows that they serve it; else it is not known. The load needs more than the floor while its rate
// is above 1.1 × capacity × replicas.min, where capacity is peak ÷ needed if it
// is not given. Then, with the first sample at which something is so as the
// moment from which it is so (a duration is wrong by one spacing of samples at
// most):
//
//   - Up is the time from the crossing of the trigger until as many replicas
//     are ready as needed, if that happens before the need ends;
//   - QueueMax and LatencyMax are the worst in the same time, both ends included;
//   - Down is the time from the last end of the need until no more than
//     replicas.min are ready. A backlog that is left at the end is part of it;
//   - Overshoot is the most replicas ready from the crossing on, less needed,
//     and not below 0;
//   - Floor and Ceiling are the fewest and the most replicas ready;
//   - Oscillations: what the autoscaler wants (or, if that is not read, what is
//     ready) is divided into legs, where it moved back by at least swing. Those
//     after the first are oscillations unless the load turned the same way
//     before them, by at least a quarter of its peak, and has not turned back
//     or explained another leg since. So a load that rises and falls explains
//     replicas that rise and fall, and up, down, up under one surge are two.
//     One fall is left out for each rise that is explained: that which comes back
//     from an overshoot that is allowed;
//   - CooldownKept is false when two changes of what is wanted certainly were
//     closer than the policy allows: from the sample before the first to the
//     one after that which shows the second. Samples a third of a cooldown apart
//     or further cannot show that: the criterion is Unmeasured then.
//
// A criterion one of whose signals was missing, altogether or for longer than
// three samples and a tenth of upWithin (of samples further apart than polls: for
// longer than half of upWithin), or of which too little was seen because
// sampling broke off, is Unmeasured and never Passed; what no missing sample can
// make good is Failed all the same. The outcome is the worst of Criteria.
func Judge(e Expect, seen Seen) evidence.Scaling {
	if len(seen.Samples) == 0 {
		return evidence.Scaling{Outcome: evidence.Unmeasured, Reason: seen.nothing()}
	}
	var s evidence.Scaling
	f := measure(e, seen)
	s.Up, s.Down = since(f.crossed, f.enough), since(f.ended, f.floor)
	s.Needed, s.Overshoot, s.Oscillations = f.needed, f.overshoot(), len(f.oscillations)
	s.Asked = since(f.crossed, f.asked)
	s.Floor, s.Ceiling = int(f.ready.least()), int(f.ready.most())
	s.CooldownKept = f.e.Policy.broken(f.wanted.changes()) == nil
	if !f.crossed.IsZero() {
		s.QueueMax = f.queue.between(f.crossed, f.waited()).most()
		s.LatencyMax = f.latency.between(f.crossed, f.waited()).most()
	}
	s.Advice = f.advice()
	s.Outcome, s.Reason = outcome(f.criteria())
	return s
}

// Criteria returns what had to hold, each by itself, in a fixed order: what e
// does not ask for is not among them. Their names begin with "scaling ".
func Criteria(e Expect, seen Seen) []evidence.Criterion {
	if len(seen.Samples) == 0 {
		return []evidence.Criterion{{Name: "scaling up", Outcome: evidence.Unmeasured, Reason: seen.nothing()}}
	}
	f := measure(e, seen)
	return f.criteria()
}

func (s Seen) nothing() string {
	if s.Error != "" {
		return "nothing was sampled: " + s.Error
	}
	return "nothing was sampled"
}

// outcome is that of the worst criterion, with its reason; of several equally
// bad ones the first.
func outcome(all []evidence.Criterion) (evidence.Outcome, string) {
	for _, worst := range []evidence.Outcome{evidence.Failed, evidence.Unmeasured} {
		var reasons []string
		for _, c := range all {
			if c.Outcome == worst {
				reasons = append(reasons, c.Reason)
			}
		}
		switch len(reasons) {
		case 0:
		case 1:
			return worst, reasons[0]
		default:
			return worst, fmt.Sprintf("%s; and %d more", reasons[0], len(reasons)-1)
		}
	}
	var reasons []string
	for _, c := range all {
		reasons = append(reasons, c.Reason)
	}
	return evidence.Passed, strings.Join(reasons, "; ")
}
