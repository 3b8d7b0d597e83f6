package prometheus_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/prometheus"
	"bakeoff/rollout"
)

const (
	xBaseline  = `x{version="1.0"}`
	xCandidate = `x{version="2.0"}`
	failing    = `x{code=~"5..",version="1.0"}`
)

func TestCounters(t *testing.T) {
	series := `{"__name__":"x","version":"1.0","code":"200"}`
	bad := `{"__name__":"x","version":"1.0","code":"500"}`
	f := newFake(t, map[string]answer{
		xBaseline:                       vector(series, `"100"`, bad, `"3"`),
		"timestamp(" + xBaseline + ")":  vector(`{"version":"1.0","code":"200"}`, seconds(time.Second), `{"version":"1.0","code":"500"}`, seconds(time.Second)),
		failing:                         vector(bad, `"3"`),
		"timestamp(" + failing + ")":    vector(`{"version":"1.0","code":"500"}`, seconds(time.Second)),
		xCandidate:                      vector(`{"__name__":"x","version":"2.0","code":"200"}`, `"7"`),
		"timestamp(" + xCandidate + ")": vector(`{"version":"2.0","code":"200"}`, seconds(time.Second)),
	})
	require.Equal(t, activities.CheckReading{Sides: map[activities.Side]activities.SideReading{
		activities.Baseline:  {Requests: map[string]float64{`x{code="200"}`: 100, `x{code="500"}`: 3}, Failures: map[string]float64{`x{code="500"}`: 3}},
		activities.Candidate: {Requests: map[string]float64{`x{code="200"}`: 7}, Failures: map[string]float64{}},
	}}, f.read(t, errorsCheck))
	require.NotContains(t, f.asked, xBaseline+"[15m]", "history is asked for only where a sample is old")
}

func TestPairOfMatchers(t *testing.T) {
	f := newFake(t, map[string]answer{
		`x{track="stable"}`:            vector(`{"__name__":"x","track":"stable"}`, `"1"`),
		`timestamp(x{track="stable"})`: vector(`{"track":"stable"}`, seconds(0)),
		`x{track="canary"}`:            vector(`{"__name__":"x","track":"canary"}`, `"2"`),
		`timestamp(x{track="canary"})`: vector(`{"track":"canary"}`, seconds(0)),
	})
	got := f.read(t, rollout.Check{Failures: `x{code="500"}`, Requests: "x", By: &rollout.By{Baseline: `track="stable"`, Candidate: `track="canary"`}})
	require.Empty(t, got.Error)
	require.Equal(t, map[string]float64{"x{}": 1}, got.Sides[activities.Baseline].Requests)
	require.Equal(t, map[string]float64{"x{}": 2}, got.Sides[activities.Candidate].Requests)
}

// A version that vanished without a stale marker is absent after a minute, one
// that is merely sampled seldom is not.
func TestStale(t *testing.T) {
	history := func(ago ...time.Duration) answer {
		values := ""
		for i, a := range ago {
			if i > 0 {
				values += ","
			}
			values += `[` + seconds(a)[1:len(seconds(a))-1] + `,"1"]`
		}
		return ok("matrix", `[{"metric":{"__name__":"x","version":"1.0"},"values":[`+values+`]}]`)
	}
	for name, c := range map[string]struct {
		age     time.Duration
		history answer
		there   bool
	}{
		"fresh":                          {59 * time.Second, vector(), true},
		"vanished":                       {61 * time.Second, history(91*time.Second, 76*time.Second, 61*time.Second), false},
		"sampled every 40 s":             {70 * time.Second, history(150*time.Second, 110*time.Second, 70*time.Second), true},
		"sampled every 40 s, then gone":  {81 * time.Second, history(161*time.Second, 121*time.Second, 81*time.Second), false},
		"every 2 m, one sample missing":  {230 * time.Second, history(830*time.Second, 710*time.Second, 470*time.Second, 350*time.Second, 230*time.Second), true},
		"one sample tells no interval":   {61 * time.Second, history(61 * time.Second), false},
		"no history at all":              {61 * time.Second, ok("matrix", "[]"), false},
		"a gap does not hide an absence": {90 * time.Second, history(390*time.Second, 120*time.Second, 105*time.Second, 90*time.Second), false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, map[string]answer{
				xBaseline:                      vector(`{"__name__":"x","version":"1.0"}`, `"5"`),
				"timestamp(" + xBaseline + ")": vector(`{"version":"1.0"}`, seconds(c.age)),
				xBaseline + "[15m]":            c.history,
			})
			got := f.read(t, errorsCheck)
			require.Empty(t, got.Error)
			if c.there {
				require.Contains(t, got.Sides, activities.Baseline)
			} else {
				require.NotContains(t, got.Sides, activities.Baseline)
			}
		})
	}
}

func TestStaleAfterIsAParameter(t *testing.T) {
	f := newFake(t, map[string]answer{
		xBaseline:                      vector(`{"__name__":"x","version":"1.0"}`, `"5"`),
		"timestamp(" + xBaseline + ")": vector(`{"version":"1.0"}`, seconds(100*time.Second)),
	})
	s := f.driver(t, activities.With{"staleAfter": "2m"})
	reading, err := s.Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{errorsCheck}, Sides: bothSides(), At: at})
	require.NoError(t, err)
	require.Contains(t, reading.Checks["errors"].Sides, activities.Baseline)
	require.Zero(t, f.asked[xBaseline+"[15m]"])
}

func TestHistogram(t *testing.T) {
	labels := func(le string) string { return `{"__name__":"h_bucket","version":"1.0","pod":"a","le":"` + le + `"}` }
	stamp := func(le string) string { return `{"version":"1.0","pod":"a","le":"` + le + `"}` }
	f := newFake(t, map[string]answer{
		`h_bucket{version="1.0"}`:            vector(labels("0.1"), `"5"`, labels("1.0"), `"8"`, labels("+Inf"), `"9"`),
		`timestamp(h_bucket{version="1.0"})`: vector(stamp("0.1"), seconds(0), stamp("1.0"), seconds(0), stamp("+Inf"), seconds(0)),
	})
	for _, written := range []string{"h", "h_bucket"} {
		require.Equal(t, activities.CheckReading{Sides: map[activities.Side]activities.SideReading{
			activities.Baseline: {Buckets: map[string]map[string]float64{`h{pod="a"}`: {"0.1": 5, "1": 8, "+Inf": 9}}},
		}}, f.read(t, rollout.Check{Histogram: written}))
	}
}

func TestNativeHistogram(t *testing.T) {
	read := func(sample string) activities.CheckReading {
		f := newFake(t, map[string]answer{
			`h{version="1.0"}`:            ok("vector", `[{"metric":{"__name__":"h","version":"1.0"},`+sample+`}]`),
			`timestamp(h{version="1.0"})`: vector(`{"version":"1.0"}`, seconds(0)),
		})
		return f.read(t, rollout.Check{Histogram: "h"})
	}
	buckets := `[3,"-2.9e-39","2.9e-39","1"],[0,"0.0625","0.0743254446876701","2"],[0,"0.0743254446876701","0.08838834764831845","4"],[0,"0.5","0.5946035575013605","3"],[0,"90","100","1"]`
	got := read(`"histogram":[1,{"count":"11","sum":"102","buckets":[` + buckets + `]}]`)
	require.Empty(t, got.Error)
	h := got.Sides[activities.Baseline].Buckets["h{}"]
	require.Len(t, h, 16*4+2)
	for bound, want := range map[string]float64{"0.000977": 1, "0.0625": 1, "0.088388": 7, "0.5": 7, "0.594604": 10, "1": 10, "64": 10, "+Inf": 11} {
		require.Equal(t, want, h[bound], bound)
	}
	for why, sample := range map[string]string{
		`h{}: native histogram: the bucket up to 2 has no bound near 0.595s`: `"histogram":[1,{"count":"1","sum":"1","buckets":[[0,"0.5","2","1"]]}]`,
		`h{}: is not a histogram`: `"value":[1,"5"]`,
		`h{}: count is NaN`:       `"histogram":[1,{"count":"NaN","sum":"1","buckets":[]}]`,
	} {
		require.ErrorContains(t, errorOf(read(sample)), why)
	}
}

func TestQuery(t *testing.T) {
	for name, c := range map[string]struct {
		answer answer
		value  float64
		error  string
		absent bool
	}{
		"vector":        {answer: vector(`{}`, `"0.25"`), value: 0.25},
		"negative":      {answer: vector(`{}`, `"-1"`), value: -1},
		"scalar":        {answer: ok("scalar", `[1,"42"]`), value: 42},
		"empty":         {answer: vector(), absent: true},
		"two series":    {answer: vector(`{"a":"1"}`, `"1"`, `{"a":"2"}`, `"1"`), error: "query gives 2 series, expected one"},
		"NaN":           {answer: vector(`{}`, `"NaN"`), absent: true},
		"infinite":      {answer: vector(`{}`, `"+Inf"`), error: "query is +Inf"},
		"not a number":  {answer: ok("string", `[1,"x"]`), error: `unexpected value type "string"`},
		"matrix":        {answer: ok("matrix", `[]`), error: "query gives a matrix"},
		"histogram":     {answer: ok("vector", `[{"metric":{},"histogram":[1,{"count":"1","sum":"1","buckets":[]}]}]`), error: "gives a histogram"},
		"refused":       {answer: failed(400, "bad_data", "parse error: unexpected end"), error: "parse error: unexpected end"},
		"not evaluable": {answer: failed(422, "execution", "many-to-many matching"), error: "many-to-many matching"},
		"warned":        {answer: answer{body: `{"status":"success","warnings":["store a is down"],"data":{"resultType":"vector","result":[]}}`}, error: "the server warns: store a is down"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, map[string]answer{`avg(x{version="1.0"})`: c.answer})
			got := f.read(t, rollout.Check{Query: `avg(x{version="{{.Version}}"})`})
			if c.error != "" {
				require.ErrorContains(t, errorOf(got), c.error)
				require.Empty(t, got.Sides)
				return
			}
			require.Empty(t, got.Error)
			if c.absent {
				require.NotContains(t, got.Sides, activities.Baseline)
				return
			}
			require.Equal(t, c.value, *got.Sides[activities.Baseline].Value)
		})
	}
}

func TestVersionIsEscaped(t *testing.T) {
	f := newFake(t, map[string]answer{`x{version="1\"0"}`: vector(`{}`, `"1"`)})
	sides := map[activities.Side]activities.Version{activities.Candidate: {Version: `1"0`}}
	check := rollout.Check{Name: "q", Query: `x{version="{{.Version}}"}`}
	reading, err := f.driver(t, nil).Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{check}, Sides: sides, At: at})
	require.NoError(t, err)
	require.Contains(t, reading.Checks["q"].Sides, activities.Candidate)
}

// What no counter can be is an error of the check that names the series.
func TestImpossibleCounters(t *testing.T) {
	for value, why := range map[string]string{
		`"+Inf"`: "baseline: requests: x{} is +Inf",
		`"-4"`:   "baseline: requests: x{} is negative (-4)",
	} {
		f := newFake(t, map[string]answer{
			xBaseline:                      vector(`{"__name__":"x","version":"1.0"}`, value),
			"timestamp(" + xBaseline + ")": vector(`{"version":"1.0"}`, seconds(0)),
		})
		require.EqualError(t, errorOf(f.read(t, errorsCheck)), why)
	}
}

// One check that cannot be read does not hide the others.
func TestChecksFailAlone(t *testing.T) {
	f := newFake(t, map[string]answer{"heavy": failed(503, "timeout", "query timed out in expression evaluation"), "bad": failed(422, "execution", "too many samples")})
	reading, err := f.driver(t, nil).Read(t.Context(), activities.MetricsQuery{Sides: bothSides(), At: at, Checks: []rollout.Check{
		errorsCheck, {Name: "heavy", Query: "heavy"}, {Name: "bad", Query: "bad"}, {Name: "wrong", Histogram: "rate(x[1m])"},
	}})
	require.NoError(t, err)
	require.Empty(t, reading.Checks["errors"].Error)
	require.Empty(t, reading.Checks["errors"].Sides)
	require.Contains(t, reading.Checks["heavy"].Error, "503 Service Unavailable")
	require.Contains(t, reading.Checks["bad"].Error, "too many samples")
	require.Contains(t, reading.Checks["wrong"].Error, "is not a plain selector")
}

// What is JSON and no answer of Prometheus is nobody's data, and ends no worker.
func TestAnswersWithoutData(t *testing.T) {
	for _, body := range []string{`{}`, `{"ok":true}`, `{"status":"success"}`, `{"status":"success","data":null}`} {
		f := newFake(t, map[string]answer{"*": {body: body}})
		for _, check := range []rollout.Check{errorsCheck, {Name: "errors", Query: "heavy"}} {
			reading, err := f.driver(t, nil).Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{check}, Sides: bothSides(), At: at})
			require.NoError(t, err)
			require.Contains(t, reading.Checks["errors"].Error, "holds no data", body)
		}
	}
}

func TestServerFails(t *testing.T) {
	in7s := map[string]string{"Retry-After": "7"}
	for name, c := range map[string]struct {
		answer answer
		why    string
		final  bool
		after  time.Duration
	}{
		"throttled":         {answer: answer{code: 429, body: "slow down", headers: in7s}, why: "429 Too Many Requests slow down", after: 7 * time.Second},
		"throttled, no say": {answer: answer{code: 429}, why: "429"},
		"an hour's wait":    {answer: answer{code: 429, headers: map[string]string{"Retry-After": "3600"}}, why: "429", after: time.Minute},
		"busy":              {answer: answer{code: 503, headers: in7s}, why: "503", after: 7 * time.Second},
		"broken":            {answer: failed(500, "internal", "disk is full"), why: "disk is full"},
		"bad gateway":       {answer: answer{code: 502, body: "<html>"}, why: "502"},
		"all timed out":     {answer: failed(503, "timeout", "query timed out"), why: "every query timed out"},
		"not allowed":       {answer: answer{code: 401, body: "who are you"}, why: "401 Unauthorized who are you", final: true},
		"forbidden":         {answer: answer{code: 403, body: "not you"}, why: "not you", final: true},
		"no such place":     {answer: answer{code: 404}, why: "404", final: true},
		"moved":             {answer: answer{code: 302, headers: map[string]string{"Location": "http://elsewhere/"}}, why: "redirects to http://elsewhere/", final: true},
		"400 of no API":     {answer: answer{code: 400, body: "<html>"}, why: "no answer of a query API", final: true},
		"no JSON":           {answer: answer{body: "<html>"}, why: "bad_response"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, map[string]answer{"*": c.answer})
			_, err := f.driver(t, nil).Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{errorsCheck}, Sides: bothSides(), At: at})
			require.ErrorContains(t, err, c.why)
			require.Equal(t, c.final, isFinal(err))
			var later *activities.RetryAfterError
			if c.after == 0 {
				require.NotErrorAs(t, err, &later)
				return
			}
			require.ErrorAs(t, err, &later)
			require.Equal(t, c.after, later.After)
		})
	}
}

func TestRetryAfterADate(t *testing.T) {
	f := newFake(t, map[string]answer{"*": {code: 503, headers: map[string]string{"Retry-After": time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)}}})
	_, err := f.driver(t, nil).Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{errorsCheck}, Sides: bothSides(), At: at})
	var later *activities.RetryAfterError
	require.ErrorAs(t, err, &later)
	require.InDelta(t, 30*time.Second, later.After, float64(10*time.Second))
}

func TestNobodyListens(t *testing.T) {
	f := newFake(t, nil)
	s := f.driver(t, nil)
	f.Close()
	_, err := s.Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{errorsCheck}, Sides: bothSides(), At: at})
	require.ErrorContains(t, err, "refused")
	require.False(t, isFinal(err))
}

func TestDeadline(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		<-r.Context().Done()
	}))
	t.Cleanup(hang.Close)
	s, err := prometheus.New(activities.With{"url": hang.URL, "deadline": "50ms"}, prometheus.Bearer{})
	require.NoError(t, err)
	_, err = s.Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{errorsCheck}, Sides: bothSides(), At: at})
	require.ErrorContains(t, err, "no answer within 50ms")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestMomentIsNeeded(t *testing.T) {
	f := newFake(t, nil)
	_, err := f.driver(t, nil).Read(t.Context(), activities.MetricsQuery{Sides: bothSides()})
	require.ErrorIs(t, err, activities.ErrFinal)
}

func TestTimeoutThatPrometheusCanRead(t *testing.T) {
	for deadline, want := range map[string]string{"5s": "4s", "2s": "1s", "1s": "800ms", "100s": "1m20s"} {
		f := newFake(t, nil)
		_, err := f.driver(t, activities.With{"deadline": deadline}).Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{errorsCheck}, Sides: bothSides(), At: at})
		require.NoError(t, err)
		require.Equal(t, want, f.latest.FormValue("timeout"))
		require.Equal(t, "1777863721", f.latest.FormValue("time"))
	}
}
