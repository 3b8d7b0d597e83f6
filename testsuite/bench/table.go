// Package bench measures what Bakeoff promises (design.md, "Numbers to hold")
// against a real Temporal server: `make bench`. The benchmarks are in the test
// files, in the order in which they run: abort_test.go while nothing else has
// been started, delay_test.go with rollouts of bad candidates, process_test.go
// with real workers (one killed, one with idle rollouts, and course_test.go's
// whole rollout), and replay_test.go; load_test.go needs no server. What they found is one [Table] at the end;
// that of delay_test.go goes into docs/judges.md, too ("make judgesim").
//
// All bounds are for one machine and one run, so that those on time are ratios
// or generous; a figure that misses its bound is printed, and ends in failure.
package bench

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"text/tabwriter"
)

// Row is one figure and its bound. A row without a bound only informs.
type Row struct {
	Name  string
	Bound float64 // the value may not be more; 0: no bound
	Value float64
	Unit  string // such as ms; "×" for a ratio
	Note  string // how it was measured, or what it is made of
}

// Met reports whether the value keeps the bound. A value that is no number
// keeps none.
func (r Row) Met() bool { return r.Bound == 0 || r.Value <= r.Bound }

// Table is the rows of one run, in order. Safe for concurrent use.
type Table struct {
	mu   sync.Mutex
	rows []Row
}

// Add puts a row at the end. One of the same name is replaced.
func (t *Table) Add(r Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.rows {
		if t.rows[i].Name == r.Name {
			t.rows[i] = r
			return
		}
	}
	t.rows = append(t.rows, r)
}

// Print writes the table for people, and nothing where it is empty.
func (t *Table) Print(to io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\nfigure\tbound\tvalue\tmet?\tnote\n")
	for _, r := range t.rows {
		bound, met := "", ""
		if r.Bound != 0 {
			bound, met = "≤ "+number(r.Bound, r.Unit), "yes"
			if !r.Met() {
				met = "NO"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Name, bound, number(r.Value, r.Unit), met, r.Note)
	}
	return w.Flush()
}

// Missed lists the figures that do not keep their bounds.
func (t *Table) Missed() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var missed []string
	for _, r := range t.rows {
		if !r.Met() {
			missed = append(missed, r.Name)
		}
	}
	return missed
}

// number writes a value with three digits and its unit: "1.27 ×", "303 events".
func number(v float64, unit string) string {
	digits := 0
	if v != math.Trunc(v) && math.Abs(v) < 100 {
		digits = 2
	}
	return fmt.Sprintf("%.*f %s", digits, v, unit)
}

// Quantile is the smallest of the values that at least a share q of them does
// not exceed (nearest rank): of 200, the 99 % quantile is the third largest.
// It is the zero value without values.
func Quantile[T cmp.Ordered](values []T, q float64) T {
	var none T
	if len(values) == 0 {
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}

// Median is the 50 % quantile.
func Median[T cmp.Ordered](values []T) T { return Quantile(values, 0.5) }
