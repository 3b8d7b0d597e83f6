package caddy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/activities"
	"bakeoff/rollout"
)

func TestApproximate(t *testing.T) {
	for text, want := range map[string]struct {
		got   string // "" where it is refused
		cycle int
	}{
		"0%":     {"0%", 1},
		"5%":     {"5%", 20},
		"50%":    {"50%", 2},
		"33.33%": {"33.33%", 3},
		"0.5%":   {"0.5%", 200},
		"0.46%":  {"0.5%", 200}, // off by less than a tenth
		"0.4%":   {"0.4%", 250},
		"0.1%":   {"0.1%", 1000},
		"0.09%":  {"", 0},
		"0.01%":  {"", 0},
		"99.9%":  {"99.9%", 1000},
		"100%":   {"100%", 1},
	} {
		t.Run(text, func(t *testing.T) {
			w, err := rollout.ParseWeight(text)
			require.NoError(t, err)
			got, err := (&Router{}).Approximate(split(w))
			if want.got == "" {
				require.ErrorIs(t, err, activities.ErrFinal)
				return
			}
			require.NoError(t, err)
			require.Equal(t, want.got, got[candidate].String())
			counts, _ := cycle(split(w))
			require.Equal(t, want.cycle, counts[baseline]+counts[candidate])
		})
	}
}

// TestPromise holds that the configuration that a shift writes shows exactly
// what Approximate promised, for any weight and any number of endpoints.
func TestPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := split(rollout.Weight(rapid.IntRange(0, int(rollout.All)).Draw(t, "weight")))
		promised, err := (&Router{}).Approximate(want)
		if err != nil {
			t.Skip(err)
		}
		sum := rollout.Weight(0)
		for version, w := range promised {
			sum += w
			require.InEpsilon(t, float64(want[version]), float64(w), tolerance+1e-9)
		}
		require.Equal(t, rollout.All, sum)
		again, err := (&Router{}).Approximate(promised)
		require.NoError(t, err)
		require.Equal(t, promised, again)

		s := activities.Shift{Split: want, Endpoints: map[string][]string{
			baseline:  endpoints("10.0.0.", rapid.IntRange(1, 20).Draw(t, "baseline")),
			candidate: endpoints("10.0.1.", rapid.IntRange(1, 20).Draw(t, "candidate")),
		}}
		h, err := blank.with(s)
		require.NoError(t, err)
		read, err := parseHandler("bakeoff", encode(h.fields))
		require.NoError(t, err)
		made, err := read.split()
		require.NoError(t, err)
		require.Equal(t, promised, made)
	})
}

var blank = handler{id: "bakeoff", fields: map[string]json.RawMessage{"handler": encode("reverse_proxy")}}

func endpoints(prefix string, n int) []string {
	var out []string
	for i := range n {
		out = append(out, prefix+strings.Repeat("1", i%2+1)+":"+string(rune('1'+i%9))+string(rune('0'+i/9)))
	}
	return out
}

func TestSplit(t *testing.T) {
	const two = `"upstreams":[{"@id":"bakeoff/a/0","dial":"h:1"},{"@id":"bakeoff/b/0","dial":"h:2"}]`
	const four = `"upstreams":[{"@id":"bakeoff/a/0","dial":"h:1"},{"@id":"bakeoff/b/0","dial":"h:2"},{"@id":"bakeoff/a/1","dial":"h:3"},{"@id":"bakeoff/b/1","dial":"h:4"}]`
	policy := func(p string) string { return `,"load_balancing":{"selection_policy":{"policy":` + p + `}}` }
	for name, c := range map[string]struct {
		fields string
		want   rollout.Split
		err    error
	}{
		"nothing":                    {`"upstreams":[]`, rollout.Split{}, nil},
		"no upstreams at all":        {`"x":1`, rollout.Split{}, nil},
		"weights":                    {two + policy(`"weighted_round_robin","weights":[19,1]`), rollout.Split{"a": 9500, "b": 500}, nil},
		"zero":                       {two + policy(`"weighted_round_robin","weights":[7,0]`), rollout.Split{"a": 10000}, nil},
		"a share is never nothing":   {two + policy(`"weighted_round_robin","weights":[1000000,1]`), rollout.Split{"a": 9999, "b": 1}, nil},
		"one weight: the first":      {two + policy(`"weighted_round_robin","weights":[1]`), rollout.Split{"a": 10000}, nil},
		"fewer weights":              {four + policy(`"weighted_round_robin","weights":[1,3]`), rollout.Split{"a": 2500, "b": 7500}, nil},
		"more weights wrap around":   {two + policy(`"weighted_round_robin","weights":[2,1,1]`), rollout.Split{"a": 7500, "b": 2500}, nil},
		"no policy: random":          {two, rollout.Split{"a": 5000, "b": 5000}, nil},
		"round robin":                {four + policy(`"round_robin"`), rollout.Split{"a": 5000, "b": 5000}, nil},
		"another policy":             {two + policy(`"ip_hash"`), nil, errUnknown},
		"another policy, one served": {`"upstreams":[{"@id":"bakeoff/a/0","dial":"h:1"},{"@id":"bakeoff/a/1","dial":"h:2"}]` + policy(`"ip_hash"`), rollout.Split{"a": 10000}, nil},
		"dynamic":                    {`"dynamic_upstreams":{"source":"a"}`, nil, errUnknown},
		"health checks, one each":    {two + `,"health_checks":{}` + policy(`"weighted_round_robin","weights":[1,1]`), rollout.Split{"a": 5000, "b": 5000}, nil},
		"health checks, several":     {four + `,"health_checks":{}` + policy(`"weighted_round_robin","weights":[1,1,1,1]`), nil, errUnknown},
		"health checks, one serves":  {four + `,"health_checks":{}` + policy(`"weighted_round_robin","weights":[1,0,1,0]`), rollout.Split{"a": 10000}, nil},
		"foreign ids":                {`"upstreams":[{"@id":"mine","dial":"h:1"}]`, rollout.Split{"h:1": 10000}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := parseHandler("bakeoff", []byte(`{"handler":"reverse_proxy",`+c.fields+`}`))
			require.NoError(t, err)
			got, err := h.split()
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestParseHandlerRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"null":            `null`,
		"a list":          `[]`,
		"another handler": `{"handler":"file_server"}`,
		"broken":          `{"handler":"reverse_proxy","upstreams":3}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseHandler("bakeoff", []byte(body))
			require.ErrorIs(t, err, activities.ErrFinal)
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	checked := handler{id: "bakeoff", fields: map[string]json.RawMessage{"health_checks": encode(map[string]any{})}}
	for name, c := range map[string]struct {
		h         handler
		endpoints map[string][]string
		why       string
	}{
		"no endpoints":     {blank, map[string][]string{baseline: {"h:1"}}, "no endpoint of " + candidate},
		"shared endpoint":  {blank, map[string][]string{baseline: {"h:1"}, candidate: {"http://h:1"}}, "both answer at h:1"},
		"no port":          {blank, map[string][]string{baseline: {"h"}, candidate: {"h:1"}}, "host:port"},
		"a range of ports": {blank, map[string][]string{baseline: {"h:1-5"}, candidate: {"h:9"}}, "host:port"},
		"a path":           {blank, map[string][]string{baseline: {"http://h:1/x"}, candidate: {"h:9"}}, "without a path"},
		"health checks":    {checked, map[string][]string{baseline: {"h:1", "h:2"}, candidate: {"h:3"}}, "remove health_checks"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.h.with(activities.Shift{Split: split(500), Endpoints: c.endpoints})
			require.ErrorContains(t, err, c.why)
		})
	}
}

func TestDialOf(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://h": "h:80", "https://h": "h:443", "http://h:8080": "h:8080", "h:1": "h:1", "http://[::1]:8": "[::1]:8", "[::1]:8": "[::1]:8",
	} {
		got, err := dialOf(endpoint)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestLayout(t *testing.T) {
	for name, c := range map[string]struct {
		counts, endpoints map[string]int
		rounds            int
		blocks            map[string]int
	}{
		"one each":     {map[string]int{"a": 19, "b": 1}, map[string]int{"a": 1, "b": 1}, 1, map[string]int{"a": 1, "b": 1}},
		"sole":         {map[string]int{"a": 1}, map[string]int{"a": 3}, 3, map[string]int{"a": 1}},
		"three to two": {map[string]int{"a": 19, "b": 1}, map[string]int{"a": 3, "b": 2}, 6, map[string]int{"a": 19, "b": 1}},
		"long cycle":   {map[string]int{"a": 999, "b": 1}, map[string]int{"a": 3, "b": 3}, 3, map[string]int{"a": 63, "b": 1}},
		"too many":     {map[string]int{"a": 1, "b": 1}, map[string]int{"a": 16, "b": 15}, 16, map[string]int{"a": 1, "b": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			rounds, blocks := layout(c.counts, c.endpoints)
			require.Equal(t, c.rounds, rounds)
			require.Equal(t, c.blocks, blocks)
		})
	}
}
