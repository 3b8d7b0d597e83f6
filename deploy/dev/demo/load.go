package demo

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bakeoff/deploy/dev/shop"
)

// slow is what the releases' specs call slow (slo).
const slow = 50 * time.Millisecond

// target is one page that users ask for.
func target(site, method, page string) vegeta.Target {
	return vegeta.Target{Method: method, URL: site + page}
}

// Load asks the site for its pages, this many times a second, one in ten of
// them a checkout, until ctx ends. It hands every result to record.
func Load(ctx context.Context, site string, rate int, record func(*vegeta.Result)) {
	var targets []vegeta.Target
	for range 9 {
		targets = append(targets, target(site, http.MethodGet, "/"))
	}
	targets = append(targets, target(site, http.MethodPost, "/checkout"))
	attacker := vegeta.NewAttacker(vegeta.Timeout(5*time.Second), vegeta.Redirects(vegeta.NoFollow))
	results := attacker.Attack(vegeta.NewStaticTargeter(targets...), vegeta.ConstantPacer{Freq: rate, Per: time.Second}, 0, "shop")
	stop := context.AfterFunc(ctx, func() { attacker.Stop() })
	defer stop()
	for r := range results {
		record(r)
	}
}

// answers counts answers of one version, or of all.
type answers struct {
	Requests, Failed, Slow int
}

func (a answers) bad() int { return a.Failed + a.Slow }

func (a *answers) add(b answers) {
	a.Requests += b.Requests
	a.Failed += b.Failed
	a.Slow += b.Slow
}

// one classifies one answer. A failure is never also slow.
func one(r *vegeta.Result) answers {
	a := answers{Requests: 1}
	switch {
	case r.Code == 0 || r.Code >= 500:
		a.Failed = 1
	case r.Latency > slow:
		a.Slow = 1
	}
	return a
}

// nobody is the version of answers that no version gave: the proxy did, or there
// was none.
const nobody = ""

// ledger is what users saw, second by second and version by version. It is safe
// for concurrent use.
type ledger struct {
	mu      sync.Mutex
	seconds map[int64]map[string]answers // Unix second → version
	bad     []complaint                  // in the order of arrival
	lost    map[string]int               // why no version answered
}

// complaint is one answer that failed or was slow.
type complaint struct {
	at      time.Time // when it arrived
	version string
}

func newLedger() *ledger {
	return &ledger{seconds: map[int64]map[string]answers{}, lost: map[string]int{}}
}

func (l *ledger) record(r *vegeta.Result) {
	version, a := r.Headers.Get(shop.VersionHeader), one(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	second := r.End().Unix()
	if l.seconds[second] == nil {
		l.seconds[second] = map[string]answers{}
	}
	sum := l.seconds[second][version]
	sum.add(a)
	l.seconds[second][version] = sum
	if a.bad() > 0 {
		l.bad = append(l.bad, complaint{r.End(), version})
	}
	if a.Failed > 0 && version == nobody {
		l.lost[fmt.Sprintf("%s %s: %s", r.Method, r.URL, r.Error)]++
	}
}

// losses says why requests got no answer of any version, one reason a line.
func (l *ledger) losses() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, why := range slices.Sorted(maps.Keys(l.lost)) {
		fmt.Fprintf(&b, "%-8s  %d × %s\n", "lost", l.lost[why], why)
	}
	return b.String()
}

// total sums up the seconds that began in [from, to), by version.
func (l *ledger) total(from, to time.Time) map[string]answers {
	l.mu.Lock()
	defer l.mu.Unlock()
	sums := map[string]answers{}
	for second, versions := range l.seconds {
		if at := time.Unix(second, 0); at.Before(from.Truncate(time.Second)) || !at.Before(to) {
			continue
		}
		for version, a := range versions {
			sum := sums[version]
			sum.add(a)
			sums[version] = sum
		}
	}
	return sums
}

// hurt is how long users saw a version answer badly: from the first to the last
// bad answer in [from, to).
func (l *ledger) hurt(version string, from, to time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first, last time.Time
	for _, c := range l.bad {
		if c.version != version || c.at.Before(from) || !c.at.Before(to) {
			continue
		}
		if first.IsZero() || c.at.Before(first) {
			first = c.at
		}
		if c.at.After(last) {
			last = c.at
		}
	}
	return last.Sub(first)
}

// sum adds versions up.
func sum(of map[string]answers) answers {
	var all answers
	for _, a := range of {
		all.add(a)
	}
	return all
}
