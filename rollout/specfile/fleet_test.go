package specfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

const fleet = `kind: Fleet
service: checkout
environment: production
units:
  a: {}
  b: {release: {version: 1.10}, target: {traffic: {with: {port: 80}}}}
waves: [[a], [b]]
maxParallel: 1
rollout:
  release: {version: 2.5.0}
  target:
    deploy: {driver: http, with: {url: http://deployer:8080}}
    traffic: {driver: http}
  strategy: {canary: [{weight: 5%, bake: 10m}]}
`

func TestFleetsAreRead(t *testing.T) {
	f, problems := ParseFleet("f", []byte(fleet))
	require.Empty(t, lines(problems))
	require.True(t, IsFleet([]byte(fleet)))
	require.False(t, IsFleet([]byte(smallest)))
	require.Equal(t, "1.10", f.Unit("b").Release.Version, "text as it is written")
	require.Equal(t, map[string]any{"port": 80.0}, f.Unit("b").Target.Traffic.With)
	require.NoError(t, against(t, compiled(t), fleet))
}

func TestProblemsOfFleetsHaveTheirPlaces(t *testing.T) {
	s := compiled(t)
	for name, c := range map[string]struct {
		old, now, want string
		schema         bool // sees it, too
	}{
		"misspelt":             {"maxParallel: 1", "maxParalel: 1", "f:8:1: maxParalel: unknown field; did you mean maxParallel?", true},
		"misspelt in a unit":   {"{port: 80}}", "{port: 80}}, traficc: {driver: x}", "f:6:71: units.b.target.traficc: unknown field; did you mean traffic?", true},
		"nothing parallel":     {"maxParallel: 1", "maxParallel: 0", "f:8:14: maxParallel: at least 1 unit must be under way at a time", true},
		"what goes back":       {"maxParallel: 1", "onFailure: none", `f:8:12: onFailure: "none" is not one of all, wave, unit`, true},
		"both orders":          {"maxParallel: 1", "after: {b: [a]}", "f:8:1: after: waves and after both give an order: leave one of them out", false},
		"cycle":                {"waves: [[a], [b]]", "after: {a: [b], b: [a]}", "f:7:9: after.a: a comes after b, b comes after a: none of them could ever begin; leave one of these out", false},
		"twice":                {"[[a], [b]]", "[[a], [a, b]]", "f:7:15: waves[1][0]: a is listed twice", false},
		"missing":              {"[[a], [b]]", "[[a]]", "f:7:1: waves: b is in no wave", false},
		"unknown":              {"[[a], [b]]", "[[a], [b, c]]", "f:7:18: waves[1][1]: no such unit: c", false},
		"wrong in common":      {"weight: 5%", "weight: 0%", "f:14:32: rollout.strategy.canary[0].weight: 0% is impossible: more than 0% and at most 100%", false},
		"wrong in one unit":    {"a: {}", "a: {policy: {alpha: 0.9}}", "f:5:23: units.a.policy.alpha: 0.9 is not an error rate: it must be between 0 and 0.5", true},
		"wrong type in a unit": {"a: {}", "a: {drain: often}", "f:5:14: units.a.drain: \"often\" is not a duration: write 30s, 10m, 2h or 7d", true},
		"no units":             {"  a: {}\n  b: {release: {version: 1.10}, target: {traffic: {with: {port: 80}}}}\nwaves: [[a], [b]]", "  {}", "f:4:1: units: a fleet needs units: name at least one", false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, fleet, c.old)
			doc := strings.Replace(fleet, c.old, c.now, 1)
			_, problems := ParseFleet("f", []byte(doc))
			require.Contains(t, lines(problems), c.want)
			if c.schema {
				require.Error(t, against(t, s, doc))
			}
		})
	}
}

// What a worker finds is placed in the file of the fleet.
func TestProblemsOfFleetsAreLocated(t *testing.T) {
	located := Locate("f", []byte(fleet), []rollout.Problem{{Path: "units.b.release.version", Message: "no"}, {Path: "rollout.strategy", Message: "no"}})
	require.Equal(t, []string{"f:6:26: units.b.release.version: no", "f:14:3: rollout.strategy: no"}, lines(located))
}
