package scaling_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
)

// unsaid is what is expected where nobody says what the load needs.
func unsaid(e *scaling.Expect) { e.Capacity = 0 }

// TestSettles: without needed and capacity, what the autoscaler settles at under
// the peak is needed; where that cannot be known, nothing that depends on it
// passes.
func TestSettles(t *testing.T) {
	for name, c := range map[string]struct {
		expect func(*scaling.Expect)
		tape   tape
		is     evidence.Outcome
		needed int
		why    string
	}{
		"good":                 {tape: good, is: evidence.Passed, needed: 3, why: "3 replicas were ready 4s after the trigger"},
		"the platform is slow": {tape: with(func(r *tape) { r.ready = "1111111111112333333332111111" }), is: evidence.Failed, needed: 3, why: "3 replicas were ready 9s after"},
		"the platform is stuck": {tape: with(func(r *tape) { r.ready = "1111111222222222222221111111" }),
			is: evidence.Failed, needed: 3, why: "only 2 of the 3 replicas needed"},
		"too many at first": {expect: func(e *scaling.Expect) { e.Policy = scaling.Policy{} },
			tape: with(func(r *tape) {
				r.wanted = "1111145553333333333321111111"
				r.ready = "1111111455333333333332111111"
			}),
			is: evidence.Failed, needed: 3, why: "2 replicas too many were ready (3 needed), and 0 are allowed"},
		"too many at first, as allowed": {expect: func(e *scaling.Expect) { e.Policy, e.Overshoot = scaling.Policy{}, 2 },
			tape: with(func(r *tape) {
				r.wanted = "1111145553333333333321111111"
				r.ready = "1111111455333333333332111111"
			}),
			is: evidence.Passed, needed: 3},
		"by what is ready": {expect: func(e *scaling.Expect) {
			e.Policy = scaling.Policy{}
			e.Signals = scaling.Signals{Ready: scaling.Signal{Gauge: "replicas_ready"}, Queue: scaling.Signal{Gauge: "queue_length"}}
		}, tape: with(func(r *tape) { r.wanted = "" }), is: evidence.Passed, needed: 3},
		"the peak is short": {tape: tape{rate: "1111666611111111111111", wanted: "1111112222211111111111", ready: "1111111122221111111111", queue: "0000000000000000000000"},
			is: evidence.Unmeasured, why: "the peak lasted 3s, too short to see what the autoscaler settles at within 6s"},
		"it never settles": {expect: func(e *scaling.Expect) { e.Policy, e.Oscillations = scaling.Policy{}, 9 },
			tape: with(func(r *tape) { r.wanted = "1111123323323323323321111111" }), is: evidence.Unmeasured, why: "did not settle, but moved between 2 and 3 replicas"},
		"it moves by less than a swing": {expect: func(e *scaling.Expect) { e.Policy, e.Swing = scaling.Policy{}, 2 },
			tape: with(func(r *tape) { r.wanted = "1111123333333333323321111111" }), is: evidence.Passed, needed: 3},
		"it does nothing": {tape: with(func(r *tape) { r.wanted, r.ready = "1111111111111111111111111111", "1111111111111111111111111111" }),
			is: evidence.Unmeasured, why: "settled at 1 replica, and replicas.min is no less"},
		"it settles at too few": {tape: with(func(r *tape) { r.queue = "0000112233445566776655443210" }),
			is: evidence.Unmeasured, why: "settled at 3 replicas, and the queue grew by 6.67/s: they do not serve 60/s"},
		"at the ceiling": {expect: func(e *scaling.Expect) { e.Replicas.Max = 3 }, tape: good, is: evidence.Passed, needed: 3},
		"at the ceiling, unseen": {expect: func(e *scaling.Expect) { e.Replicas.Max = 3 }, tape: with(func(r *tape) { r.queue = "" }),
			is: evidence.Unmeasured, why: "whether replicas.max is enough cannot be told without the queue (gone): say capacity"},
		"replicas were not read": {tape: with(func(r *tape) { r.wanted = "11111233333.......3321111111" }),
			is: evidence.Unmeasured, why: "replicas were not read for 3s at the end of the peak"},
		"no load": {tape: tape{rate: "000000000", wanted: "111111111", ready: "111111111", queue: "000000000"}, is: evidence.Unmeasured, why: "there was no load"},
	} {
		t.Run(name, func(t *testing.T) {
			e := expected(func(e *scaling.Expect) {
				unsaid(e)
				if c.expect != nil {
					c.expect(e)
				}
			})
			require.Empty(t, e.Problems("scaling"))
			s := scaling.Judge(e, scaling.Seen{Samples: c.tape.samples(), Unread: map[string]string{"queue": "gone"}})
			require.Equal(t, c.is, s.Outcome, s.Reason)
			require.Equal(t, c.needed, s.Needed)
			require.Contains(t, s.Reason, c.why)
		})
	}
}

// TestUnreadSaysWhy: what could not be read, and why sampling broke off, stands in
// the reason of what depends on it.
func TestUnreadSaysWhy(t *testing.T) {
	blind := with(func(r *tape) { r.ready = "" }).samples()
	s := scaling.Judge(expected(nil), scaling.Seen{Samples: blind, Unread: map[string]string{"ready": "503 from the page"}})
	require.Equal(t, evidence.Unmeasured, s.Outcome)
	require.Contains(t, s.Reason, "ready was never read (503 from the page)")

	s = scaling.Judge(expected(nil), scaling.Seen{Samples: good.samples(), Error: "it did not answer in time"})
	require.Equal(t, evidence.Unmeasured, s.Outcome, "whatever came later was not seen")
	require.Contains(t, s.Reason, "sampling broke off: it did not answer in time")

	s = scaling.Judge(expected(nil), scaling.Seen{Error: "unknown metrics driver"})
	require.Equal(t, "nothing was sampled: unknown metrics driver", s.Reason)
}
