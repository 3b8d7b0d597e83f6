package rehearsal

import (
	"fmt"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// due is how many arrivals an open load has; 0 where only a recording, or the
// answers, could say it.
func (m Manifest) due(l load.Load) int {
	if l.Replay != nil || l.Closed != nil {
		return 0
	}
	schedule, err := load.New(m.Seed, l, nil)
	if err != nil { // a manifest with problems is not judged
		return 0
	}
	n := 0
	for range schedule.Arrivals(0, 1) {
		n++
	}
	return n
}

// Sends reports whether a load went on from one moment to another, and its generator
// was there all the time. What users notice in a time in which none does, nobody knows.
func (m Manifest) Sends(f Facts, from, to time.Time) bool {
	for _, l := range m.Load {
		end := f.Zero.Add((l.At + l.For).Std())
		for _, sent := range f.Loads {
			if sent.Name == l.Name && sent.EndedAt.After(end) { // a recording ends when it does
				end = sent.EndedAt
			}
		}
		if begin := f.Zero.Add(l.At.Std()); !begin.After(from) && !end.Before(to) && !f.awayBetween(l.Name, from, to) {
			return true
		}
	}
	return false
}

// sent says whether a load was what had been planned: otherwise what follows from
// it says nothing. Arrivals that a generator did not live to write down were not
// sent, either.
func (f Facts) sent(name string, due int) evidence.Criterion {
	title := name + " was sent as planned"
	if f.Zero.IsZero() {
		return unmeasured(title, "nothing was sent: the rehearsal was ended before its load began")
	}
	if why := f.Unsent[name]; why != "" {
		return unmeasured(title, "a part of it could not be sent: "+why)
	}
	gone := ""
	if len(f.Gone[name]) > 0 {
		gone = fmt.Sprintf("; of its evidence %s is not there", strings.Join(f.Gone[name], ", "))
	}
	for _, l := range f.Loads {
		if l.Name != name {
			continue
		}
		missed, planned := l.Missed+max(due-l.Arrived, 0), max(due, l.Arrived)
		if l.Sent == 0 {
			break
		}
		if !l.Latency.Known() {
			return unmeasured(title, fmt.Sprintf("none of %s was answered, so that nothing was practised under load%s", counted(l.Sent, "request", "requests"), gone))
		}
		value := float64(missed)
		c := evidence.Criterion{Name: title, Outcome: evidence.Passed, Value: &value, Unit: "requests",
			Reason: fmt.Sprintf("%d of %s not sent; arrivals are off by %s at p99", missed, arrivals(planned, l), inUnit(l.ArrivalErrorP99, UnitSeconds))}
		if missed*100 > planned {
			c.Outcome = evidence.Unmeasured
			why := "the generator could not"
			if f.Halted != nil || f.Aborted != "" || f.Broken != "" {
				why = "the rehearsal was ended before"
			}
			c.Reason += ": " + why + ", and what was measured says nothing"
		} else if due == 0 && gone != "" {
			c.Outcome = evidence.Unmeasured
		}
		if l.Restarts > 0 {
			c.Reason += fmt.Sprintf("; generators that had died, stood still or were cut off from Temporal were begun anew %s", counted(l.Restarts, "time", "times"))
		}
		c.Reason += gone
		return c
	}
	if gone != "" {
		return unmeasured(title, "what was sent is not known"+gone)
	}
	return unmeasured(title, "it was not sent")
}

// arrivals are so many users: of journeys each sends several requests, and what is
// missed of one is all of it.
func arrivals(n int, l evidence.Load) string {
	if l.Sent > l.Arrived {
		return counted(n, "arrival", "arrivals")
	}
	return counted(n, "request", "requests")
}

// faulted says whether a fault was there, as long as planned, and is gone.
func (f Facts) faulted(planned fault.Fault) evidence.Criterion {
	title := planned.Name + " came and went"
	for _, x := range f.Faults {
		if x.Name != planned.Name {
			continue
		}
		held := time.Duration(0)
		for _, s := range x.InForce() {
			held += s.To.Sub(s.From)
		}
		switch {
		case x.Unverified():
			return failed(title, "it was not seen to be gone: "+x.Error)
		case held == 0:
			return unmeasured(title, "it was not seen in force: "+x.Error)
		case planned.For.Std()-held > mayLack(planned.For.Std()):
			return unmeasured(title, strings.TrimSuffix(fmt.Sprintf("it was in force for %s only, and planned for %s: %s", held.Round(time.Millisecond), planned.For, whyShort(x)), ": "))
		}
		return passed(title, fmt.Sprintf("%s, for %s, removed by %s", x.What, held.Round(time.Millisecond), x.RemovedBy))
	}
	return unmeasured(title, "it never began")
}

// whyShort says why a fault was in force for less than its time; "" where nothing tells.
func whyShort(x evidence.Fault) string {
	switch {
	case x.Error == "" && x.RemovedBy == "stop":
		return "bakeoff-worker remove-faults ended it"
	case x.Error == "" && x.RemovedBy == "worker":
		return "the worker that held it died"
	}
	return x.Error
}

// mayLack is how much shorter a fault may be in force than planned: a tenth, or the
// second that it takes to begin one, but of none more than half.
func mayLack(planned time.Duration) time.Duration {
	return max(planned/10, min(time.Second, planned/2))
}

// kept says whether every transaction is there as it was written, and every
// reference table as it was. Where loads write, tables alone say nothing of that.
func (f Facts) kept(writes bool) evidence.Criterion {
	const title = "data is whole"
	if f.Ledger == nil {
		return unmeasured(title, "no transaction was written, and no table was read")
	}
	l := f.Ledger
	bad, unread := l.Lost+l.Doubled+l.Altered, ""
	reason := fmt.Sprintf("of %s %d lost, %d doubled, %d altered", counted(l.Written, "transaction", "transactions"), l.Lost, l.Doubled, l.Altered)
	for _, t := range l.Tables {
		switch {
		case t.Before == "" || t.After == "":
			unread += fmt.Sprintf("; table %s was not read", t.Name)
		case t.Before != t.After:
			bad++
			reason += fmt.Sprintf("; table %s has changed", t.Name)
		}
	}
	if l.Unread > 0 || l.Written == 0 && (writes || len(l.Tables) == 0) {
		unread += fmt.Sprintf("; %d could not be read back", l.Unread)
	}
	value := float64(bad)
	c := judged(evidence.Criterion{Name: title, Value: &value, Unit: "transactions", Reason: reason + unread + f.harmed()}, bad == 0)
	if c.Outcome == evidence.Passed && unread != "" {
		c.Outcome = evidence.Unmeasured
	}
	return c
}

// ended says whether the rollout ended as it should.
func (f Facts) ended(want rollout.Outcome) evidence.Criterion {
	title := "the rollout is " + string(want)
	if f.Rollout == nil || f.Rollout.Outcome == "" {
		reason := "it did not come to an end"
		if f.Rollout != nil && f.Rollout.Reason != "" {
			reason += ": " + f.Rollout.Reason
		}
		return unmeasured(title, reason)
	}
	reason := fmt.Sprintf("%s: %s", f.Rollout.Outcome, f.Rollout.Reason)
	if took := f.Rollout.TimeToRestore; took != nil {
		reason += "; the baseline was back after " + shortened(took.Total.Std()).String()
	}
	return judged(evidence.Criterion{Name: title, Reason: reason}, f.Rollout.Outcome == want)
}
