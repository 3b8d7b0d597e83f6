package load_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

func TestGoodLoadsHaveNoProblems(t *testing.T) {
	require.Empty(t, browse().Problems("load[0]"))
	require.Empty(t, shop().Problems("load[0]"))
	require.Empty(t, browse().WithDefaults().Problems("load[0]"))
	require.Empty(t, shop().WithDefaults().Problems("load[0]"))
}

func TestProblems(t *testing.T) {
	ms := rollout.Duration(time.Millisecond)
	none := rollout.Weight(0)
	tests := []struct {
		name, path, want string
		change           func(*load.Load)
	}{
		{"name", "name", `"a b" needs letters`, func(l *load.Load) { l.Name = "a b" }},
		{"no name", "name", `"" needs letters`, func(l *load.Load) { l.Name = "" }},
		{"no url", "url", "write http://host:port/path", func(l *load.Load) { l.URL = "" }},
		{"url without host", "url", "write http://host:port/path", func(l *load.Load) { l.URL = "http:///a" }},
		{"another scheme", "url", "write http://host:port/path", func(l *load.Load) { l.URL = "ftp://a/" }},
		{"a password", "url", "holds a user or a password", func(l *load.Load) { l.URL = "http://ana:secret@127.0.0.1/" }},
		{"a user", "url", "holds a user or a password", func(l *load.Load) { l.URL = "http://ana@127.0.0.1?q" }},
		{"unknown name", "url", "{{who}} is not known here", func(l *load.Load) { l.URL += "{{who}}" }},
		{"open braces", "body", "has a {{ that names nothing", func(l *load.Load) { l.Body = "{{id" }},
		{"method", "method", `"get" is not one of GET`, func(l *load.Load) { l.Method = "get" }},
		{"header name", "headers", `"a b" is not a header`, func(l *load.Load) { l.Headers = map[string]string{"a b": "c"} }},
		{"header value", "headers", "on one line", func(l *load.Load) { l.Headers = map[string]string{"a": "b\nc"} }},
		{"status", "expect.status", "20 is no HTTP status", func(l *load.Load) { l.Expect.Status = 20 }},
		{"timeout", "timeout", "at most 5m", func(l *load.Load) { l.Timeout = 301 * second }},
		{"shards", "shards", "write 1 to 64", func(l *load.Load) { l.Shards = 65 }},
		{"connections", "connections", "write 1 to 10000", func(l *load.Load) { l.Connections = -1 }},
		{"no end", "for", "is missing, or not above 0s: how long", func(l *load.Load) { l.For = 0 }},
		{"too long", "for", "at most 7d", func(l *load.Load) { l.For = 8 * 86400 * second }},
		{"no rate", "rate", "is missing: write a rate such as 200/s", func(l *load.Load) { l.Rate = 0 }},
		{"negative rate", "rate", "is not a rate", func(l *load.Load) { l.Rate = -1 }},
		{"no number", "rate", "is not a rate", func(l *load.Load) { l.Rate = load.Rate(math.NaN()) }},
		{"arrivals", "arrivals", `"random" is not one of even, poisson`, func(l *load.Load) { l.Arrivals = "random" }},
		{"no shape", "shape", "has 0 of ramp", func(l *load.Load) { l.Shape = &load.Shape{} }},
		{"two shapes", "shape", "has 2 of ramp", func(l *load.Load) {
			l.Rate, l.Shape = 0, &load.Shape{Ramp: &load.Ramp{To: 1}, Sine: &load.Sine{Period: second, High: 1}}
		}},
		{"ramp and rate", "shape", "take `rate` away", func(l *load.Load) { l.Shape = &load.Shape{Ramp: &load.Ramp{To: 1}} }},
		{"a ramp from nothing to nothing", "shape", "no request is ever due", func(l *load.Load) { l.Rate, l.Shape = 0, &load.Shape{Ramp: &load.Ramp{}} }},
		{"steps that fall back", "shape.step[1].at", "must come after the step before", func(l *load.Load) {
			l.Shape = &load.Shape{Step: []load.Level{{At: 2 * second}, {At: second}}}
		}},
		{"a step after the end", "shape.step[0].at", "before the load ends at 5s", func(l *load.Load) { l.Shape = &load.Shape{Step: []load.Level{{At: 5 * second}}} }},
		{"steps without a start", "shape.step", "write `rate`, or a first step at 0s", func(l *load.Load) {
			l.Rate, l.Shape = 0, &load.Shape{Step: []load.Level{{At: second, Rate: 1}}}
		}},
		{"a surge from nothing", "shape.surge", "comes back to `rate`", func(l *load.Load) {
			l.Rate, l.Shape = 0, &load.Shape{Surge: &load.Surge{For: second, Rate: 9}}
		}},
		{"a surge that outlives the load", "shape.surge", "must be over when the load ends", func(l *load.Load) {
			l.Shape = &load.Shape{Surge: &load.Surge{At: 4 * second, For: 2 * second, Rate: 9}}
		}},
		{"a sine upside down", "shape.sine", "low 9/s is above high 1/s", func(l *load.Load) {
			l.Rate, l.Shape = 0, &load.Shape{Sine: &load.Sine{Period: second, Low: 9, High: 1}}
		}},
		{"a sine too fast", "shape.sine.period", "at least 1s", func(l *load.Load) {
			l.Rate, l.Shape = 0, &load.Shape{Sine: &load.Sine{Period: 900 * ms, High: 1}}
		}},
		{"closed with a rate", "closed", "take rate, arrivals and shape away", func(l *load.Load) { l.Closed = &load.Closed{Users: 1} }},
		{"closed without users", "closed.users", "write 1 to 10000", func(l *load.Load) { l.Rate, l.Closed = 0, &load.Closed{} }},
		{"fewer users than generators", "shards", "too few users", func(l *load.Load) { l.Rate, l.Closed, l.Shards = 0, &load.Closed{Users: 1}, 2 }},
		{"closed with connections", "connections", "take it away", func(l *load.Load) { l.Rate, l.Closed, l.Connections = 0, &load.Closed{Users: 1}, 2 }},
		{"replay with a rate", "replay", "take rate, arrivals, shape and closed away", func(l *load.Load) { l.Replay = &load.Replay{File: "a", Format: "har"} }},
		{"replay with a body", "replay", "take method, body and journeys away", func(l *load.Load) {
			l.Rate, l.Body, l.Replay = 0, "x", &load.Replay{File: "a", Format: "har"}
		}},
		{"replay of nothing", "replay.file", "which recording?", func(l *load.Load) { l.Rate, l.Replay = 0, &load.Replay{Format: "har"} }},
		{"replay with an id", "headers.X-Id", "is not filled in", func(l *load.Load) {
			l.Rate, l.Headers, l.Replay = 0, map[string]string{"X-Id": "{{id}}"}, &load.Replay{File: "a", Format: "har"}
		}},
		{"format", "replay.format", `"pcap" is not one of har, combined, common, json, gor`, func(l *load.Load) { l.Rate, l.Replay = 0, &load.Replay{File: "a", Format: "pcap"} }},
		{"speed", "replay.speed", "-1 is not a speed", func(l *load.Load) { l.Rate, l.Replay = 0, &load.Replay{File: "a", Format: "har", Speed: -1} }},
		{"sample", "replay.sample", "nothing is sent", func(l *load.Load) { l.Rate, l.Replay = 0, &load.Replay{File: "a", Format: "har", Sample: &none} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := browse()
			tt.change(&l)
			problems := l.Problems("load[0]")
			require.Len(t, problems, 1, "%v", problems)
			require.Equal(t, "load[0]."+tt.path, problems[0].Path)
			require.Contains(t, problems[0].Message, tt.want)
			_, err := load.New(1, l, nil)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestProblemsOfJourneys(t *testing.T) {
	zero := 0.0
	tests := []struct {
		name, path, want string
		change           func([]load.Journey)
	}{
		{"name", "[0].name", `"" needs letters`, func(j []load.Journey) { j[0].Name = "" }},
		{"a name twice", "[1].name", "give each journey a name of its own", func(j []load.Journey) { j[1].Name = j[0].Name }},
		{"no weight", "", "every weight is 0", func(j []load.Journey) { j[0].Weight, j[1].Weight = &zero, &zero }},
		{"no steps", "[0].steps", "0 steps: write 1 to 20", func(j []load.Journey) { j[0].Steps = nil }},
		{"method", "[0].steps[0].method", `"BREW" is not one of`, func(j []load.Journey) { j[0].Steps[0].Method = "BREW" }},
		{"path", "[0].steps[0].path", "must begin with / or ?", func(j []load.Journey) { j[0].Steps[0].Path = "orders" }},
		{"used before it is captured", "[0].steps[0].path", "no step before captures it", func(j []load.Journey) {
			j[0].Steps[0] = load.Step{Path: "/{{token}}", Capture: map[string]string{"token": "a"}}
		}},
		{"capture of an id", "[0].steps[0].capture", "cannot name what is captured", func(j []load.Journey) { j[0].Steps[0].Capture = map[string]string{"id": "a"} }},
		{"capture of nothing", "[0].steps[0].capture.token", "which field of the answer?", func(j []load.Journey) { j[0].Steps[0].Capture = map[string]string{"token": ""} }},
		{"ledger", "[0].steps[0].ledger", `"both" is not one of write, read`, func(j []load.Journey) { j[0].Steps[0].Ledger = "both" }},
		{"a write without its id", "[1].steps[0].ledger", "send {{id}}", func(j []load.Journey) { j[1].Steps[0].Body = "x" }},
		{"a read without its id", "[1].steps[1].ledger", "send {{id}}", func(j []load.Journey) { j[1].Steps[1].Path = "/orders" }},
		{"a read before the write", "[0].steps[0].ledger", "nothing was written yet", func(j []load.Journey) {
			j[0].Steps[0] = load.Step{Path: "/{{id}}", Ledger: load.LedgerRead}
		}},
		{"two writes", "[1].steps[2].ledger", "make a second journey", func(j []load.Journey) { j[1].Steps = append(j[1].Steps, j[1].Steps[0]) }},
		{"never read back", "[1].steps", "add a step with ledger: read", func(j []load.Journey) { j[1].Steps = j[1].Steps[:1] }},
		{"a read that cannot be alone", "[1].steps[1].ledger", "{{token}} is captured", func(j []load.Journey) {
			j[1].Steps[0].Capture = map[string]string{"token": "a"}
			j[1].Steps[1].Headers = map[string]string{"Authorization": "{{token}}"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := shop()
			tt.change(l.Journeys)
			problems := l.Problems("load[0]")
			require.Len(t, problems, 1, "%v", problems)
			require.Equal(t, "load[0].journeys"+tt.path, problems[0].Path)
			require.Contains(t, problems[0].Message, tt.want)
		})
	}
	l := shop()
	l.Method = "GET"
	require.Equal(t, "load[0].journeys", l.Problems("load[0]")[0].Path)
}
