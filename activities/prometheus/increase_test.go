package prometheus_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIncrease(t *testing.T) {
	f := newFake(t, map[string]answer{
		`sum(increase(requests{job="a"}[3600s]))`: vector(`{}`, `"1200.5"`),
		`sum(increase(strange[300s]))`:            vector(`{}`, `"NaN"`),
	})
	driver := f.driver(t, nil)
	n, found, err := driver.Increase(t.Context(), `requests{job="a"}`, time.Hour, time.Now())
	require.NoError(t, err)
	require.True(t, found)
	require.InDelta(t, 1200.5, n, 0)
	_, found, err = driver.Increase(t.Context(), "nothing", time.Hour, time.Now())
	require.NoError(t, err)
	require.False(t, found)
	_, _, err = driver.Increase(t.Context(), "strange", 5*time.Minute, time.Now())
	require.ErrorContains(t, err, "NaN")
	_, _, err = driver.Increase(t.Context(), "sum(requests)", time.Hour, time.Now())
	require.ErrorContains(t, err, "increase")
}
