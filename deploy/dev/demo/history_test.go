package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// told is a history, as bakeoff prints it, of a rollout with two steps.
const told = `{"seq":1,"kind":"WeightSet","step":1,"data":{"weight":"90%"}}
{"seq":2,"time":"2026-11-21T18:16:42.5Z","kind":"WeightObserved","step":1,"data":{"weight":"0.5%"}}
{"seq":3,"kind":"Window","step":1,"data":{"weight":"0.5%","checks":[{"name":"errors"}]}}
{"seq":4,"time":"2026-11-21T18:16:51Z","kind":"StepPassed","step":1,"data":{"verdict":"Pass"}}
{"seq":5,"time":"2026-11-21T18:16:51.2Z","kind":"WeightObserved","step":2,"data":{"weight":"10%"}}
{"seq":6,"time":"2026-11-21T18:17:52.1Z","kind":"StepPassed","step":2,"data":{"verdict":"Pass"}}
{"seq":7,"kind":"WeightObserved","data":{"weight":"0%"}}
`

func TestHistory(t *testing.T) {
	story, err := parseHistory([]byte(told))
	require.NoError(t, err)
	c := chapter{release: release{Version: "1.5.0", bake: "1m"}, story: story}
	require.Equal(t, "10%", c.reached())
	require.Equal(t, "0%", chapter{}.reached())
	require.Equal(t, []baked{{"0.5%", 8500 * time.Millisecond}, {"10%", 60900 * time.Millisecond}}, bakes(story))
	require.Equal(t, "proved at 0.5% after 8.5s of a bake of 1m, at 10% after 1m0.9s of a bake of 1m", c.early())
	require.ErrorContains(t, c.verifyEarly(), "no step ended early", "the second one did not")
	c.story = story[:4]
	require.NoError(t, c.verifyEarly())

	_, err = parseHistory([]byte("oops\n"))
	require.Error(t, err)
}
