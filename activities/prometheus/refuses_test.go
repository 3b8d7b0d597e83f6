package prometheus_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// What the server answers to a query now refuses it only where no other moment would
// give it a number.
func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		query  string
		answer answer
		why    string // "": it is not refused
	}{
		"not understood":          {"sum(x", failed(400, "bad_data", "1:5: parse error: unclosed left parenthesis"), "sum(x: bad_data: 1:5: parse error: unclosed left parenthesis"},
		"two series":              {"x", vector(`{"a":"1"}`, `"1"`, `{"a":"2"}`, `"2"`), "query gives 2 series, expected one"},
		"a range":                 {"x[5m]", matrix(), "query gives a matrix, expected a scalar or a vector of one series"},
		"another template":        {"{{.Name}}", vector(), "query: only {{.Version}} is replaced"},
		"nothing yet":             {"x", vector(), ""},
		"one":                     {"x", vector(`{}`, `"1"`), ""},
		"of the version":          {`x{v="{{.Version}}"}`, answer{}, ""},
		"nothing to divide":       {"x/y", vector(`{}`, `"NaN"`), ""},
		"divided by nothing":      {"x/y", vector(`{}`, `"+Inf"`), ""},
		"what data may mend":      {"x/y", failed(422, "execution", "many-to-many matching"), ""},
		"too slow":                {"x", failed(503, "timeout", "query timed out"), ""},
		"a server that is ill":    {"x", answer{code: 500, body: "no"}, ""},
		"a server that asks whom": {"x", answer{code: 401, body: "no"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, map[string]answer{c.query: c.answer})
			why := f.driver(t, nil).Refuses(t.Context(), rollout.Check{Query: c.query}, "2.0", at)
			if c.why == "" {
				require.Empty(t, why)
				return
			}
			require.Contains(t, why, c.why)
		})
	}
	f := newFake(t, map[string]answer{`x{v="2.0"}`: failed(400, "bad_data", "no")})
	require.NotEmpty(t, f.driver(t, nil).Refuses(t.Context(), rollout.Check{Query: `x{v="{{.Version}}"}`}, "2.0", at))
	require.Empty(t, f.driver(t, nil).Refuses(t.Context(), rollout.Check{Requests: "x"}, "2.0", at), "it has no query")
	gone := httptest.NewServer(nil)
	gone.Close()
	require.Empty(t, f.driver(t, activities.With{"url": gone.URL}).Refuses(t.Context(), rollout.Check{Query: "sum(x"}, "2.0", at), "nobody answers")
}
