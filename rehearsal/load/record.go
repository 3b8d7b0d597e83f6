package load

import "time"

// The kinds of what went wrong with a request. An answer with another status
// than the expected one is "status 503", say.
const (
	KindTimeout = "timeout" // no whole answer in time
	KindRefused = "refused" // nobody listens
	KindReset   = "reset"   // the connection ended before the answer did
	KindNetwork = "network" // any other way to get no answer
	KindBody    = "body"    // the answer does not hold what it should
	KindCapture = "capture" // the answer does not hold what later steps need
	KindLost    = "lost"    // ledger: what was written is not there
	KindDoubled = "doubled" // ledger: it is there more than once
	KindAltered = "altered" // ledger: it is another one
	KindStopped = "stopped" // the load was stopped before the answer: neither good nor failed
	KindMissed  = "missed"  // was due, and the generator could not send it in time
	KindStalled = "stalled" // was due, and for as long as an answer may take all connections waited for answers: the user got none
)

// Record is one request and what came of it.
type Record struct {
	Arrival int           // index
	Step    int           // of the journey, from 0
	Ledger  string        // write, read or ""
	Planned time.Duration // since the load's start: when it was due
	Late    time.Duration // from Planned until it was sent
	Latency time.Duration // from Planned until the whole answer was there, or it was clear that none comes
	Status  int           // of the answer; 0: none
	Version string        // which version answered; "": not said
	Kind    string        // "": a good answer
}

// Good reports whether the answer was the one that was asked for.
func (r Record) Good() bool { return r.Kind == "" }

// Waited reports whether the latency is what a user waited: until the answer or,
// where there was none in time, at least as long.
func (r Record) Waited() bool {
	switch r.Kind {
	case KindRefused, KindReset, KindNetwork, KindStopped, KindMissed:
		return false
	}
	return true
}

// acknowledged reports whether the service said that it did what it was asked
// for. Its answer may lack what the user needs, and be a failed one all the same.
func (r Record) acknowledged() bool {
	return r.Good() || (r.Kind == KindBody || r.Kind == KindCapture) && r.Status >= 200 && r.Status < 300
}

// sent reports whether a user was served at all, well or badly, as far as that is
// the service's doing.
func (r Record) sent() bool { return r.Kind != KindMissed }

// failed reports whether the user got nothing of use.
func (r Record) failed() bool { return r.Kind != "" && r.Kind != KindMissed && r.Kind != KindStopped }
