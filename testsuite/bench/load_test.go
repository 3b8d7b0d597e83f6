package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/vegeta"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// BenchmarkLoad measures the load generator against a server that does nothing
// but answer, in the same process, and so on the same cores.
func BenchmarkLoad(b *testing.B) {
	b.Run("rate", benchmarkLoadRate)
	b.Run("arrivals", benchmarkLoadArrivals)
}

// benchmarkLoadRate asks for a little more than the bound, and shows what of
// it was sent in its time.
func benchmarkLoadRate(b *testing.B) {
	const asked = 22_000
	results := sendLoad(b, asked, 5*time.Second)
	got := results.Evidence("")
	each := 1e6 * max(5, results.Ended.Std().Seconds()) / float64(got.Sent-got.Failed)
	note := fmt.Sprintf("%d/s asked for, %d missed, %d failed %v; sent late by %.2f ms at p99", asked, got.Missed, got.Failed, got.Errors, 1e3*got.ArrivalErrorP99)
	report(b, "µs/request", Row{Name: "load: time of one request at full rate (20,000/s)", Bound: 50, Value: each, Unit: "µs", Note: fmt.Sprintf("%.0f requests/s: %s", 1e6/each, note)})
}

func benchmarkLoadArrivals(b *testing.B) {
	got := sendLoad(b, 1000, 10*time.Second).Evidence("")
	require.Zero(b, got.Failed+got.Missed)
	report(b, "ms-late", Row{Name: "load: arrival-time error, p99", Bound: 2, Value: 1e3 * got.ArrivalErrorP99, Unit: "ms",
		Note: fmt.Sprintf("1,000 requests/s for 10s; answered in %.2f ms at p50", 1e3*got.Service.P50)})
}

func sendLoad(b *testing.B, rate load.Rate, length time.Duration) load.Results {
	b.Helper()
	order := activities.AttackOrder{Seed: 42, Shards: 1, Most: rate, Load: load.Load{
		Name: "bench", URL: "http://" + noop(b) + "/", Rate: rate, For: rollout.Duration(length), Arrivals: load.Poisson,
	}}
	results, err := vegeta.Generator{}.Attack(context.Background(), order, io.Discard, func(load.Results) {})
	require.NoError(b, err)
	return results
}

// noop answers whatever ends with an empty line, and looks at nothing.
func noop(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	var stopped atomic.Bool
	b.Cleanup(func() { stopped.Store(true); listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	return listener.Addr().String()
}

func answer(c net.Conn) {
	defer c.Close()
	ok, buffer := []byte("HTTP/1.1 204 No Content\r\n\r\n"), make([]byte, 4096)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(buffer[:n], []byte("\r\n\r\n")) {
			continue
		}
		if _, err := c.Write(ok); err != nil {
			return
		}
	}
}
