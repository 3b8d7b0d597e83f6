package activities

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
)

// users is what the generators kept.
type users struct {
	requests []rehearsal.Request
	loads    []evidence.Load
	series   []evidence.Series
	ledger   *evidence.Ledger
	bad      []load.Bad          // transactions that are not whole, since the beginning of all loads
	gone     map[string][]string // load → files that should be there, and are not
	away     map[string]map[int]bool
}

// usersOf reads the requests of every load.
func (a *Activities) usersOf(ctx context.Context, in ConcludeRehearsalInput) (users, error) {
	out := users{gone: map[string][]string{}, away: map[string]map[int]bool{}}
	for _, l := range in.Order.Manifest.Load {
		l = l.WithDefaults()
		schedule, err := a.sourcesOfRun(in.Plan.Run).schedule(ctx, in.Order.Manifest.Seed, l)
		if err != nil {
			return out, err
		}
		begin := in.Facts.Zero.Add(l.At.Std())
		ofRun := schedule.Of(in.Plan.Run) // the examples have its ids
		results, ledger, traces := load.NewResults(l.Name, begin, 0), load.NewLedger(ofRun), load.NewTraces(ofRun, begin)
		var sent arrivals
		due := attended{}
		err = a.readRaws(ctx, in.Plan.Run, rawPrefix, l.Name, func(raw io.Reader) error {
			return eachRecord(raw, func(r load.Record) {
				if sent.before(r) {
					return
				}
				results.Add(r)
				ledger.Add(r)
				traces.Add(r)
				due.add(l.At.Std(), r)
				if r.Kind != load.KindMissed && r.Kind != load.KindStopped {
					out.requests = append(out.requests, rehearsal.Request{Load: l.Name, At: l.At.Std() + r.Planned, Latency: r.Latency,
						Good: r.Good(), Waited: r.Waited(), Version: r.Version})
				}
			})
		})
		if err != nil {
			return out, err
		}
		kept := results.Evidence(schedule.Digest())
		kept.Traces = traces.Evidence()
		if out.gone[l.Name], kept.Restarts, err = a.goneOf(ctx, in.Plan.Run, l); err != nil {
			return out, err
		}
		out.away[l.Name] = due.away()
		out.loads = append(out.loads, kept)
		out.series = append(out.series, results.Series(in.Facts.Zero)...)
		if len(ledger.Transactions()) == 0 {
			continue
		}
		if err := a.readRaws(ctx, in.Plan.Run, readBackPrefix, l.Name, ledger.Read); err != nil {
			return out, err
		}
		out.ledger = sum(out.ledger, ledger.Evidence())
		for _, b := range ledger.Bad() {
			out.bad = append(out.bad, load.Bad{What: b.What, From: l.At.Std() + b.From, To: l.At.Std() + b.To})
		}
	}
	slices.SortStableFunc(out.requests, func(a, b rehearsal.Request) int { return int(a.At - b.At) })
	return out, nil
}

// arrivals are those that stand in a file, by their index.
type arrivals []bool

// before notes an arrival, and reports whether it is called missed by a try of a
// generator, while one before has it in its file.
func (a *arrivals) before(r load.Record) bool {
	for len(*a) <= r.Arrival {
		*a = append(*a, false)
	}
	known := (*a)[r.Arrival]
	(*a)[r.Arrival] = true
	return known && r.Kind == load.KindMissed
}

// attended counts, second by second since the beginning of all loads, what was due,
// and what of it the generator did not send, or did not wait for.
type attended map[int]struct{ due, missed int }

func (a attended) add(at time.Duration, r load.Record) {
	second := int((at + r.Planned) / time.Second)
	n := a[second]
	n.due++
	if r.Kind == load.KindMissed || r.Kind == load.KindStopped {
		n.missed++
	}
	a[second] = n
}

// away are the seconds of which more than one in a hundred was missed.
func (a attended) away() map[int]bool {
	out := map[int]bool{}
	for second, n := range a {
		if n.missed*100 > n.due {
			out[second] = true
		}
	}
	return out
}

// eachRecord reads a file of requests. One that was cut off, because its
// generator died, ends where it ends.
func eachRecord(raw io.Reader, take func(load.Record)) error {
	_, records, err := load.ReadRaw(raw)
	if err != nil {
		return nil //nolint:nilerr // it was cut off before the first request
	}
	for r, err := range records {
		if err != nil {
			break
		}
		take(r)
	}
	return nil
}

// sum adds what became of the transactions of another load.
func sum(all *evidence.Ledger, l evidence.Ledger) *evidence.Ledger {
	if all == nil {
		return &l
	}
	all.Written, all.Unsure, all.Lost, all.Doubled = all.Written+l.Written, all.Unsure+l.Unsure, all.Lost+l.Lost, all.Doubled+l.Doubled
	all.Altered, all.Unread, all.Examples = all.Altered+l.Altered, all.Unread+l.Unread, append(all.Examples, l.Examples...)
	return all
}

// readRaws has every file of a load read, one try of a generator after another.
func (a *Activities) readRaws(ctx context.Context, run, prefix, name string, read func(io.Reader) error) error {
	files, err := a.Archive.Files(ctx, run)
	if err != nil {
		return fmt.Errorf("list the files of %s: %w", run, err)
	}
	slices.SortStableFunc(files, func(a, b evidence.File) int { return len(a.Name) - len(b.Name) }) // the tenth try after the ninth
	for _, f := range files {
		rest, of := strings.CutPrefix(f.Name, prefix+name+".")
		if !of || strings.Count(rest, ".") != strings.Count("1.1.csv.gz", ".") { // more: of a load whose name has a dot
			continue
		}
		from, err := a.Archive.Open(ctx, run, f.Name)
		if err != nil {
			return fmt.Errorf("open %s: %w", f.Name, err)
		}
		err = read(from)
		_ = from.Close() // it was only read
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// goneOf names the files of a load that should be there, and are not: those of the
// tries of each generator before the last that left one, and of every generator the
// first. It says, too, how often one was begun anew.
func (a *Activities) goneOf(ctx context.Context, run string, l load.Load) (gone []string, anew int, err error) {
	files, err := a.Archive.Files(ctx, run)
	if err != nil {
		return nil, 0, fmt.Errorf("list the files of %s: %w", run, err)
	}
	there := map[string]bool{}
	for _, f := range files {
		there[f.Name] = true
	}
	for shard := range l.Shards {
		last := int32(1)
		for try := last; try <= mostTries; try++ {
			if there[rawName(l.Name, shard, try)] {
				last = try
			}
		}
		anew += int(last) - 1
		for try := int32(1); try <= last; try++ {
			if name := rawName(l.Name, shard, try); !there[name] {
				gone = append(gone, name)
			}
		}
	}
	return gone, anew, nil
}

// mostTries is how many tries of a generator are looked for.
const mostTries = 100
