package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"bakeoff/rehearsal/evidence"
)

// Ledger is the synthetic transactions of one load: which were written, and
// what reading them back last showed. Add the requests of the load, of all its
// shards, and then those of reading back (see [Schedule.ReadBack]).
type Ledger struct {
	schedule     *Schedule
	transactions map[int]*transaction // by arrival
}

// transaction is one of them. A nil seen was never read back.
type transaction struct {
	written  bool // acknowledged; else it may be there once, or not
	seen     *string
	from, to time.Duration // since the load's start: its write was under way
}

// mostExamples are named in evidence.
const mostExamples = 20

// NewLedger begins the ledger of a schedule.
func NewLedger(s *Schedule) *Ledger { return &Ledger{s, map[int]*transaction{}} }

// Read adds raw requests (see [ReadRaw]).
func (l *Ledger) Read(raw io.Reader) error {
	_, records, err := ReadRaw(raw)
	if err != nil {
		return err
	}
	for r, err := range records {
		if err != nil {
			return err
		}
		l.Add(r)
	}
	return nil
}

// Add adds one request. A write that was refused (4xx) made no transaction; one
// without an answer, or with an error of the server (5xx), may have made it. One
// that was acknowledged stays so, whatever is sent after it.
func (l *Ledger) Add(r Record) {
	switch {
	case r.Ledger == LedgerWrite && r.acknowledged():
		l.transactions[r.Arrival] = &transaction{written: true, from: r.Planned + r.Late, to: r.Planned + r.Latency}
	case r.Ledger == LedgerWrite && r.sent() && (r.Status < 400 || r.Status >= 500):
		if l.transactions[r.Arrival] == nil {
			l.transactions[r.Arrival] = &transaction{from: r.Planned + r.Late, to: r.Planned + r.Latency}
		}
	case r.Ledger == LedgerRead && r.sent():
		if t := l.transactions[r.Arrival]; t != nil {
			t.seen = &r.Kind
		}
	}
}

// Transactions are the arrivals that wrote, or may have, in their order.
func (l *Ledger) Transactions() []int { return slices.Sorted(maps.Keys(l.transactions)) }

// Unread are those of which no read has said what became of them: nobody asked, or
// no answer came, or one of the server's that says nothing of them.
func (l *Ledger) Unread() []int {
	return slices.DeleteFunc(l.Transactions(), func(arrival int) bool {
		seen := l.transactions[arrival].seen
		return seen != nil && slices.Contains([]string{"", KindLost, KindDoubled, KindAltered}, *seen)
	})
}

// Evidence is what became of the transactions. The last read decides. One that
// was not acknowledged may be missing, but neither doubled nor altered.
func (l *Ledger) Evidence() evidence.Ledger {
	var out evidence.Ledger
	for _, arrival := range l.Transactions() {
		t := l.transactions[arrival]
		if t.written {
			out.Written++
		} else {
			out.Unsure++
		}
		what := t.fate()
		switch what {
		case "":
			continue
		case KindLost:
			out.Lost++
		case KindDoubled:
			out.Doubled++
		case KindAltered:
			out.Altered++
		default:
			out.Unread++
		}
		if len(out.Examples) < mostExamples {
			out.Examples = append(out.Examples, l.schedule.ID(arrival)+": "+what)
		}
	}
	return out
}

// unread is the fate of a transaction of which no read has said what became of it.
const unread = "unread"

// fate is what became of a transaction: KindLost, KindDoubled, KindAltered, or that it
// is unread, and why; "" where all is well.
func (t *transaction) fate() string {
	switch {
	case t.seen == nil:
		return unread
	case *t.seen == "" || *t.seen == KindLost && !t.written:
		return ""
	case slices.Contains([]string{KindLost, KindDoubled, KindAltered}, *t.seen):
		return *t.seen
	}
	return fmt.Sprintf("%s (%s)", unread, *t.seen)
}

// Bad is a transaction that is not there as it was written, or of which that is not
// known.
type Bad struct {
	What     string        // KindLost, KindDoubled or KindAltered; else it is unread
	From, To time.Duration // since the load's start: its write was under way
}

// Bad are those of which not all is well, in the order of their arrivals.
func (l *Ledger) Bad() []Bad {
	var out []Bad
	for _, arrival := range l.Transactions() {
		t := l.transactions[arrival]
		if what := t.fate(); what != "" {
			out = append(out, Bad{what, t.from, t.to})
		}
	}
	return out
}
