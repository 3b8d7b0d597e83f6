package prometheus_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/prometheus"
	"bakeoff/rollout"
)

// at is the moment that tests ask for.
var at = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// answer is what the fake says to one query.
type answer struct {
	code    int // default 200
	body    string
	headers map[string]string
}

// fake is a query API that knows the answers to some expressions and gives an
// empty vector, or matrix, for the rest. Samples are a second old unless told.
type fake struct {
	*httptest.Server
	answers map[string]answer
	mu      sync.Mutex
	asked   map[string]int
	latest  *http.Request
}

func newFake(t *testing.T, answers map[string]answer) *fake {
	t.Helper()
	f := &fake{answers: answers, asked: map[string]int{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	expr := r.FormValue("query")
	f.mu.Lock()
	f.asked[expr]++
	f.latest = r
	f.mu.Unlock()
	a, ok := f.answers[expr]
	if !ok {
		a, ok = f.answers["*"]
	}
	switch {
	case ok:
	case strings.HasSuffix(r.URL.Path, "/query_range"):
		a = matrix()
	default:
		a = vector()
	}
	for name, value := range a.headers {
		w.Header().Set(name, value)
	}
	if a.code != 0 {
		w.WriteHeader(a.code)
	}
	_, _ = fmt.Fprint(w, a.body)
}

func ok(kind, result string) answer {
	return answer{body: fmt.Sprintf(`{"status":"success","data":{"resultType":%q,"result":%s}}`, kind, result)}
}

// vector makes an answer of samples written as in JSON: {labels}, "value".
func vector(samples ...string) answer {
	result := ""
	for i := 0; i+1 < len(samples); i += 2 {
		if i > 0 {
			result += ","
		}
		result += fmt.Sprintf(`{"metric":%s,"value":[%d,%s]}`, samples[i], at.Unix(), samples[i+1])
	}
	return ok("vector", "["+result+"]")
}

// seconds writes a moment before at.
func seconds(ago time.Duration) string { return fmt.Sprintf("%q", fmt.Sprint(at.Add(-ago).Unix())) }

func failed(code int, kind, message string) answer {
	return answer{code: code, body: fmt.Sprintf(`{"status":"error","errorType":%q,"error":%q}`, kind, message)}
}

// with adds the parameters to the fake's URL and makes the driver.
func (f *fake) driver(t *testing.T, with activities.With) *prometheus.Server {
	t.Helper()
	all := activities.With{"url": f.URL}
	for name, value := range with {
		all[name] = value
	}
	s, err := prometheus.New(all, prometheus.Bearer{})
	require.NoError(t, err)
	return s
}

func bothSides() map[activities.Side]activities.Version {
	return map[activities.Side]activities.Version{activities.Baseline: {Version: "1.0"}, activities.Candidate: {Version: "2.0"}}
}

func (f *fake) read(t *testing.T, check rollout.Check) activities.CheckReading {
	t.Helper()
	check.Name = "check"
	reading, err := f.driver(t, nil).Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{check}, Sides: bothSides(), At: at})
	require.NoError(t, err)
	require.Equal(t, at, reading.At)
	require.Len(t, reading.Checks, 1)
	return reading.Checks["check"]
}

var errorsCheck = rollout.Check{Name: "errors", Failures: `x{code=~"5.."}`, Requests: "x"}
