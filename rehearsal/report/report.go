// Package report writes what a rehearsal left for people: [HTML], [Markdown],
// [Text] and [JSON] of one run, comparisons of several, and how they change
// over time. It is pure: evidence in, bytes out, the same for the same evidence.
//
// Read [Markdown] first: a run becomes a document, and a document is written.
package report

import (
	"encoding/json"
	"fmt"
	"io"

	"bakeoff/rehearsal/evidence"
)

// HTML writes the report of a run as one page that needs nothing else: style
// and pictures are in it, there is no script, and it prints.
func HTML(w io.Writer, run evidence.Run) error { return describe(run).html(w) }

// Markdown writes the same report, with small pictures of letters.
func Markdown(w io.Writer, run evidence.Run) error { return describe(run).markdown(w) }

// Text writes the same report for a terminal, in aligned columns.
func Text(w io.Writer, run evidence.Run) error { return describe(run).text(w) }

// JSON writes the evidence itself, indented.
func JSON(w io.Writer, run evidence.Run) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(run); err != nil {
		return fmt.Errorf("write the evidence of %s: %w", run.ID, err)
	}
	return nil
}

// describe is the document of a run: first what it came to, last what it was
// made of.
func describe(run evidence.Run) document {
	d := headline(run)
	d.add(criteria(run))
	d.add(timeline(run))
	for _, drill := range run.Drills {
		d.add(drilled(drill))
	}
	d.add(rolled(run))
	d.add(sides(run))
	d.add(scaled(run))
	d.add(loads(run))
	d.add(ledger(run))
	d.add(faults(run))
	d.add(probes(run))
	d.add(moments(run))
	d.add(residue(run))
	d.add(actions(run))
	d.add(lineage(run))
	d.add(fingerprint(run))
	d.add(manifest(run))
	return d
}
