package load_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

const millis = time.Millisecond

func resultsOf(records ...load.Record) load.Results {
	r := load.NewResults("browse", start, 0)
	for _, rec := range records {
		r.Add(rec)
	}
	return r
}

var anyRecords = rapid.SliceOf(rapid.Custom(func(t *rapid.T) load.Record {
	micros := func(most int, name string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Microsecond
	}
	r := load.Record{
		Arrival: rapid.IntRange(0, 1e6).Draw(t, "arrival"), Step: rapid.IntRange(0, 19).Draw(t, "step"),
		Ledger:  rapid.SampledFrom([]string{"", load.LedgerWrite, load.LedgerRead}).Draw(t, "ledger"),
		Planned: micros(9e6, "planned"), Late: micros(1e5, "late"),
		Status:  rapid.SampledFrom([]int{0, 200, 503}).Draw(t, "status"),
		Version: rapid.SampledFrom([]string{"", "2.5.0", "2.5.0+x_1"}).Draw(t, "version"),
		Kind:    rapid.SampledFrom([]string{"", "status 503", load.KindTimeout, load.KindStopped, load.KindMissed}).Draw(t, "kind"),
	}
	r.Latency = r.Late + micros(2e6, "service")
	return r
}))

func TestResultsMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyRecords.Draw(t, "a"), anyRecords.Draw(t, "b")
		merged, other := resultsOf(a...), resultsOf(b...)
		text, err := json.Marshal(other)
		require.NoError(t, err)
		var read load.Results
		require.NoError(t, json.Unmarshal(text, &read))
		require.NoError(t, merged.Merge(read), "what went through JSON as well")
		require.Equal(t, resultsOf(append(a, b...)...), merged)
		again, err := json.Marshal(other)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again), "the other stays as it is")
	})
}

func TestResultsOfAnotherLoadDoNotMerge(t *testing.T) {
	r := resultsOf()
	for _, other := range []load.Results{
		load.NewResults("other", start, 0),
		load.NewResults("browse", start.Add(1), 0),
		load.NewResults("browse", start, rollout.Duration(100*millis)),
	} {
		require.ErrorContains(t, r.Merge(other), "merge results of browse")
	}
}

func TestResultsAsEvidence(t *testing.T) {
	r := resultsOf(
		load.Record{Planned: 0, Late: 1 * millis, Latency: 11 * millis, Status: 200},
		load.Record{Planned: 500 * millis, Late: 400 * millis, Latency: 500 * millis, Status: 503, Kind: "status 503"},
		load.Record{Planned: 2500 * millis, Late: 0, Latency: 10_000 * millis, Kind: load.KindTimeout},
		load.Record{Planned: 2600 * millis, Kind: load.KindMissed},
		load.Record{Planned: 2700 * millis, Latency: 300 * millis, Kind: load.KindStopped},
	)
	got := r.Evidence("sha256:x")
	require.Equal(t, map[string]int{"status 503": 1, "timeout": 1}, got.Errors)
	require.Equal(t, []int{4, 2, 1}, []int{got.Sent, got.Failed, got.Missed})
	require.InDelta(t, 0.5, got.Latency.P50, 0.025, "from the planned moment")
	require.InDelta(t, 0.1, got.Service.P50, 0.005, "from the moment of sending")
	require.InDelta(t, 10, got.Latency.Max, 1e-9)
	require.InDelta(t, 0.4, got.ArrivalErrorP99, 0.02)
	require.InDelta(t, 3/2.7, got.Rate, 1e-9)
	require.Equal(t, start.Add(12500*millis), got.EndedAt)

	series := r.Series(start.Add(-10 * time.Second))
	require.Len(t, series, 4)
	require.Equal(t, evidence.Series{Name: evidence.SeriesRate, Of: "browse", Unit: "/s", Seconds: []float64{10, 11, 12}, Values: []float64{2, 0, 2}}, series[0])
	require.Equal(t, evidence.Series{Name: evidence.SeriesErrors, Of: "browse", Unit: "ratio", Seconds: []float64{10, 12}, Values: []float64{0.5, 0.5}}, series[1])
	require.Equal(t, evidence.SeriesMedian, series[2].Name)
	require.Equal(t, evidence.SeriesLatency, series[3].Name)
	require.InDelta(t, 10, series[3].Values[1], 1e-9)
	require.Empty(t, resultsOf().Series(start))
}

// Later steps are sent as soon as the one before is answered: they would make a
// late generator look punctual.
func TestOnlyFirstStepsAreLate(t *testing.T) {
	var records []load.Record
	for i := range 10 {
		planned := time.Duration(i) * time.Second
		records = append(records, load.Record{Arrival: i, Planned: planned, Late: 100 * millis, Latency: 110 * millis, Status: 200})
		for step := 1; step < 20; step++ {
			records = append(records, load.Record{Arrival: i, Step: step, Planned: planned + 110*millis, Latency: millis, Status: 200})
		}
	}
	r := resultsOf(records...)
	require.InDelta(t, 0.1, r.Late.Quantile(0.5), 0.01)
	require.InDelta(t, 0.1, r.Evidence("sha256:x").ArrivalErrorP99, 0.01)
}

// What is refused at once was not waited for: it makes no latency look short.
func TestLatenciesAreOfThoseWhoWaited(t *testing.T) {
	refused := load.Record{Kind: load.KindRefused, Latency: millis}
	r := resultsOf(refused, refused, refused, load.Record{Planned: time.Second, Latency: 80 * millis}, load.Record{Planned: time.Second, Kind: load.KindReset, Latency: millis})
	require.InDelta(t, 0.08, r.Evidence("d").Latency.P50, 0.005)
	for _, s := range r.Series(start) {
		switch s.Name {
		case evidence.SeriesErrors:
			require.Equal(t, []float64{1, 0.5}, s.Values)
		case evidence.SeriesMedian, evidence.SeriesLatency:
			require.Equal(t, []float64{1}, s.Seconds, s.Name)
		}
	}
	none := resultsOf(refused).Evidence("d")
	require.Equal(t, 1, none.Failed)
	require.False(t, none.Latency.Known())
}

func TestIntervals(t *testing.T) {
	r := load.NewResults("a", start, rollout.Duration(100*millis))
	r.Add(load.Record{Planned: 99 * millis})
	r.Add(load.Record{Planned: 100 * millis})
	require.Len(t, r.Buckets, 2)
	require.Equal(t, load.ShortestInterval, load.NewResults("a", start, 1).Interval)
}

// rawOf is the table of some requests, as a driver writes it.
func rawOf(t require.TestingT, records ...load.Record) *bytes.Buffer {
	var out bytes.Buffer
	w := load.NewRawWriter(&out, start)
	for _, r := range records {
		w.Write(r)
	}
	require.NoError(t, w.Close())
	return &out
}

func TestRawIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyRecords.Draw(t, "records")
		from, records, err := load.ReadRaw(rawOf(t, want...))
		require.NoError(t, err)
		require.Equal(t, start, from)
		var got []load.Record
		for r, err := range records {
			require.NoError(t, err)
			got = append(got, r)
		}
		require.Equal(t, append([]load.Record(nil), want...), got)
	})
}

func TestVersionsOfStrangersHarmNoTable(t *testing.T) {
	_, records, err := load.ReadRaw(rawOf(t, load.Record{Version: "2,\"5\"\n0 ü"}))
	require.NoError(t, err)
	for r, err := range records {
		require.NoError(t, err)
		require.Equal(t, "2__5__0___", r.Version)
	}
}

func TestBrokenRawIsAnError(t *testing.T) {
	whole := rawOf(t, make([]load.Record, 10_000)...).Bytes()
	read := func(text []byte) (err error) {
		_, records, err := load.ReadRaw(bytes.NewReader(text))
		if err != nil {
			return err
		}
		for _, e := range records {
			err = e
		}
		return err
	}
	broken := bytes.Clone(whole)
	broken[len(whole)-6] ^= 1 // of the checksum
	require.NoError(t, read(whole))
	require.ErrorIs(t, read(broken), gzip.ErrChecksum)
	require.ErrorContains(t, read([]byte("arrival,step,ledger")), "read raw requests")
	require.ErrorIs(t, load.Notice(bytes.NewReader(broken)), gzip.ErrChecksum)
	require.ErrorIs(t, load.NewLedger(schedule(t, shop())).Read(bytes.NewReader(broken)), gzip.ErrChecksum)
	w := load.NewRawWriter(full{}, start)
	w.Write(load.Record{})
	require.ErrorContains(t, w.Close(), "write raw requests: disk full")
}

// What was flushed can be read, wherever the table was cut off afterwards.
func TestRawOfAWriterThatDied(t *testing.T) {
	var out bytes.Buffer
	w := load.NewRawWriter(&out, start)
	for i := range 100 {
		w.Write(load.Record{Arrival: i})
	}
	w.Flush()
	flushed := out.Len()
	for i := range 100 {
		w.Write(load.Record{Arrival: 100 + i})
	}
	require.NoError(t, w.Close())
	for length := range out.Len() {
		from, records, err := load.ReadRaw(bytes.NewReader(out.Bytes()[:length]))
		require.NoError(t, err)
		n := 0
		for r, err := range records {
			require.NoError(t, err)
			require.Equal(t, start, from)
			require.Equal(t, n, r.Arrival)
			n++
		}
		require.True(t, length < flushed || n >= 100, "%d of %d bytes have %d", length, flushed, n)
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestContinuity(t *testing.T) {
	ok := func(planned, latency time.Duration) load.Record {
		return load.Record{Planned: planned, Latency: latency, Status: 200}
	}
	bad := func(planned time.Duration) load.Record {
		return load.Record{Planned: planned, Latency: millis, Kind: "status 503"}
	}
	tests := []struct {
		name     string
		from, to time.Duration
		records  []load.Record
		requests int
		failed   int
		gap      time.Duration
	}{
		{"nothing sent", 0, time.Second, nil, 0, 0, time.Second},
		{"no good answer", 0, time.Second, []load.Record{bad(10 * millis)}, 1, 1, time.Second},
		{"a gap inside", 0, 300 * millis, []load.Record{ok(0, millis), ok(100*millis, millis), bad(150 * millis), ok(280*millis, 5*millis)}, 4, 1, 184 * millis},
		{"in the order of answers", 0, 100 * millis, []load.Record{ok(0, 90*millis), ok(10*millis, millis), ok(50*millis, millis)}, 3, 0, 40 * millis},
		{"a gap that began before", 200 * millis, 300 * millis, []load.Record{ok(0, millis), ok(100*millis, millis), ok(250*millis, millis), ok(299*millis, millis)}, 2, 0, 150 * millis},
		{"a gap that ends later", 200 * millis, 300 * millis, []load.Record{ok(210*millis, 0), ok(500*millis, 0), ok(900*millis, 0)}, 1, 0, 290 * millis},
		{"stopped and missed are no requests", 0, 100 * millis, []load.Record{{Kind: load.KindStopped}, {Kind: load.KindMissed}, ok(50*millis, 0)}, 1, 0, 50 * millis},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			half := len(tt.records) / 2
			noticed, err := load.NewNoticed(start.Add(tt.from), start.Add(tt.to))
			require.NoError(t, err)
			require.NoError(t, load.Notice(rawOf(t, tt.records[:half]...), noticed))
			require.NoError(t, load.Notice(rawOf(t, tt.records[half:]...), noticed))
			got := noticed.Continuity()
			require.Equal(t, tt.requests, got.Requests)
			require.Equal(t, tt.failed, got.Failed)
			require.Equal(t, rollout.Duration(tt.gap), got.LongestGap)
		})
	}
	_, err := load.NewNoticed(start, start)
	require.ErrorContains(t, err, "is not before")
}

func TestLedger(t *testing.T) {
	write := func(arrival, status int, kind string) load.Record {
		return load.Record{Arrival: arrival, Ledger: load.LedgerWrite, Status: status, Kind: kind}
	}
	read := func(arrival int, kind string) load.Record {
		return load.Record{Arrival: arrival, Step: 1, Ledger: load.LedgerRead, Kind: kind}
	}
	tests := []struct {
		name    string
		records []load.Record
		want    evidence.Ledger
	}{
		{"written and read", []load.Record{write(1, 201, ""), read(1, "")}, evidence.Ledger{Written: 1}},
		{"never read", []load.Record{write(1, 201, "")}, evidence.Ledger{Written: 1, Unread: 1}},
		{"lost", []load.Record{write(1, 201, ""), read(1, load.KindLost)}, evidence.Ledger{Written: 1, Lost: 1}},
		{"doubled", []load.Record{write(1, 201, ""), read(1, load.KindDoubled)}, evidence.Ledger{Written: 1, Doubled: 1}},
		{"altered", []load.Record{write(1, 201, ""), read(1, load.KindAltered)}, evidence.Ledger{Written: 1, Altered: 1}},
		{"found in the end", []load.Record{write(1, 201, ""), read(1, load.KindLost), read(1, "")}, evidence.Ledger{Written: 1}},
		{"could not be read in the end", []load.Record{write(1, 201, ""), read(1, ""), read(1, "status 503")}, evidence.Ledger{Written: 1, Unread: 1}},
		{"no answer, and there", []load.Record{write(1, 0, load.KindTimeout), read(1, "")}, evidence.Ledger{Unsure: 1}},
		{"no answer, and not there", []load.Record{write(1, 0, load.KindReset), read(1, load.KindLost)}, evidence.Ledger{Unsure: 1}},
		{"no answer, and there twice", []load.Record{write(1, 0, load.KindReset), read(1, load.KindDoubled)}, evidence.Ledger{Unsure: 1, Doubled: 1}},
		{"error of the server", []load.Record{write(1, 503, "status 503")}, evidence.Ledger{Unsure: 1, Unread: 1}},
		{"refused", []load.Record{write(1, 422, "status 422"), read(1, load.KindLost)}, evidence.Ledger{}},
		{"acknowledged, with another body", []load.Record{write(1, 201, load.KindBody), read(1, load.KindLost)}, evidence.Ledger{Written: 1, Lost: 1}},
		{"acknowledged, with nothing to capture", []load.Record{write(1, 200, load.KindCapture), read(1, load.KindLost)}, evidence.Ledger{Written: 1, Lost: 1}},
		{"acknowledged, and then an error", []load.Record{write(1, 201, ""), write(1, 503, "status 503"), read(1, load.KindLost)}, evidence.Ledger{Written: 1, Lost: 1}},
		{"stopped in flight", []load.Record{write(1, 0, load.KindStopped), read(1, "")}, evidence.Ledger{Unsure: 1}},
		{"never sent", []load.Record{write(1, 0, load.KindMissed)}, evidence.Ledger{}},
		{"no transaction", []load.Record{{Arrival: 1, Status: 200}}, evidence.Ledger{}},
	}
	s := schedule(t, shop())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := load.NewLedger(s)
			require.NoError(t, l.Read(rawOf(t, tt.records...)))
			got := l.Evidence()
			require.Len(t, l.Unread(), got.Unread)
			require.Len(t, l.Bad(), got.Lost+got.Doubled+got.Altered+got.Unread)
			for _, example := range got.Examples {
				require.Contains(t, example, s.ID(1)+": ")
			}
			got.Examples = nil
			require.Equal(t, tt.want, got)
		})
	}
}

// A transaction that is not whole has the time in which its write was under way.
func TestBadTransactionsHaveTheirTime(t *testing.T) {
	l := load.NewLedger(schedule(t, shop()))
	at := func(arrival int, kind string, ledger string) load.Record {
		return load.Record{Arrival: arrival, Ledger: ledger, Status: 201, Kind: kind, Planned: time.Duration(arrival) * time.Second, Late: time.Millisecond, Latency: 20 * time.Millisecond}
	}
	require.NoError(t, l.Read(rawOf(t, at(1, "", load.LedgerWrite), at(2, load.KindTimeout, load.LedgerWrite), at(3, "", load.LedgerWrite),
		at(1, load.KindLost, load.LedgerRead), at(2, load.KindDoubled, load.LedgerRead), at(3, "", load.LedgerRead))))
	require.Equal(t, []load.Bad{{What: load.KindLost, From: time.Second + time.Millisecond, To: time.Second + 20*time.Millisecond},
		{What: load.KindDoubled, From: 2*time.Second + time.Millisecond, To: 2*time.Second + 20*time.Millisecond}}, l.Bad())
}

func TestJudge(t *testing.T) {
	read := load.Request{Ledger: load.LedgerRead, Payload: "p"}
	tests := []struct {
		name    string
		request load.Request
		status  int
		body    string
		want    string
	}{
		{"any below 400", load.Request{}, 302, "", ""},
		{"400", load.Request{}, 400, "", "status 400"},
		{"the one expected", load.Request{Expect: load.Expect{Status: 404}}, 404, "", ""},
		{"another", load.Request{Expect: load.Expect{Status: 404}}, 200, "", "status 200"},
		{"body", load.Request{Expect: load.Expect{Body: "b"}}, 200, "abc", ""},
		{"another body", load.Request{Expect: load.Expect{Body: "b"}}, 200, "c", load.KindBody},
		{"read back", read, 200, `{"id":"a","payload":"p","copies":1}`, ""},
		{"without copies", read, 200, `{"payload":"p"}`, ""},
		{"not there", read, 404, "", load.KindLost},
		{"no copies", read, 200, `{"payload":"","copies":0}`, load.KindLost},
		{"twice", read, 200, `{"payload":"p","copies":2}`, load.KindDoubled},
		{"another payload", read, 200, `{"payload":"q","copies":1}`, load.KindAltered},
		{"no payload", read, 200, `{"copies":1}`, load.KindBody},
		{"no JSON", read, 200, "p", load.KindBody},
		{"cannot be read", read, 500, "", "status 500"},
		{"nothing to capture", load.Request{Capture: map[string]string{"a": "b"}}, 200, `{"b":{}}`, load.KindCapture},
		{"no JSON to capture from", load.Request{Capture: map[string]string{"a": "b"}}, 200, `x`, load.KindCapture},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind, _ := tt.request.Judge(tt.status, []byte(tt.body))
			require.Equal(t, tt.want, kind)
		})
	}
	_, captured := load.Request{Capture: map[string]string{"a": "b.c", "n": "n"}}.Judge(200, []byte(`{"b":{"c":"d"},"n":12345678901234567890}`))
	require.Equal(t, map[string]string{"a": "d", "n": "12345678901234567890"}, captured)
}
