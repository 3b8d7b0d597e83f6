package scaling_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
)

// TestMissingIsNeverPassed: what was not seen is not good, and what was seen to
// be bad stays bad.
func TestMissingIsNeverPassed(t *testing.T) {
	for name, c := range map[string]struct {
		expect func(*scaling.Expect)
		tape   tape
		is     evidence.Outcome
		why    string
	}{
		"no replicas": {tape: with(func(r *tape) { r.ready = "" }), is: evidence.Unmeasured, why: "ready was never read"},
		"no wanted":   {tape: with(func(r *tape) { r.wanted = "" }), is: evidence.Unmeasured, why: "wanted was never read"},
		"no wanted, no cooldowns": {expect: func(e *scaling.Expect) { e.Policy = scaling.Policy{} }, tape: with(func(r *tape) { r.wanted = "" }),
			is: evidence.Unmeasured, why: "wanted was never read"},
		"no rate": {tape: with(func(r *tape) { r.rate = strings.Repeat(".", 28) }), is: evidence.Unmeasured, why: "rate was never read"},
		"no queue": {expect: func(e *scaling.Expect) { e.Waiting = &scaling.Waiting{Queue: 90} },
			tape: with(func(r *tape) { r.queue = "" }), is: evidence.Unmeasured, why: "queue was not read for 4s while replicas were awaited"},
		"a gap of the replicas": {tape: with(func(r *tape) { r.ready = "11111112333333......32111111" }),
			is: evidence.Unmeasured, why: "ready was not read for 7s, and 3s is the most"},
		"a gap that is short":        {tape: with(func(r *tape) { r.ready = "1111111233333..33332111.1111" }), is: evidence.Passed},
		"a gap before it was enough": {tape: with(func(r *tape) { r.ready = "11111112.........33321111111" }), is: evidence.Unmeasured, why: "but nothing was read for 10s before that"},
		"certainly too late":         {tape: with(func(r *tape) { r.ready = "1111111222222....33321111111" }), is: evidence.Failed, why: "3 replicas were ready 13s"},
		"too many, and a gap":        {tape: with(func(r *tape) { r.ready = "111111123433333......2111111" }), is: evidence.Failed, why: "1 replica too many"},
		"the trigger is not crossed": {tape: tape{rate: strings.Repeat("1", 28), wanted: strings.Repeat("1", 28), ready: strings.Repeat("1", 28), queue: strings.Repeat("0", 28)},
			is: evidence.Unmeasured, why: "which needs 1 replica, no more than replicas.min: raise the load"},
		"the trigger is too high": {expect: func(e *scaling.Expect) { e.Trigger = &scaling.Trigger{Signal: scaling.Queue, Above: 90} }, tape: good,
			is: evidence.Unmeasured, why: "queue was 80 at most, and has to be above 90"},
		"the trigger is not read": {expect: func(e *scaling.Expect) { e.Trigger = &scaling.Trigger{Signal: scaling.Queue, Above: 20} },
			tape: with(func(r *tape) { r.queue = "" }), is: evidence.Unmeasured, why: "queue was never read"},
		"the trigger is not read while it is crossed": {expect: func(e *scaling.Expect) { e.Trigger = &scaling.Trigger{Signal: scaling.Queue, Above: 20} },
			tape: with(func(r *tape) {
				r.queue = "0........8642100000000000000"
				r.ready = "1111111111233333333332111111"
			}), is: evidence.Unmeasured, why: "3 replicas were ready 2s after the trigger, and 6s were allowed; but queue was not read for 9s before the trigger was seen to be crossed"},
		"the trigger is not read for long before": {expect: func(e *scaling.Expect) { e.Trigger = &scaling.Trigger{Signal: scaling.Queue, Above: 20} },
			tape: with(func(r *tape) { r.queue = ".....00146864210000000000000" }), is: evidence.Unmeasured, why: "queue was not read for 5s"},
		"enough even for the first moment that it may be": {expect: func(e *scaling.Expect) {
			e.Trigger, e.UpWithin = &scaling.Trigger{Signal: scaling.Queue, Above: 20}, 9*second
		}, tape: with(func(r *tape) { r.queue = "0....4686421000000000000000" }), is: evidence.Unmeasured, why: "0 replicas too many were ready (3 needed), and 0 are allowed; but queue was not read for 5s"},
		"the peak may be higher than what was read": {tape: with(func(r *tape) { r.rate = "11116666.....666611111111111" }),
			is: evidence.Unmeasured, why: "3 replicas were ready 4s after the trigger, and 6s were allowed; but the load may need more: rate was not read for 6s"},
		"too many for what was read of the load": {tape: with(func(r *tape) {
			r.rate = "11116666.....666611111111111"
			r.wanted = "1111123333333444444321111111"
			r.ready = "1111111233333344444432111111"
		}), is: evidence.Unmeasured, why: "3 replicas were ready 4s after"},
		"a cooldown that no sample shows": {expect: func(e *scaling.Expect) { e.Policy.CooldownUp = 3 * second },
			tape: with(func(r *tape) { r.wanted, r.ready = "1111133333333333333321111111", "1111111333333333333332111111" }), is: evidence.Unmeasured,
			why: "cooldownUp is 3s, and with samples 1s apart one that is broken cannot be told from one that is kept: poll more often than every 1s"},
		"a cooldown that samples just show": {expect: func(e *scaling.Expect) { e.Policy.CooldownUp = 3*second + 1 },
			tape: with(func(r *tape) { r.wanted, r.ready = "1111133333333333333321111111", "1111111333333333333332111111" }), is: evidence.Passed},
		"the load is too short": {tape: tape{rate: "1111666611111111111111", wanted: "1111111222111111111111", ready: "1111111122211111111111"},
			is: evidence.Unmeasured, why: "went on for 4s after the trigger, too short to see 6s"},
		"samples end with the load": {tape: tape{rate: good.rate[:16], wanted: good.wanted[:16], ready: good.ready[:16], queue: good.queue[:16]},
			is: evidence.Unmeasured, why: "sample until after its end"},
		"samples end too early": {tape: tape{rate: good.rate[:20], wanted: good.wanted[:20], ready: good.ready[:20], queue: good.queue[:20]},
			is: evidence.Unmeasured, why: "samples ended 2s after the need did, too early to see 8s"},
	} {
		t.Run(name, func(t *testing.T) {
			e := expected(c.expect)
			require.Empty(t, e.Problems("scaling"))
			s := judge(e, c.tape.samples())
			require.Equal(t, c.is, s.Outcome, s.Reason)
			require.Contains(t, s.Reason, c.why)
		})
	}
	require.Equal(t, evidence.Unmeasured, judge(expected(nil), nil).Outcome)
	require.Equal(t, evidence.Unmeasured, criteria(expected(nil), nil)[0].Outcome)
}

func TestNumbersThatAreNoneAreMissing(t *testing.T) {
	samples := good.samples()
	for i := range samples[10:17] {
		none := math.NaN()
		samples[10+i].Ready = &none
	}
	s := judge(expected(nil), samples)
	require.Equal(t, evidence.Unmeasured, s.Outcome)
	require.Equal(t, 3, s.Ceiling)
}

// TestTurnsOfTheLoadAreNoOscillations: replicas that follow a load which comes
// twice do what they are for.
func TestTurnsOfTheLoadAreNoOscillations(t *testing.T) {
	e := expected(func(e *scaling.Expect) { e.Policy = scaling.Policy{} })
	for name, c := range map[string]struct {
		rate, wanted string
		want         int
	}{
		"two surges":              {"1111666666111111666666111111", "1111123333332111123333332111", 0},
		"two surges, one dip":     {"1111666666111111666666111111", "1111123233332111123333332111", 2},
		"down before the load":    {"1111666666666666666666111111", "3333321123333333333333332111", 0},
		"a slope":                 {"1223344556666655443322111111", "1112222333333333322221111111", 0},
		"flapping in peace":       {"1111666666111111111111111111", "1111123333332112112112111111", 6},
		"a load that only shakes": {"1111665676657666566766111111", "1111123333333333333333332111", 0},
		"nothing moves":           {"1111666666666666666666111111", "1111111111111111111111111111", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := judge(e, tape{rate: c.rate, wanted: c.wanted, ready: c.wanted}.samples())
			require.Equal(t, c.want, s.Oscillations)
		})
	}
}

func TestCriteriaAndSeries(t *testing.T) {
	e := expected(func(e *scaling.Expect) { e.Waiting = &scaling.Waiting{Queue: 90, Latency: second} })
	var names []string
	for _, c := range criteria(e, good.samples()) {
		require.Equal(t, evidence.Passed, c.Outcome, c.Reason)
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"scaling up", "scaling overshoot", "scaling oscillations", "scaling floor", "scaling ceiling",
		"scaling down", "scaling cooldown", "scaling queue", "scaling latency"}, names)
	series := scaling.Series(good.samples(), began.Add(-second.Std()))
	require.Len(t, series, 5)
	require.Equal(t, evidence.SeriesReplicas, series[0].Name)
	require.InDelta(t, 1, series[0].Seconds[0], 1e-9)
	require.Len(t, series[0].Values, len(good.rate))
}

// TestWithRate: the load that was sent stands in for arrivals that nobody counts.
func TestWithRate(t *testing.T) {
	var arrivals []time.Time
	for i, digit := range good.rate {
		for n := range int(digit-'0') * 10 {
			arrivals = append(arrivals, began.Add(time.Duration(i-1)*time.Second+time.Duration(n)*time.Millisecond))
		}
	}
	blind := with(func(r *tape) { r.rate = strings.Repeat(".", 28) }).samples()
	samples := scaling.WithRate(blind, arrivals)
	require.Nil(t, blind[5].Rate, "those that were given stay as they are")
	require.Nil(t, samples[0].Rate)
	require.InDelta(t, 60, *samples[4].Rate, 1e-9)
	s := judge(expected(nil), samples)
	require.Equal(t, evidence.Passed, s.Outcome, s.Reason)
	require.Equal(t, 4*second, *s.Up)

	read := good.samples()
	require.Equal(t, *read[5].Rate, *scaling.WithRate(read, nil)[5].Rate, "what was read counts")
}

// TestTwoSamplesSayNothing: who has looked at the beginning and at the end alone has
// not seen that nothing happened in between.
func TestTwoSamplesSayNothing(t *testing.T) {
	whole := good.samples()
	for _, c := range criteria(expected(nil), []scaling.Sample{whole[0], whole[len(whole)-1]}) {
		require.Equal(t, evidence.Unmeasured, c.Outcome, "%s: %s", c.Name, c.Reason)
	}
}
