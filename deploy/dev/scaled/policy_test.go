package scaled

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDesired(t *testing.T) {
	p := Policy{Min: 1, Max: 6, TargetQueue: 10, TargetUtilisation: 0.8}
	for name, c := range map[string]struct {
		load load
		want int
	}{
		"idle":               {load{ready: 3}, 1},
		"on target":          {load{ready: 3, utilisation: 0.8}, 3},
		"a tenth above":      {load{ready: 3, utilisation: 0.87}, 3},
		"more than a tenth":  {load{ready: 3, utilisation: 0.9}, 4},
		"half":               {load{ready: 4, utilisation: 0.4}, 2},
		"queue":              {load{ready: 2, queue: 45, utilisation: 1}, 5},
		"queue beyond max":   {load{ready: 2, queue: 450, utilisation: 1}, 6},
		"nobody ready":       {load{queue: 25}, 3},
		"nobody, no queue":   {load{}, 1},
		"the higher of both": {load{ready: 2, queue: 1, utilisation: 1}, 3},
	} {
		require.Equal(t, c.want, p.desired(c.load), name)
	}
}

// TestDecide: the wanted replicas, tenth by tenth of a second.
func TestDecide(t *testing.T) {
	busy, idle := load{ready: 2, utilisation: 1}, load{ready: 2}
	p := Policy{Min: 1, Max: 6, TargetQueue: 10, TargetUtilisation: 0.8}
	for name, c := range map[string]struct {
		change func(*Policy)
		loads  []load
		want   []int
	}{
		"no cooldown":   {func(*Policy) {}, []load{busy, idle, busy, idle}, []int{3, 1, 3, 1}},
		"stabilisation": {func(p *Policy) { p.Stabilisation = 250 * time.Millisecond }, []load{busy, idle, idle, idle, idle}, []int{3, 3, 3, 1, 1}},
		"a wish holds on": {func(p *Policy) { p.Stabilisation = 250 * time.Millisecond },
			[]load{busy, busy, busy, busy, idle, idle, idle}, []int{3, 3, 3, 3, 3, 3, 1}},
		"cooldown of rises": {func(p *Policy) { p.CooldownUp = 200 * time.Millisecond },
			[]load{busy, {ready: 3, utilisation: 1}, {ready: 3, utilisation: 1}, {ready: 3, utilisation: 1}}, []int{3, 3, 4, 4}},
		"cooldown of falls": {func(p *Policy) { p.CooldownDown = 200 * time.Millisecond },
			[]load{{ready: 4, utilisation: 1}, {ready: 5, utilisation: 0.48}, idle, idle}, []int{5, 3, 3, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			q := p
			c.change(&q)
			a, now := newAutoscaler(q), time.Unix(1e9, 0)
			var got []int
			for _, l := range c.loads {
				got = append(got, a.decide(now, l))
				now = now.Add(100 * time.Millisecond)
			}
			require.Equal(t, c.want, got)
		})
	}
}
