package scaling_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

const second = rollout.Duration(time.Second)

var began = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// tape is a run by hand: one character is one second, a digit is a number and
// '.' could not be read. Rates are in tens a second, queues in tens.
type tape struct{ rate, wanted, ready, queue string }

func (r tape) samples() []scaling.Sample {
	var out []scaling.Sample
	for i := range r.rate {
		at := func(text string, times float64) *float64 {
			if i >= len(text) || text[i] == '.' {
				return nil
			}
			v := float64(text[i]-'0') * times
			return &v
		}
		out = append(out, scaling.Sample{At: began.Add(time.Duration(i) * time.Second),
			Rate: at(r.rate, 10), Wanted: at(r.wanted, 1), Ready: at(r.ready, 1), Queue: at(r.queue, 10), Latency: at(r.queue, 0.1)})
	}
	return out
}

// expected is an autoscaler of 1 to 6 replicas of which each serves 20/s. Its one
// cooldown is longer than three samples.
func expected(change func(*scaling.Expect)) scaling.Expect {
	e := scaling.Expect{
		Replicas: scaling.Range{Min: 1, Max: 6}, UpWithin: 6 * second, DownWithin: 8 * second, Capacity: 20,
		Policy: scaling.Policy{Stabilisation: 4 * second},
		Signals: scaling.Signals{Ready: scaling.Signal{Gauge: "ready"}, Wanted: scaling.Signal{Gauge: "wanted"},
			Queue: scaling.Signal{Gauge: "queue"}, Latency: scaling.Signal{Gauge: "p99"}},
	}
	if change != nil {
		change(&e)
	}
	return e
}

// good is a surge to 60/s, for which 3 replicas are needed.
var good = tape{
	rate:   "1111666666666666611111111111",
	wanted: "1111123333333333333321111111",
	ready:  "1111111233333333333332111111",
	queue:  "0000146864210000000000000000",
}

func judge(e scaling.Expect, samples []scaling.Sample) evidence.Scaling {
	return scaling.Judge(e, scaling.Seen{Samples: samples})
}

func criteria(e scaling.Expect, samples []scaling.Sample) []evidence.Criterion {
	return scaling.Criteria(e, scaling.Seen{Samples: samples})
}

func TestGood(t *testing.T) {
	e := expected(nil)
	require.Empty(t, e.Problems("scaling"))
	s := judge(e, good.samples())
	require.Equal(t, evidence.Passed, s.Outcome, s.Reason)
	require.Equal(t, 4*second, *s.Up, "crossed at 4s, ready at 8s")
	require.Equal(t, 2*second, *s.Asked)
	require.Equal(t, 5*second, *s.Down, "over at 17s, one replica at 22s")
	require.Equal(t, 3, s.Needed)
	require.Equal(t, 0, s.Overshoot)
	require.Equal(t, 0, s.Oscillations)
	require.Equal(t, 1, s.Floor)
	require.Equal(t, 3, s.Ceiling)
	require.True(t, s.CooldownKept)
	require.InDelta(t, 80, s.QueueMax, 1e-9)
	require.InDelta(t, 0.8, s.LatencyMax, 1e-9)
	require.Equal(t, "one replica serves about 20/s: at the peak of 60/s it takes 3 replicas", s.Advice[0])
}

// with returns good with some of its tracks replaced.
func with(change func(*tape)) tape {
	r := good
	change(&r)
	return r
}

func TestFigures(t *testing.T) {
	for name, c := range map[string]struct {
		expect func(*scaling.Expect)
		tape   tape
		is     evidence.Outcome
		why    string
		advice string
	}{
		"too slow": {tape: with(func(r *tape) { r.ready = "1111111111112333333332111111" }), is: evidence.Failed,
			why: "3 replicas were ready 9s after the trigger, and 6s were allowed", advice: "2s went by until the autoscaler asked and 7s until replicas were ready: start replicas faster"},
		"slow to ask": {tape: with(func(r *tape) {
			r.wanted = "1111111111133333333321111111"
			r.ready = "1111111111113333333332111111"
		}),
			is: evidence.Failed, why: "3 replicas were ready 8s after", advice: "7s went by until the autoscaler asked and 1s until replicas were ready: shorten cooldownUp"},
		"stuck at a ceiling": {tape: with(func(r *tape) {
			r.wanted = "1111122222222222222221111111"
			r.ready = "1111111222222222222221111111"
		}),
			is: evidence.Failed, why: "only 2 of the 3 replicas needed were ready after 13s", advice: "never asked for more than 2"},
		"the platform gives less": {tape: with(func(r *tape) { r.ready = "1111111222222222222221111111" }),
			is: evidence.Failed, why: "only 2 of the 3", advice: "asked for 3 and got 2"},
		"max is too low": {expect: func(e *scaling.Expect) { e.Replicas.Max = 2 },
			tape: with(func(r *tape) {
				r.wanted = "1111122222222222222221111111"
				r.ready = "1111111222222222222221111111"
			}),
			is: evidence.Failed, why: "only 2 of the 3", advice: "raise it to 3"},
		"never comes down": {tape: with(func(r *tape) { r.ready = "1111111233333333333333333333" }),
			is: evidence.Failed, why: "more than 1 replica was still ready 10s after the need ended, and 8s were allowed"},
		"comes down late": {expect: func(e *scaling.Expect) { e.DownWithin = 4 * second }, tape: good,
			is: evidence.Failed, why: "no more than 1 replica was ready 5s after the need ended, and 4s were allowed"},
		"too many": {expect: func(e *scaling.Expect) { e.Policy.CooldownUp = 2 * second }, tape: with(func(r *tape) {
			r.wanted = "1111123345555555555321111111"
			r.ready = "1111111233455555555532111111"
		}),
			is: evidence.Failed, why: "2 replicas too many were ready (3 needed), and 0 are allowed", advice: "2 replicas too many: make cooldownUp longer than a replica takes to start (2s; now 2s)"},
		"enough when nobody needs them": {tape: with(func(r *tape) { r.ready = "1111111222222222223332211111" }), is: evidence.Failed, why: "only 2 of the 3"},
		"too many before the load": {expect: func(e *scaling.Expect) { e.Policy = scaling.Policy{} },
			tape: with(func(r *tape) {
				r.wanted = "5511123333333333333321111111"
				r.ready = "5551111233333333333332111111"
			}),
			is: evidence.Passed, why: "0 replicas too many"},
		"as many too many as allowed": {expect: func(e *scaling.Expect) { e.Overshoot, e.Policy.CooldownUp = 2, 0 },
			tape: with(func(r *tape) {
				r.wanted = "1111123345555555555321111111"
				r.ready = "1111111233455555555532111111"
			}),
			is: evidence.Passed, why: "2 replicas too many"},
		"comes back from as many too many as allowed": {expect: func(e *scaling.Expect) { e.Overshoot, e.Policy = 2, scaling.Policy{} },
			tape: with(func(r *tape) { r.wanted = "1111155533333333333321111111" }), is: evidence.Passed, why: "turned 0 times"},
		"flaps within what is allowed": {expect: func(e *scaling.Expect) { e.Overshoot, e.Policy = 2, scaling.Policy{} },
			tape: with(func(r *tape) { r.wanted = "1111155335533553333321111111" }),
			is:   evidence.Failed, why: "turned 4 times", advice: "come and go every 4s or so"},
		"comes back from more than is allowed": {expect: func(e *scaling.Expect) { e.Overshoot, e.Policy = 1, scaling.Policy{} },
			tape: with(func(r *tape) { r.wanted = "1111155533333333333321111111" }), is: evidence.Failed, why: "turned 1 time "},
		"oscillates": {expect: func(e *scaling.Expect) { e.Policy = scaling.Policy{} },
			tape: with(func(r *tape) { r.wanted = "1111133221133221133331111111" }),
			is:   evidence.Failed, why: "the replicas turned 4 times without a turn of the load, and 0 are allowed", advice: "come and go every 6.67s or so"},
		"swings of 2 are allowed": {expect: func(e *scaling.Expect) { e.Policy, e.Swing = scaling.Policy{}, 2 },
			tape: with(func(r *tape) { r.wanted = "1111133223322333333331111111" }), is: evidence.Passed, why: "turned 0 times"},
		"rises too soon": {tape: with(func(r *tape) { r.wanted = "1111234333333333333321111111" }),
			is: evidence.Failed, why: "the replicas turned 1 time without", advice: "took one decision back, and the load had not turned"},
		"cooldown": {expect: func(e *scaling.Expect) { e.Policy.CooldownUp = 4 * second }, tape: good,
			is: evidence.Failed, why: "cooldownUp: from 1 to 2 replicas wanted, and at most 3s later from 2 to 3, where 4s have to pass"},
		"stabilisation": {expect: func(e *scaling.Expect) { e.Policy.Stabilisation, e.DownWithin = 20*second, 20*second }, tape: good,
			is: evidence.Failed, why: "stabilisation: from 2 to 3 replicas wanted, and at most 16s later from 3 to 2, where 20s have to pass"},
		"cooldown of falls": {expect: func(e *scaling.Expect) { e.Policy.CooldownDown = 4 * second }, tape: good,
			is: evidence.Failed, why: "cooldownDown: from 3 to 2 replicas wanted, and at most 3s later from 2 to 1, where 4s"},
		"below the floor": {tape: with(func(r *tape) { r.ready = "1111111233333333333332110111" }), is: evidence.Failed, why: "never fewer than 0 replicas were ready, and at least 1 is asked for"},
		"above the ceiling": {expect: func(e *scaling.Expect) { e.Replicas.Max = 3 },
			tape: with(func(r *tape) { r.wanted = "1111123333334333333321111111" }), is: evidence.Failed},
		"queue": {expect: func(e *scaling.Expect) { e.Waiting = &scaling.Waiting{Queue: 50} }, tape: good,
			is: evidence.Failed, why: "queue was 80 requests at most while replicas were awaited, and 50 are allowed"},
		"latency": {expect: func(e *scaling.Expect) { e.Waiting = &scaling.Waiting{Latency: second} }, tape: good, is: evidence.Passed},
		"trigger on the queue": {expect: func(e *scaling.Expect) { e.Trigger = &scaling.Trigger{Signal: scaling.Queue, Above: 30} }, tape: good,
			is: evidence.Passed, why: "3 replicas were ready 3s after the trigger"},
		"needed is given": {expect: func(e *scaling.Expect) { e.Needed, e.Capacity = 2, 0 }, tape: good,
			is: evidence.Failed, why: "1 replica too many was ready (2 needed)"},
	} {
		t.Run(name, func(t *testing.T) {
			e := expected(c.expect)
			require.Empty(t, e.Problems("scaling"))
			s := judge(e, c.tape.samples())
			require.Equal(t, c.is, s.Outcome, s.Reason)
			require.Contains(t, s.Reason, c.why)
			require.Contains(t, strings.Join(s.Advice, "\n"), c.advice)
		})
	}
}
