package activities_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/prometheus"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// A query that its server refuses, as it answers now, is not begun with; one of a server
// that does not answer is.
func TestSignalsThatTheServerRefuses(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.FormValue("query") {
		case "sum(pool":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"status":"error","errorType":"bad_data","error":"1:9: parse error: unclosed left parenthesis"}`)
		case "pool":
			_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"2"},"value":[1,"2"]}]}}`)
		default:
			_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
		}
	}))
	t.Cleanup(api.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	of := func(url string) *rollout.Driver {
		return &rollout.Driver{Driver: "prometheus", With: map[string]any{"url": url}}
	}
	admitted := func(m rehearsal.Manifest) []string {
		_, a := samplingOf()
		a.Drivers.Metrics["prometheus"] = func(w activities.With) (activities.Metrics, error) {
			return prometheus.New(w, prometheus.Bearer{})
		}
		return rollout.Texts(admitsTo(t, m, a).Problems)
	}
	m := drilled()
	m.Signals = []rehearsal.Signal{{Name: "a", Signal: scaling.Signal{Query: "sum(pool"}, Metrics: of(api.URL)}, {Name: "b", Signal: scaling.Signal{Query: "pool"}, Metrics: of(api.URL)},
		{Name: "c", Signal: scaling.Signal{Query: "sum(pool)"}, Metrics: of(api.URL)}, {Name: "d", Signal: scaling.Signal{Query: "sum(pool"}, Metrics: of(gone.URL)}}
	require.Equal(t, []string{"signals[0].query: sum(pool: bad_data: 1:9: parse error: unclosed left parenthesis", "signals[1].query: query gives 2 series, expected one"}, admitted(m))
	m.Signals = m.Signals[2:]
	require.Empty(t, admitted(m))

	m = autoscaled()
	m.Scaling.Metrics = of(api.URL)
	m.Scaling.Signals = scaling.Signals{Ready: scaling.Signal{Query: "sum(pool)"}, Queue: scaling.Signal{Query: "pool"}}
	require.Equal(t, []string{"scaling.signals.queue.query: query gives 2 series, expected one"}, admitted(m))
}
