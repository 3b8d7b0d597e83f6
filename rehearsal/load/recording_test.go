package load_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

const archive = `{"log": {"version": "1.2", "creator": {"name": "a browser", "version": "1"}, "entries": [
  {"startedDateTime": "2026-11-22T10:00:01.250Z", "request": {"method": "POST", "url": "https://shop.example/orders?x=1#top",
    "httpVersion": "HTTP/2", "headers": [{"name": ":authority", "value": "shop.example"}, {"name": "Cookie", "value": "secret"},
    {"name": "content-type", "value": "application/json"}], "postData": {"mimeType": "application/json", "text": "{\"a\":\"{{id}}\"}"}}},
  {"startedDateTime": "2026-11-22T11:00:01.000+01:00", "request": {"method": "GET", "url": "https://shop.example", "headers": []}}
]}}`

const combined = `127.0.0.1 - frank [10/Oct/2026:13:55:36 -0700] "GET /apache_pb.gif?a=b HTTP/1.0" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 \"x\" [en]"
10.0.0.1 - - [10/Oct/2026:13:55:36 -0700] "POST /orders HTTP/1.1" 201 - "-" "-"

::1 - - [10/Oct/2026:13:55:38 -0700] "GET / HTTP/1.1" 200 5 "-" "curl/8"
`

func TestParseHAR(t *testing.T) {
	got, err := load.ParseRecording(load.FormatHAR, strings.NewReader(archive))
	require.NoError(t, err)
	require.Equal(t, []load.Recorded{
		{Method: "GET", Path: "/", Headers: map[string]string{}},
		{Offset: 250 * time.Millisecond, Method: "POST", Path: "/orders?x=1", Headers: map[string]string{"content-type": "application/json"}, Body: `{"a":"{{id}}"}`},
	}, got)
}

func TestParseLogs(t *testing.T) {
	got, err := load.ParseRecording(load.FormatCombined, strings.NewReader(combined))
	require.NoError(t, err)
	require.Equal(t, []load.Recorded{
		{Method: "GET", Path: "/apache_pb.gif?a=b", Headers: map[string]string{"Referer": "http://www.example.com/start.html", "User-Agent": `Mozilla/4.08 \"x\" [en]`}},
		{Offset: 500 * time.Millisecond, Method: "POST", Path: "/orders", Headers: map[string]string{}},
		{Offset: 2 * time.Second, Method: "GET", Path: "/", Headers: map[string]string{"User-Agent": "curl/8"}},
	}, got, "two in one second are spread over it")
	common := `127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.0" 200 23` + "\n"
	got, err = load.ParseRecording(load.FormatCommon, strings.NewReader(common))
	require.NoError(t, err)
	require.Equal(t, []load.Recorded{{Method: "GET", Path: "/a", Headers: map[string]string{}}}, got)
	got, err = load.ParseRecording(load.FormatJSON, strings.NewReader(`{"time":"2026-11-22T10:00:00Z","method":"GET","url":"/a","headers":{"A":"b"},"body":"c"}`))
	require.NoError(t, err)
	require.Equal(t, []load.Recorded{{Method: "GET", Path: "/a", Headers: map[string]string{"A": "b"}, Body: "c"}}, got)
}

// A load brings its own credentials: those of whoever was recorded are not sent.
func TestCredentialsAreNotSentAgain(t *testing.T) {
	for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "X-CSRF-Token", "Private-Token"} {
		got, err := load.ParseRecording(load.FormatJSON, strings.NewReader(`{"time":"2026-11-22T10:00:00Z","method":"GET","url":"/a","headers":{"`+name+`":"secret","Accept":"b"}}`))
		require.NoError(t, err)
		require.Equal(t, map[string]string{"Accept": "b"}, got[0].Headers, name)
	}
}

func TestUnreadableRecordingsAreRefused(t *testing.T) {
	tests := []struct{ name, format, text, want string }{
		{"unknown format", "pcap", "", `"pcap" is not a format of recordings: write one of har, combined, common, json, gor`},
		{"nothing in it", load.FormatJSON, "\n\n", "the recording has no request in it"},
		{"no entries", load.FormatHAR, `{"log":{"version":"1.2"}}`, "the recording has no request in it"},
		{"cut off", load.FormatHAR, archive[:len(archive)-5], "line 5: is no HTTP archive"},
		{"not JSON", load.FormatHAR, combined, "line 1: is no HTTP archive"},
		{"version", load.FormatHAR, `{"log":{"version":"1.1"}}`, `of version "1.1": export it as 1.2`},
		{"time of an entry", load.FormatHAR, strings.Replace(archive, "2026-11-22T11:", "yesterday", 1), "line 5: entry 1: "},
		{"method of an entry", load.FormatHAR, strings.Replace(archive, `"POST"`, `"BREW"`, 1), `line 2: entry 0: "BREW" is not a method`},
		{"URL of an entry", load.FormatHAR, strings.Replace(archive, "https://shop.example/", "data:image/", 1), `line 2: entry 0: "data:image/orders?x=1#top" is neither a path nor an http URL`},
		{"a form without its text", load.FormatHAR, strings.Replace(archive, `"text": "{\"a\":\"{{id}}\"}"`, `"params": [{"name": "a", "value": "b"}]`, 1),
			"line 2: entry 0: has a body of which only the params were saved"},
		{"no time", load.FormatJSON, `{"method":"GET","url":"/"}`, "line 1: has no time"},
		{"unknown field", load.FormatJSON, "\n" + `{"time":"2026-11-22T10:00:00Z","methud":"GET"}`, `line 2: expected one JSON object with time, method, url, headers and body: json: unknown field "methud"`},
		{"two objects", load.FormatJSON, `{"time":"2026-11-22T10:00:00Z","method":"GET","url":"/"} {}`, "line 1: has more than one JSON object"},
		{"header", load.FormatJSON, `{"time":"2026-11-22T10:00:00Z","method":"GET","url":"/","headers":{"a b":"c"}}`, `line 1: "a b" is not a header`},
		{"common for combined", load.FormatCombined, `1.1.1.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.0" 200 23`, "line 1: is not a line of a combined access log"},
		{"combined for common", load.FormatCommon, combined, "line 1: is not a line of a common access log"},
		{"time of a line", load.FormatCombined, strings.Replace(combined, "10/Oct/2026:13:55:38", "10/Okt/2026:13:55:38", 1), `line 4: "10/Okt/2026:13:55:38 -0700" is not a time`},
		{"no request", load.FormatCombined, strings.Replace(combined, "POST /orders HTTP/1.1", "-", 1), `line 2: "-" is not a request`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load.ParseRecording(tt.format, strings.NewReader(tt.text))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func replay(speed float64, sample rollout.Weight, recording ...load.Recorded) (*load.Schedule, error) {
	return load.New(42, load.Load{Name: "again", URL: "http://127.0.0.1:1/", Headers: map[string]string{"X-Key": "mine"},
		Replay: &load.Replay{File: "a.har", Format: load.FormatHAR, Speed: speed, Sample: &sample}}, recording)
}

func TestReplay(t *testing.T) {
	recording, err := load.ParseRecording(load.FormatHAR, strings.NewReader(archive))
	require.NoError(t, err)
	s, err := replay(2, rollout.All, recording...)
	require.NoError(t, err)
	arrivals := slices.Collect(s.Arrivals(0, 1))
	require.Equal(t, []load.Arrival{{}, {Index: 1, Offset: 125 * time.Millisecond, Script: 1}}, arrivals, "twice as fast")
	require.Equal(t, 125*time.Millisecond+time.Microsecond, s.Length())
	require.InDelta(t, 2, s.Peak(), 0)
	require.Equal(t, []load.Request{{Method: "POST", URL: "http://127.0.0.1:1/orders?x=1", Body: `{"a":"{{id}}"}`,
		Headers: []load.Header{{Name: "content-type", Value: "application/json"}, {Name: "X-Key", Value: "mine"}}}}, s.Journey(arrivals[1]), "what was recorded is not a template")
}

func TestReplaySample(t *testing.T) {
	many := make([]load.Recorded, 10_000)
	for i := range many {
		many[i] = load.Recorded{Offset: time.Duration(i) * time.Millisecond, Method: "GET", Path: "/"}
	}
	s, err := replay(1, 1000, many...)
	require.NoError(t, err)
	n := len(slices.Collect(s.Arrivals(0, 1)))
	require.InDelta(t, 1000, n, 150)
	again, err := replay(1, 1000, many...)
	require.NoError(t, err)
	require.Equal(t, s.Digest(), again.Digest())
	_, err = replay(1, 1, many[:2]...)
	require.ErrorContains(t, err, "take a larger sample")
}
