package scaling_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

func TestProblems(t *testing.T) {
	for want, change := range map[string]func(*scaling.Expect){
		"scaling.replicas.max: is missing":                                                              func(e *scaling.Expect) { e.Replicas.Max = 0 },
		"scaling.replicas.min: -1: must not be negative":                                                func(e *scaling.Expect) { e.Replicas.Min = -1 },
		"scaling.replicas.max: 20000: at most 10000":                                                    func(e *scaling.Expect) { e.Replicas.Max = 20000 },
		"scaling.replicas: min 7 is above max 6: swap them":                                             func(e *scaling.Expect) { e.Replicas.Min = 7 },
		"scaling.replicas: min and max are both 6: there is nothing to scale":                           func(e *scaling.Expect) { e.Replicas.Min = 6 },
		"scaling.upWithin: is missing":                                                                  func(e *scaling.Expect) { e.UpWithin = 0 },
		"scaling.upWithin: 1s is shorter than two polls (2s)":                                           func(e *scaling.Expect) { e.UpWithin, e.Policy.CooldownUp = second, 0 },
		"scaling.upWithin: 6s is shorter than policy.cooldownUp (10s): it cannot be kept; shorten":      func(e *scaling.Expect) { e.Policy.CooldownUp = 10 * second },
		"scaling.downWithin: 8s is shorter than policy.cooldownDown (9s)":                               func(e *scaling.Expect) { e.Policy.CooldownDown = 9 * second },
		"scaling.downWithin: 8s is shorter than policy.stabilisation (5m)":                              func(e *scaling.Expect) { e.Policy.Stabilisation = 300 * second },
		"scaling.poll: 1ms: at least 50ms":                                                              func(e *scaling.Expect) { e.Poll = rollout.Duration(time.Millisecond) },
		"scaling: say one of needed":                                                                    func(e *scaling.Expect) { e.Needed = 3 },
		"scaling.needed: 9 is above replicas.max 6: it can never be reached":                            func(e *scaling.Expect) { e.Needed, e.Capacity = 9, 0 },
		"scaling.needed: 1 is not above replicas.min 1: nothing would be scaled":                        func(e *scaling.Expect) { e.Needed, e.Capacity = 1, 0 },
		"scaling.needed: -3: must not be negative":                                                      func(e *scaling.Expect) { e.Needed, e.Capacity = -3, 0 },
		"scaling.capacity: +Inf: must be a number":                                                      func(e *scaling.Expect) { e.Capacity = load.Rate(math.Inf(1)) },
		"scaling.capacity: NaN: must be a number":                                                       func(e *scaling.Expect) { e.Capacity = load.Rate(math.NaN()) },
		"scaling.overshoot: -1: must not be negative":                                                   func(e *scaling.Expect) { e.Overshoot = -1 },
		"scaling.overshoot: 3: replicas.max is only 2 above needed, so it could never be broken; write": func(e *scaling.Expect) { e.Needed, e.Capacity, e.Overshoot = 4, 0, 3 },
		"scaling.overshoot: 6: replicas.max is only 5 above replicas.min":                               func(e *scaling.Expect) { e.Overshoot = 6 },
		"scaling.oscillations: -1: must not be negative":                                                func(e *scaling.Expect) { e.Oscillations = -1 },
		"scaling.swing: -1: at least 1 replica":                                                         func(e *scaling.Expect) { e.Swing = -1 },
		"scaling.swing: 6: the policy never moves by more than 5":                                       func(e *scaling.Expect) { e.Swing = 6 },
		"scaling.waiting: is empty":                                                                     func(e *scaling.Expect) { e.Waiting = &scaling.Waiting{} },
		"scaling.waiting.queue: -1: must not be negative":                                               func(e *scaling.Expect) { e.Waiting = &scaling.Waiting{Queue: -1} },
		"scaling.waiting.latency: the latency is not read": func(e *scaling.Expect) {
			e.Waiting, e.Signals.Latency = &scaling.Waiting{Latency: second}, scaling.Signal{}
		},
		`scaling.trigger.signal: "cpu" is not one of queue, rate, latency, utilisation`:        func(e *scaling.Expect) { e.Trigger = &scaling.Trigger{Signal: "cpu"} },
		"scaling.trigger.signal: utilisation is not read: say under signals.utilisation where": func(e *scaling.Expect) { e.Trigger = &scaling.Trigger{Signal: scaling.Utilisation, Above: 0.7} },
		"scaling.trigger.above: 120 is not below what replicas.max serve (120/s)":              func(e *scaling.Expect) { e.Trigger = &scaling.Trigger{Signal: scaling.Rate, Above: 120} },
		"scaling.trigger.above: 70: a utilisation is a ratio below 1": func(e *scaling.Expect) {
			e.Trigger, e.Signals.Utilisation = &scaling.Trigger{Signal: scaling.Utilisation, Above: 70}, scaling.Signal{Gauge: "x"}
		},
		"scaling.policy.target: say one of queue, rate and utilisation":    func(e *scaling.Expect) { e.Policy.Target = &scaling.Target{Queue: 1, Rate: 2} },
		"scaling.policy.target.rate: 30/s is above capacity 20/s":          func(e *scaling.Expect) { e.Policy.Target = &scaling.Target{Rate: 30} },
		"scaling.policy: cooldowns are judged by what the autoscaler asks": func(e *scaling.Expect) { e.Signals.Wanted = scaling.Signal{} },
		"scaling.signals.ready: is missing":                                func(e *scaling.Expect) { e.Signals.Ready = scaling.Signal{} },
		"scaling.signals.ready: say one of gauge, counter":                 func(e *scaling.Expect) { e.Signals.Ready.Query = "x" },
		"scaling.signals.queue: only latency is read from a histogram":     func(e *scaling.Expect) { e.Signals.Queue = scaling.Signal{Histogram: "x"} },
		"scaling.signals.ready: a counter gives a rate":                    func(e *scaling.Expect) { e.Signals.Ready = scaling.Signal{Counter: "x"} },
	} {
		var found []string
		for _, p := range expected(change).Problems("scaling") {
			found = append(found, p.String())
		}
		require.NotEmpty(t, found, want)
		require.Contains(t, found[0], want, found)
		require.Len(t, found, 1, "one mistake, one problem")
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	require.Len(t, scaling.Expect{}.Problems("scaling"), 2) // max, upWithin
}
