package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"bakeoff/rollout"
)

// Budgets knows the error budgets that are configured.
type Budgets interface {
	// Budget is that of a target, with its defaults; nil where it has none.
	Budget(t rollout.Target) *rollout.ErrorBudget
}

// Tallier is a metrics driver that remembers how much was counted.
type Tallier interface {
	// Increase is by how much all series of a selector have grown together within
	// a stretch that ends at a moment; found is false where there is none.
	Increase(ctx context.Context, selector string, within time.Duration, at time.Time) (n float64, found bool, err error)
}

// How long a reading of a budget is used again at most: the queries reach far
// back. It is never more than a fifth of the shortest stretch.
const (
	budgetFresh       = 10 * time.Second
	budgetFreshInBake = time.Minute
	budgetWithin      = 5 * time.Second
)

// Ledger remembers the last reading of each budget. Safe for concurrent use.
type Ledger struct {
	mu   sync.Mutex
	read map[string]spent // by target, driver included
}

type spent struct {
	kind, why string // "": enough is left
	at        time.Time
}

// spends is the closure of a target whose budget is spent, burns, or cannot be
// read: what is not known is not enough. None where no budget is configured.
func (a *Activities) spends(ctx context.Context, j Job, t rollout.Target, action string) []rollout.Closure {
	if a.Gates.Budgets == nil {
		return nil
	}
	b := a.Gates.Budgets.Budget(t)
	if b == nil {
		return nil
	}
	last := a.Gates.Ledger.entry(ctx, fmt.Sprintf("%v %v %v", t, *b, j.Drivers.Metrics), a.now(), freshness(*b, action), func() (kind, why string) {
		kind, why, err := a.weigh(ctx, j, *b)
		if err != nil {
			return rollout.BudgetUnread, "cannot be read: " + err.Error()
		}
		return kind, why
	})
	if last.why == "" {
		return nil
	}
	name, exposure := t.Environment+"/"+t.Service, b.Exposure
	if last.kind == rollout.BudgetUnread { // nothing is known of users: they stay with what they have
		exposure = rollout.ExposureHold
	}
	return []rollout.Closure{{
		Gate: rollout.GateErrorBudget, Name: name, Exposure: exposure, Keys: []string{"errorBudget/" + name + "@" + last.kind},
		Kind: last.kind, Reason: fmt.Sprintf("the error budget of %s %s", name, last.why),
	}}
}

// freshness is how old a reading may be to be used again.
func freshness(b rollout.ErrorBudget, action string) time.Duration {
	fresh := budgetFresh
	if action == rollout.ActionBake {
		fresh = budgetFreshInBake
	}
	return min(fresh, b.Stretches()[0].Std()/5)
}

// entry is what was read last, or is read now where that is older than fresh. What
// was broken off is not kept: the next one reads anew.
func (l *Ledger) entry(ctx context.Context, key string, now time.Time, fresh time.Duration, read func() (kind, why string)) spent {
	l.mu.Lock()
	last, known := l.read[key]
	l.mu.Unlock()
	if known && now.Sub(last.at) < fresh {
		return last
	}
	last = spent{at: now}
	if last.kind, last.why = read(); ctx.Err() != nil {
		return last
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read == nil {
		l.read = map[string]spent{}
	}
	l.read[key] = last
	return last
}

// weigh counts what the budget is about.
func (a *Activities) weigh(ctx context.Context, j Job, b rollout.ErrorBudget) (kind, why string, err error) {
	ctx, cancel := context.WithTimeout(ctx, budgetWithin)
	defer cancel()
	driver, tallies, err := a.tallier(j.Drivers)
	if err != nil {
		return "", "", err
	}
	at := a.now().Add(-driver.Delay())
	counted := map[rollout.Duration]rollout.Counts{}
	for _, stretch := range b.Stretches() {
		var c rollout.Counts
		found := false
		if c.Requests, found, err = tallies.Increase(ctx, b.Requests, stretch.Std(), at); err != nil {
			return "", "", err
		}
		if !found && stretch == b.Over {
			return "", "", fmt.Errorf("no requests are counted by %s", b.Requests)
		}
		if c.Failures, _, err = tallies.Increase(ctx, b.Failures, stretch.Std(), at); err != nil {
			return "", "", err
		}
		counted[stretch] = c
	}
	kind, why = b.Weigh(counted)
	return kind, why, nil
}

func (a *Activities) tallier(d rollout.Drivers) (Metrics, Tallier, error) {
	if d.Metrics == nil {
		return nil, nil, errors.New("the spec has no metrics driver")
	}
	driver, err := a.Drivers.metrics(d.Metrics)
	if err != nil {
		return nil, nil, err
	}
	tallies, can := driver.(Tallier)
	if !can {
		return nil, nil, fmt.Errorf("driver %s does not remember what was counted: prometheus does", d.Metrics.Driver)
	}
	return driver, tallies, nil
}

// admitBudget refuses a plan whose target has an error budget that its metrics
// driver could never read.
func (a *Activities) admitBudget(p rollout.Plan) []rollout.Problem {
	if a.Gates.Budgets == nil || a.Gates.Budgets.Budget(p.Spec.Key()) == nil {
		return nil
	}
	if _, _, err := a.tallier(p.Spec.Target); err != nil {
		return []rollout.Problem{{Path: "target.metrics", Message: p.Target + " has an error budget: " + err.Error()}}
	}
	return nil
}
