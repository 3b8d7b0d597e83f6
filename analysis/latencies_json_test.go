package analysis_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

func TestLatenciesJSON(t *testing.T) {
	for want, l := range map[string]*analysis.Latencies{
		`{}`:                                  timed(),
		`{"max":0.2,"counts":[174,1]}`:        timed(0.2),
		`{"max":1e+300,"counts":[0,1,304,1]}`: timed(0, math.Inf(1)),
	} {
		text, err := json.Marshal(l)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
	rapid.Check(t, func(t *rapid.T) {
		l := timed(anyLatencies.Draw(t, "seconds")...)
		text, err := json.Marshal(*l)
		require.NoError(t, err)
		var back analysis.Latencies
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, *l, back)
	})
	for _, text := range []string{`{"counts":[1]}`, `{"counts":[305,1]}`, `{"counts":[2,1,2,1]}`, `{"counts":[-1,1]}`, `[]`} {
		require.ErrorContains(t, json.Unmarshal([]byte(text), &analysis.Latencies{}), "read latencies", text)
	}
}
