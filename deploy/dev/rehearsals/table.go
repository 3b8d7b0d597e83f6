package rehearsals

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// render is the table of what became of the rehearsals, and under it what they
// showed and where their reports are.
func render(suite []outcome) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\tCRITERIA\t\tTIME TO RESTORE\t\t\t")
	fmt.Fprintln(w, "REHEARSAL\tOUTCOME\tHOLD\tDRILLS\tMEDIAN\tP90\tSLOWEST\tTOOK")
	for _, o := range suite {
		fmt.Fprintf(w, "%s\t%s\t%d of %d\t%s\t%s\n", o.Name, o.verdict(), len(o.Criteria)-len(o.red()), len(o.Criteria), o.restored(),
			o.EndedAt.Sub(o.StartedAt).Round(time.Second))
	}
	_ = w.Flush() // into memory
	section(&b, "bound", suite, outcome.bound)
	section(&b, "traffic", suite, outcome.traffic)
	section(&b, "red", suite, outcome.against)
	section(&b, "scaling", suite, outcome.scaling)
	section(&b, "report", suite, func(o outcome) string { return "file://" + o.Place + "/report.html" })
	section(&b, "history", suite, func(o outcome) string { return o.UIURL })
	return b.String()
}

// section is what there is to say of each rehearsal, if there is anything.
func section(b *strings.Builder, title string, suite []outcome, text func(outcome) string) {
	gap := "\n"
	for _, o := range suite {
		if line := text(o); line != "" {
			fmt.Fprintf(b, "%s%-8s  %-16s  %s\n", gap, title, o.Name, line)
			gap, title = "", ""
		}
	}
}

// verdict says of a negative control that it was red, as it had to be.
func (o outcome) verdict() string {
	if o.Negative && o.Outcome == "Passed" {
		return "red, as it must be"
	}
	return o.Outcome
}

// restored is the part of a line of the table about drills.
func (o outcome) restored() string {
	r := o.Restore
	if r == nil {
		return "–\t–\t–\t–"
	}
	return fmt.Sprintf("%d\t%.2fs\t%.2fs\t%.2fs", r.N, r.Median, r.P90, r.Max)
}

// bound is what the drills say of the next one, where there were enough of them.
func (o outcome) bound() string {
	r := o.Restore
	if r == nil || r.N < 2 {
		return ""
	}
	return fmt.Sprintf("of %d drills the slowest took %.2fs: with %.0f%% confidence at least %.0f%% of drills take at most that",
		r.N, r.Max, 100*r.Confidence, 100*r.Coverage-0.5)
}

// traffic is how soon the baseline had all traffic, where there were enough drills.
func (o outcome) traffic() string {
	if len(o.backIn) < 2 {
		return ""
	}
	return fmt.Sprintf("of %d drills nine in ten had all traffic on the baseline %s after the breach: two polls and 300ms are %s",
		len(o.backIn), o.backP90(), o.promptly())
}

// against says why a negative control is red.
func (o outcome) against() string {
	if !o.Negative {
		return ""
	}
	var all []string
	for _, c := range o.Criteria {
		if c.Outcome != "Passed" {
			all = append(all, c.Name+": "+c.Reason)
		}
	}
	return strings.Join(all, "; ")
}

// scaling is the verdict on an autoscaler.
func (o outcome) scaling() string {
	var all []string
	for _, c := range o.Criteria {
		if strings.HasPrefix(c.Name, "scaling") {
			all = append(all, c.Reason)
		}
	}
	return strings.Join(all, "\n"+strings.Repeat(" ", 28))
}
