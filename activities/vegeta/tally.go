package vegeta

import (
	"fmt"
	"io"
	"sync"
	"time"

	"bakeoff/activities"
	"bakeoff/rehearsal/load"
)

// tally is where all workers put what came of their requests.
type tally struct {
	mu    sync.Mutex
	raw   *load.RawWriter
	total load.Results
	fresh load.Results // since progress was told last
	err   error
}

func newTally(o activities.AttackOrder, start time.Time, raw io.Writer) *tally {
	empty := func() load.Results { return load.NewResults(o.Load.Name, start.UTC(), o.Interval) }
	return &tally{raw: load.NewRawWriter(raw, start), total: empty(), fresh: empty()}
}

func (t *tally) add(r load.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.raw.Write(r)
	t.fresh.Add(r)
}

// turn adds what is fresh to the whole, and returns it. Raw has it then, too.
func (t *tally) turn() load.Results {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.raw.Flush()
	fresh := t.fresh
	t.fresh = load.NewResults(fresh.Load, fresh.Start, fresh.Interval)
	if err := t.total.Merge(fresh); err != nil {
		t.err = err
	}
	return fresh
}

// tell calls progress once a second, until the returned function is called and
// has told the rest.
func (t *tally) tell(progress func(load.Results)) (stop func()) {
	if progress == nil {
		return func() {}
	}
	done, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				progress(t.turn())
			case <-done:
				progress(t.turn())
				return
			}
		}
	}()
	return func() { close(done); <-told }
}

// whole is everything so far.
func (t *tally) whole() load.Results {
	t.turn()
	return t.total
}

func (t *tally) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return fmt.Errorf("count requests: %w", t.err)
	}
	return t.raw.Close()
}
