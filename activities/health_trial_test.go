package activities

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// patient is a baseline that is looked at every half second.
type patient struct {
	check    rollout.Check
	rate     float64 // requests a second
	random   *rand.Rand
	now      time.Time
	gauge    *healthGauge
	requests float64
	failures float64
}

const everyPoll = 500 * time.Millisecond

func newPatient(check rollout.Check, rate float64, seed uint64) *patient {
	p := &patient{check: check, rate: rate, random: rand.New(rand.NewPCG(seed, seed)), now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	a := &Activities{Now: func() time.Time { return p.now }}
	p.gauge = newHealthGauge(a, VerifyHealthInput{Checks: []rollout.Check{check}, Within: rollout.Duration(30 * time.Second)})
	p.poll(0)
	return p
}

// poll lets half a second pass in which a share of the requests fails, and reports
// whether that was all it takes, and what nobody could judge.
func (p *patient) poll(failing float64) (enough bool, unjudged string) {
	p.now = p.now.Add(everyPoll)
	for range int(p.rate*everyPoll.Seconds() + p.random.Float64()) {
		p.requests++
		if p.random.Float64() < failing {
			p.failures++
		}
	}
	side := SideReading{Requests: map[string]float64{"": p.requests}, Failures: map[string]float64{"": p.failures}}
	h := p.gauge.judge(Reading{Checks: map[string]CheckReading{p.check.Name: {Sides: map[Side]SideReading{Baseline: side}}}}, p.now)
	return p.gauge.suffices(h, p.now), h.unknown
}

// until polls at most so often, and says after how many polls it was enough.
func (p *patient) until(polls int, failing float64) (took int, enough bool, unjudged string) {
	for i := range polls {
		if enough, unjudged = p.poll(failing); enough {
			return i + 1, true, unjudged
		}
	}
	return polls, false, unjudged
}

func slo(objective string) rollout.Check {
	return rollout.Check{Name: "errors", Failures: "f", Requests: "r", Judge: &rollout.Judge{SLORate: &rollout.SLORate{Objective: objective}}}
}

// healthy is how many of 200 baselines, of which a share fails, are called healthy
// within that many polls, and how many are let go because nobody can judge them.
func healthy(check rollout.Check, rate, failing float64, polls int) (healthy, unjudged float64) {
	const runs = 200
	for seed := range uint64(runs) {
		switch _, enough, why := newPatient(check, rate, seed).until(polls, failing); {
		case enough && why == "":
			healthy++
		case enough:
			unjudged++
		}
	}
	return healthy / runs, unjudged / runs
}

// A baseline that fails one request in five, or twice what it may, is next to never
// called healthy, whatever its traffic, in the eight seconds that it does: at each
// beginning anew the chance is one in a hundred. One that mostly fails never is, and
// with ample traffic one is told that fails far less.
func TestHealthIsNotSaidOfWhatFails(t *testing.T) {
	for objective, allowed := range map[string]float64{"70%": 0.3, "90%": 0.1, "99%": 0.01, "99.9%": 0.001} {
		for _, rate := range []float64{1, 8, 40, 200, 2000} {
			for failing, most := range map[float64]float64{max(0.2, 2*allowed): 0.05, 0.8: 0, 1: 0} {
				well, let := healthy(slo(objective), rate, failing, 16)
				require.LessOrEqual(t, well, most, "%s, %g a second, %g fail", objective, rate, failing)
				require.Zero(t, let)
			}
		}
	}
	well, _ := healthy(slo("99.9%"), 2000, 0.01, 16)
	require.LessOrEqual(t, well, 0.02)
}

// One that is as it should be is called healthy as soon as there is evidence: by two
// polls where traffic is ample, and in the half minute at most that there is.
func TestHealthIsSaidOfWhatIsWell(t *testing.T) {
	for _, c := range []struct {
		objective     string
		rate, failing float64
		polls         int
		share         float64
	}{
		{"90%", 40, 0, 2, 1}, {"99.9%", 40, 0, 2, 1}, {"90%", 200, 0.05, 2, 0.8}, {"99%", 2000, 0.005, 2, 0.8}, {"99.9%", 2000, 0.0001, 2, 0.8},
		{"90%", 8, 0, 10, 1}, {"99.9%", 8, 0, 6, 1},
		{"90%", 8, 0.05, 59, 0.85}, {"90%", 40, 0.05, 59, 1}, {"99%", 40, 0.005, 59, 0.98}, {"99.9%", 2000, 0.0005, 59, 0.98},
	} {
		well, _ := healthy(slo(c.objective), c.rate, c.failing, c.polls)
		require.GreaterOrEqual(t, well, c.share, "%s, %g a second, %g fail", c.objective, c.rate, c.failing)
	}
}

// What fails, and is mended, is well soon after, and never before.
func TestHealthAfterAMend(t *testing.T) {
	for _, rate := range []float64{8, 40, 400} {
		for _, failing := range []float64{0.3, 0.5, 1} {
			late := 0
			for seed := range uint64(100) {
				p := newPatient(slo("99%"), rate, seed)
				_, early, _ := p.until(16, failing)
				require.False(t, early, "%g a second, %g fail", rate, failing)
				if took, _, why := p.until(60, 0); why != "" || took > 25 {
					late++
				}
			}
			require.LessOrEqual(t, late, 1, "%g a second, %g failed", rate, failing)
		}
	}
}

// Where there is too little traffic nobody waits for longer than half a minute, and
// it is said that nobody can judge; half a minute from the last that was bad.
func TestHealthOfNextToNobody(t *testing.T) {
	p := newPatient(slo("99%"), 0.2, 1)
	took, enough, why := p.until(100, 0)
	require.True(t, enough)
	require.Equal(t, 60, took+1, "thirty seconds, with the poll that they begin by")
	require.Contains(t, why, "requests, needs 20")

	p = newPatient(slo("99%"), 100, 1)
	_, enough, _ = p.until(70, 1)
	require.False(t, enough, "thirty-five seconds of nothing but failures")
	p.rate = 0.2
	took, enough, why = p.until(100, 0)
	require.True(t, enough)
	require.Greater(t, took, 50)
	require.NotEmpty(t, why)
}

// Every kind of absolute check has the baseline wait while it fails, and lets it go
// when it is well again, by two polls.
func TestHealthByEveryKindOfCheck(t *testing.T) {
	number := func(n float64) *float64 { return &n }
	counts := func(requests, failures float64) SideReading {
		return SideReading{Requests: map[string]float64{"": requests}, Failures: map[string]float64{"": failures}}
	}
	slow := func(requests, within float64) SideReading {
		return SideReading{Buckets: map[string]map[string]float64{"": {"0.3": within, "+Inf": requests}}}
	}
	rates := func(j rollout.Judge) rollout.Check {
		return rollout.Check{Name: "c", Failures: "f", Requests: "r", Judge: &j}
	}
	windows := []rollout.BurnWindows{{Long: rollout.Duration(time.Hour), Short: rollout.Duration(5 * time.Minute), Factor: 6}}
	for name, c := range map[string]struct {
		check         rollout.Check
		bad, good     SideReading // of one poll; counters rise by it
		enough, waits int         // polls that are good until it is well; polls that were bad
	}{
		"sloRate":          {slo("90%"), counts(100, 30), counts(100, 1), 2, 8},
		"latency":          {rollout.Check{Name: "c", Histogram: "h", SLO: rollout.Duration(300 * time.Millisecond), Judge: &rollout.Judge{SLORate: &rollout.SLORate{Objective: "90%"}}}, slow(100, 60), slow(100, 99), 2, 8},
		"burnRate":         {rates(rollout.Judge{BurnRate: &rollout.BurnRate{Objective: "99%", Windows: windows}}), counts(100, 50), counts(100, 1), 2, 8},
		"threshold":        {rates(rollout.Judge{Threshold: &rollout.Threshold{Success: "result < 0.1"}}), counts(100, 30), counts(100, 1), 2, 8},
		"thin threshold":   {rates(rollout.Judge{Threshold: &rollout.Threshold{Success: "result < 0.1"}}), counts(10, 3), counts(10, 0), 2, 8},
		"threshold, limit": {rates(rollout.Judge{Threshold: &rollout.Threshold{Success: "result < 0.1", FailureLimit: 3}}), counts(100, 30), counts(100, 1), 2, 8},
		"neither":          {rates(rollout.Judge{Threshold: &rollout.Threshold{Success: "result < 0.1", Failure: "result > 0.5"}}), counts(100, 30), counts(100, 1), 2, 8},
		"a value":          {rollout.Check{Name: "c", Query: "q", Judge: &rollout.Judge{Threshold: &rollout.Threshold{Success: "result < 0.1"}}}, SideReading{Value: number(0.3)}, SideReading{Value: number(0)}, 2, 8},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(c.check, 0, 1)
			total := SideReading{}
			look := func(more SideReading) bool {
				total = added(total, more)
				p.now = p.now.Add(everyPoll)
				h := p.gauge.judge(Reading{Checks: map[string]CheckReading{c.check.Name: {Sides: map[Side]SideReading{Baseline: total}}}}, p.now)
				return p.gauge.suffices(h, p.now)
			}
			look(added(c.good, SideReading{}))
			for range c.waits {
				require.False(t, look(c.bad))
			}
			for i := range c.enough {
				require.Equal(t, i == c.enough-1, look(c.good), "good poll %d", i+1)
			}
		})
	}
}

// added is what counters say when so much more has come in.
func added(total, more SideReading) SideReading {
	plus := func(a, b map[string]float64) map[string]float64 {
		out := map[string]float64{}
		for series, n := range b {
			out[series] = a[series] + n
		}
		return out
	}
	out := SideReading{Value: more.Value}
	if more.Requests != nil {
		out.Requests, out.Failures = plus(total.Requests, more.Requests), plus(total.Failures, more.Failures)
	}
	if more.Buckets != nil {
		out.Buckets = map[string]map[string]float64{"": plus(total.Buckets[""], more.Buckets[""])}
	}
	return out
}
