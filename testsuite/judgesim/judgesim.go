// Package judgesim reproduces the acceptance figures of the judges (judges.md
// §3) on simulated traffic, beside small re-implementations of how other tools
// decide: Argo Rollouts (argo.go), Flagger (flagger.go), PipeCD (pipecd.go),
// Kayenta (kayenta.go), and a peeking z test, a group sequential test, the
// oracle and a confidence band (classic.go). `make judgesim` runs all of it and
// writes docs/judges.md; the package's tests run a small part.
//
// Read [Run] first. A row is one function in a file rows_*.go. Everything is
// seeded by row, configuration and run ([Options.Seed] shifts all of them), so
// that figures are the same on every machine and with any number of workers;
// where judges.md leaves a set-up open, the row's function says what was chosen.
package judgesim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options are how much to simulate.
type Options struct {
	Seed    uint64
	Scale   float64          // of the number of runs; 1 is what judges.md asks for
	Workers int              // at least 1
	Rows    []string         // those to run; empty: all
	Tell    func(row string) // before each row; nil: nobody
}

// simulation is a run of rows.
type simulation struct{ Options }

// row is one row of judges.md §3, in the order of the table.
type row struct {
	number string
	figure func(simulation) []Figure
}

func rows() []row {
	return []row{
		{"1", alarms}, {"1b", alarmsAtMargin}, {"2", longWatch}, {"3", ramps},
		{"4", noise}, {"5", slowNoise},
		{"6", againstOracle}, {"7", againstKayenta}, {"8", againstArgo}, {"9", monotone},
		{"10", hardFailure}, {"11", objective}, {"12", latency}, {"13", promotion},
		{"14", tenMetrics}, {"15", drift}, {"16", speed}, {"16b", inserts}, {"17", memory}, {"17b", ageing}, {"18", replays}, {"19", referenceVectors},
		{"points", gauges}, {"burnRate", budget}, {"share", shares}, {"interval", coverage},
	}
}

// RowNumbers lists the rows that can be chosen.
func RowNumbers() []string {
	var out []string
	for _, r := range rows() {
		out = append(out, r.number)
	}
	return out
}

// Run simulates the rows and returns their figures in the order of judges.md.
func Run(o Options) []Figure {
	s := simulation{o}
	s.Workers = max(1, s.Workers)
	var out []Figure
	for _, r := range rows() {
		if len(o.Rows) > 0 && !slices.Contains(o.Rows, r.number) {
			continue
		}
		if o.Tell != nil {
			o.Tell(r.number)
		}
		begun := time.Now()
		figures := r.figure(s)
		took := time.Since(begun)
		for _, f := range figures {
			f.Row, f.Took = r.number, took
			out = append(out, f)
		}
	}
	return out
}

// runs is how many runs of what would be n at scale 1.
func (s simulation) runs(n int) int { return max(3, int(math.Round(s.Scale*float64(n)))) }

// each runs a configuration of a row n times, on all workers, and returns the
// results in the order of the runs.
func each[T any](s simulation, row, config string, n int, run func(r *rand.Rand) T) []T {
	out := make([]T, n)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(s.Workers, n) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				out[i] = run(source(s.Seed, row, config, i))
			}
		})
	}
	workers.Wait()
	return out
}

// times runs a configuration n times and returns, for each policy, when it
// rolled back in each run. The policies are made anew for each run.
func times(s simulation, row string, t traffic, n, windows int, policies func() []policy) [][]float64 {
	config := t.String()
	byRun := each(s, row, config, n, func(r *rand.Rand) []float64 {
		return watch(t.stream(r), windows, policies()...)
	})
	out := make([][]float64, len(byRun[0]))
	for i := range out {
		for _, at := range byRun {
			out[i] = append(out[i], at[i])
		}
	}
	return out
}

// found is the share of runs that were rolled back at all.
func found(at []float64) float64 {
	n := 0.0
	for _, x := range at {
		if x < never {
			n++
		}
	}
	return n / float64(len(at))
}

// quantile is the smallest value that a share q of them does not exceed.
func quantile(xs []float64, q float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[min(max(int(math.Ceil(q*float64(len(sorted))))-1, 0), len(sorted)-1)]
}

func median(xs []float64) float64 { return quantile(xs, 0.5) }

// beside writes peers' values: "z 0.55, Argo 1".
func beside(names []string, values ...float64) string {
	text := ""
	for i, name := range names {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %s", name, digits(values[i]))
	}
	return text
}
