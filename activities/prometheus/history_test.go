package prometheus_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/prometheus"
	"bakeoff/rollout"
)

const byInstance = "sum by (le, exported_instance, pod, instance) "

// remembering is a fake that has so many series, sampled every 15 s unless
// told, and that past.
func remembering(t *testing.T, series int, past map[string]answer) *fake {
	t.Helper()
	answers := map[string]answer{
		"count(" + byInstance + "(" + xBaseline + "))":                 vector("{}", `"2"`),
		"count(" + byInstance + `(h_bucket{version="1.0"}))`:           vector("{}", `"2"`),
		"count(" + xBaseline + ")":                                     vector("{}", fmt.Sprintf("%q", fmt.Sprint(series))),
		"quantile(0.5, count_over_time(" + xBaseline + "[15m]))":       vector("{}", `"60"`),
		`count(h_bucket{version="1.0"})`:                               vector("{}", fmt.Sprintf("%q", fmt.Sprint(series))),
		`quantile(0.5, count_over_time(h_bucket{version="1.0"}[15m]))`: vector("{}", `"60"`),
	}
	for expr, a := range past {
		answers[expr] = a
	}
	return newFake(t, answers)
}

// stream is one series of a matrix, sampled at those moments after noon.
func stream(labels string, values ...any) string {
	text := ""
	for i := 0; i+1 < len(values); i += 2 {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(`[%d,"%v"]`, noon.Unix()+int64(values[i].(int)), values[i+1])
	}
	return `{"metric":{` + labels + `},"values":[` + text + `]}`
}

func matrix(streams ...string) answer { return ok("matrix", "["+strings.Join(streams, ",")+"]") }

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func (f *fake) history(t *testing.T, check rollout.Check) ([]activities.Moment, error) {
	t.Helper()
	return f.driver(t, nil).History(t.Context(), activities.HistoryQuery{
		Check: check, Version: activities.Version{Version: "1.0"}, From: noon.Add(-time.Second), To: noon.Add(100 * time.Second), Step: 30 * time.Second,
	})
}

type counts = map[string]float64

func TestHistoryOfCounters(t *testing.T) {
	f := remembering(t, 4, map[string]answer{
		byInstance + "(" + xBaseline + ")": matrix(
			stream(`"instance":"a:80"`, 0, 100, 30, 200, 60, 300, 90, 5),
			stream(`"instance":"b:80"`, 30, 7, 45, 8, 60, 9, 120, 10)),
		byInstance + "(" + failing + ")": matrix(stream(`"instance":"a:80"`, 30, 1, 60, "NaN", 90, 2)),
	})
	got, err := f.history(t, errorsCheck)
	require.NoError(t, err)
	a, b := `x{instance="a:80"}`, `x{instance="b:80"}`
	moment := func(after time.Duration, instances map[string]activities.SideReading) activities.Moment {
		return activities.Moment{At: noon.Add(after), Instances: instances}
	}
	for i := range got {
		got[i].At = got[i].At.UTC()
	}
	require.Equal(t, []activities.Moment{
		moment(0, map[string]activities.SideReading{"a:80": {Requests: counts{a: 100}}}),
		moment(30*time.Second, map[string]activities.SideReading{"a:80": {Requests: counts{a: 200}, Failures: counts{a: 1}}, "b:80": {Requests: counts{b: 7}}}),
		moment(time.Minute, map[string]activities.SideReading{"a:80": {Requests: counts{a: 300}}, "b:80": {Requests: counts{b: 9}}}),
		moment(90*time.Second, map[string]activities.SideReading{"a:80": {Requests: counts{a: 5}, Failures: counts{a: 2}}}),
	}, got, "gaps and resets are seen; what is not on the grid was not asked for")
	require.Equal(t, 5, f.total(), "three questions on the size, one for each selector")
	require.Equal(t, "/api/v1/query_range", f.latest.URL.Path)
	require.Equal(t, []string{"30", fmt.Sprint(noon.Unix()), fmt.Sprint(noon.Unix() + 90)},
		[]string{f.latest.FormValue("step"), f.latest.FormValue("start"), f.latest.FormValue("end")})
}

func (f *fake) total() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, times := range f.asked {
		n += times
	}
	return n
}

func TestHistoryOfAHistogram(t *testing.T) {
	f := remembering(t, 4, map[string]answer{byInstance + `(h_bucket{version="1.0"})`: matrix(
		stream(`"pod":"a","le":"0.1"`, 0, 1, 30, 2), stream(`"pod":"a","le":"1.0"`, 0, 3, 30, 5), stream(`"pod":"a","le":"+Inf"`, 0, 4, 30, 9))})
	got, err := f.history(t, rollout.Check{Name: "latency", Histogram: "h"})
	require.NoError(t, err)
	require.Equal(t, map[string]activities.SideReading{"a": {Buckets: map[string]map[string]float64{`h{pod="a"}`: {"0.1": 2, "1": 5, "+Inf": 9}}}}, got[1].Instances,
		"keyed as by Read")
}

func TestHistoryOfANativeHistogram(t *testing.T) {
	native := `{"metric":{"pod":"a"},"histograms":[[%d,{"count":"%d","sum":"1","buckets":[[0,"0.5","0.5946035575013605","%[2]d"]]}],[%[3]d,{"count":"9","sum":"1","buckets":[[0,"0.5","0.5946035575013605","9"]]}]]}`
	f := newFake(t, map[string]answer{
		"count(" + byInstance + `(h{version="1.0"}))`:           vector("{}", `"2"`),
		`count(h{version="1.0"})`:                               vector("{}", `"2"`),
		`quantile(0.5, count_over_time(h{version="1.0"}[15m]))`: vector("{}", `"60"`),
		byInstance + `(h{version="1.0"})`:                       matrix(fmt.Sprintf(native, noon.Unix(), 4, noon.Unix()+30)),
	})
	got, err := f.history(t, rollout.Check{Name: "latency", Histogram: "h"})
	require.NoError(t, err)
	h := got[0].Instances["a"].Buckets[`h{pod="a"}`]
	require.Equal(t, []float64{0, 4, 4}, []float64{h["0.5"], h["0.594604"], h["+Inf"]})
	require.EqualValues(t, 9, got[1].Instances["a"].Buckets[`h{pod="a"}`]["+Inf"])
}

// The instance is what tells several apart, and the collector is not it.
func TestHistoryInstances(t *testing.T) {
	for name, tt := range map[string]struct {
		labels [2]string
		want   []string
		why    string
	}{
		"instance":           {labels: [2]string{`"instance":"a"`, `"instance":"b"`}, want: []string{"a", "b"}},
		"pod":                {labels: [2]string{`"instance":"c","pod":"a"`, `"instance":"c","pod":"b"`}, want: []string{"a", "b"}},
		"behind a collector": {labels: [2]string{`"instance":"c","pod":"c","exported_instance":"a"`, `"instance":"c","pod":"c","exported_instance":"b"`}, want: []string{"a", "b"}},
		"two ports of a pod": {labels: [2]string{`"instance":"a:1","pod":"a"`, `"instance":"b:1","pod":"b"`}, want: []string{"a", "b"}},
		"only some have it":  {labels: [2]string{`"instance":"a","pod":"x"`, `"instance":"b"`}, want: []string{"a", "b"}},
		"there is but one":   {labels: [2]string{`"instance":"a"`, `"instance":"a"`}, want: []string{"a"}},
		"no label":           {labels: [2]string{``, ``}, why: `the series of x{version="1.0"} tell no instances apart, for want of one of the labels exported_instance, pod, instance: nothing can be learned from the past`},
		"one without":        {labels: [2]string{`"instance":"a"`, ``}, why: "tell no instances apart"},
	} {
		t.Run(name, func(t *testing.T) {
			f := remembering(t, 2, map[string]answer{byInstance + "(" + xBaseline + ")": matrix(stream(tt.labels[0], 0, 1, 30, 2), stream(tt.labels[1], 0, 1, 30, 2))})
			got, err := f.history(t, errorsCheck)
			if tt.why != "" {
				require.ErrorContains(t, err, tt.why)
				require.ErrorIs(t, err, activities.ErrPast)
				return
			}
			require.NoError(t, err)
			for _, instance := range tt.want {
				require.Contains(t, got[0].Instances, instance)
			}
			require.Len(t, got[0].Instances, len(tt.want))
		})
	}
}

// Many series are looked at less finely, too many not at all.
func TestHistoryIsBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		series  int
		grouped string // default 2
		samples string
		step    string
		why     string
	}{
		"few":               {series: 600, samples: "60", step: "30"},
		"sampled seldom":    {series: 300, samples: "16", step: "120"},
		"just begun":        {series: 3, samples: "2", step: "1800"},
		"many":              {series: 2000, samples: "60", step: "87"},
		"the most":          {series: 6944, samples: "60", step: "300"},
		"too many":          {series: 6945, samples: "60", why: `x{version="1.0"} has 6945 series, too many to look back upon (at most 6944): nothing can be learned from the past`},
		"many, but seldom":  {series: 12000, samples: "4", step: "600"},
		"many instances":    {series: 500, grouped: "500", samples: "60", step: "216"},
		"too many of them":  {series: 700, grouped: "700", samples: "60", why: "has 700 series, too many to look back upon (at most 694)"},
		"none":              {series: 0, samples: "60"},
		"sampled once":      {series: 3, samples: "1"},
		"no number of them": {series: 3, samples: "NaN", why: "is NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			f := remembering(t, tt.series, map[string]answer{"quantile(0.5, count_over_time(" + xBaseline + "[15m]))": vector("{}", fmt.Sprintf("%q", tt.samples)),
				byInstance + "(" + xBaseline + ")":             matrix(),
				"count(" + byInstance + "(" + xBaseline + "))": vector("{}", fmt.Sprintf("%q", cmp.Or(tt.grouped, "2")))})
			got, err := f.driver(t, nil).History(t.Context(), activities.HistoryQuery{Check: errorsCheck, Version: activities.Version{Version: "1.0"},
				From: noon.Add(-24 * time.Hour), To: noon, Step: 30 * time.Second})
			require.Empty(t, got)
			if tt.why != "" {
				require.ErrorContains(t, err, tt.why)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.step, f.latest.FormValue("step"))
		})
	}
}

// Servers that are none, or odd, bring no history and do no harm.
func TestHistoryOfOddServers(t *testing.T) {
	query := activities.HistoryQuery{Check: errorsCheck, Version: activities.Version{Version: "1.0"}, From: noon.Add(-time.Hour), To: noon, Step: 30 * time.Second}
	for name, ranges := range map[string]http.HandlerFunc{
		"404":      func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"400":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "unknown", http.StatusBadRequest) },
		"405":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusMethodNotAllowed) },
		"500":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", http.StatusInternalServerError) },
		"garbage":  func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"status":"success","data":[1,2`) },
		"nothing":  func(http.ResponseWriter, *http.Request) {},
		"no data":  func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"status":"success"}`) },
		"a vector": func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, vector("{}", `"5"`).body) },
		"a scalar": func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, ok("scalar", `[1,"5"]`).body) },
		"empty":    func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, matrix().body) },
		"other times": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, matrix(stream(`"pod":"a"`, 7, 1, 8, 2)).body)
		},
		"always alike": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, matrix(stream(``, -30, 5, 0, 5)).body)
		},
		"a warning": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"status":"success","warnings":["a store is down"],"data":{"resultType":"matrix","result":[]}}`)
		},
		"a wrong bound": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, matrix(stream(`"pod":"a","le":"x"`, -30, 1, 0, 2)).body)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := remembering(t, 2, nil)
			odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/query_range") {
					ranges(w, r)
					return
				}
				f.ServeHTTP(w, r)
			}))
			t.Cleanup(odd.Close)
			s, err := prometheus.New(activities.With{"url": odd.URL}, prometheus.Bearer{})
			require.NoError(t, err)
			got, err := s.History(t.Context(), query)
			require.NotErrorIs(t, err, activities.ErrPast, "nothing that people could do anything about")
			for _, m := range got {
				require.Empty(t, m.Instances)
			}
		})
	}
	all := newFake(t, map[string]answer{"*": vector(`{"pod":"a"}`, `"5"`, `{"pod":"b"}`, `"5"`)})
	_, err := all.driver(t, nil).History(t.Context(), query)
	require.ErrorContains(t, err, "gives more than one number")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = all.driver(t, nil).History(ctx, query)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNoHistory(t *testing.T) {
	f := newFake(t, nil)
	for why, check := range map[string]rollout.Check{
		"a query has none":        {Query: "x"},
		"is not a plain selector": {Failures: "rate(x[1m])", Requests: "x"},
	} {
		_, err := f.history(t, check)
		require.ErrorContains(t, err, why)
	}
	require.Zero(t, f.total())
}
