package rollout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestForesightInWords(t *testing.T) {
	t.Parallel()
	full := Foresight{Check: "errors", Requests: 120, Failures: 0.01, Bake: minutes(10), Evidence: Duration(5 * time.Second), Detects: 1.94, Double: minutes(8)}
	tests := map[string]func(*Foresight){
		"errors: at 120 requests/s ×1.9 or worse is caught within 10m (90%), twice as many failures within 8m":       func(*Foresight) {},
		"errors: at 120 requests/s ×1.9 or worse is caught within 10m (90%)":                                         func(f *Foresight) { f.Double = 0 },
		"errors: at 120 requests/s no regression is surely caught within 10m":                                        func(f *Foresight) { f.Detects = 0 },
		"errors: at 120 requests/s the minimum evidence takes longer than the bake of 10m: it would end as NoData":   func(f *Foresight) { f.Evidence = minutes(11) },
		"errors: at 0.001 requests/s the minimum evidence takes longer than the bake of 10m: it would end as NoData": func(f *Foresight) { f.Requests, f.Evidence = 0.001, 0 },
		"errors: no traffic seen: nothing can be said":                                                               func(f *Foresight) { f.Requests = 0 },
		"errors: at 120 requests/s the baseline failed nowhere: what would be caught is not known":                   func(f *Foresight) { f.Failures = 0 },
	}
	for want, change := range tests {
		f := full
		change(&f)
		require.Equal(t, want, f.String())
	}
}
