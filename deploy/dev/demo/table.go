package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Fewer bad answers than this, in number and as a share of all, are what users
// see of any healthy version.
const (
	fewest    = 3
	unnoticed = 0.02
)

// beneath is where what is said of a release goes on, on the next line.
const beneath = "                 "

// render is the table of what happened, and under it why, how the way back was
// spent, where each history is, and what users saw.
func render(chapters []chapter, whole map[string]answers) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\t\tWEIGHT\tTIME TO\tREQUESTS\tOF THESE\t\t\tUSERS")
	fmt.Fprintln(w, "RELEASE\tOUTCOME\tEXIT\tREACHED\tRESTORE\tMEANWHILE\tTO IT\tFAILED\tSLOW\tHURT FOR")
	for _, c := range chapters {
		its := c.seen[c.Version]
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", c.Version, c.result.Outcome, c.code, c.reached(),
			total(c.result), sum(c.seen).Requests, its.Requests, share(its.Failed, its), share(its.Slow, its), hurt(c))
	}
	_ = w.Flush() // into memory
	section(&b, "why", chapters, func(c chapter) string { return c.result.Reason })
	section(&b, "early", chapters, chapter.early)
	section(&b, "held", chapters, func(c chapter) string { return c.held })
	section(&b, "restored", chapters, func(c chapter) string { return restored(c.result) })
	section(&b, "judged", chapters, chapter.judgedAgain)
	section(&b, "signed", chapters, chapter.signed)
	section(&b, "by hand", chapters, func(c chapter) string { return c.judgeAgain() + c.verifyByHand() })
	section(&b, "history", chapters, func(c chapter) string { return c.result.UIURL })
	b.WriteString("\n" + summary(whole))
	return b.String()
}

// section is what there is to say of each release, if there is anything: a line
// or more.
func section(b *strings.Builder, title string, chapters []chapter, text func(chapter) string) {
	gap := "\n"
	for _, c := range chapters {
		if line := text(c); line != "" {
			fmt.Fprintf(b, "%s%-8s  %s  %s\n", gap, title, c.Version, strings.ReplaceAll(line, "\n", "\n"+beneath))
			gap, title = "", ""
		}
	}
}

// total is the time to restore, "–" where nothing had to be restored.
func total(r result) string {
	if r.TimeToRestore == nil {
		return "–"
	}
	return round(r.TimeToRestore.Total)
}

// restored says what the time to restore was spent on.
func restored(r result) string {
	t := r.TimeToRestore
	if t == nil {
		return ""
	}
	return fmt.Sprintf("decided in %s, traffic back %s later, health verified after %s more",
		round(t.Decide), round(t.Traffic), round(t.Health))
}

// round shortens a duration as the result JSON writes it.
func round(s string) string {
	d, err := time.ParseDuration(s)
	if err != nil {
		return s
	}
	return brief(d)
}

// brief is a duration with as much as people read: tenths of seconds, and
// hundredths below one.
func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// share reads "12 (7.9%)".
func share(n int, of answers) string {
	if n == 0 || of.Requests == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%.1f%%)", n, 100*float64(n)/float64(of.Requests))
}

// hurt is for how long users saw more bad answers of the release than they
// would have otherwise: a busy machine is slow with every version.
func hurt(c chapter) string {
	its, all := c.seen[c.Version], sum(c.seen)
	others := float64(all.bad()-its.bad()) / float64(max(all.Requests-its.Requests, 1))
	if its.bad() < fewest || float64(its.bad()) <= max(unnoticed, 1.5*others)*float64(its.Requests) {
		return "–"
	}
	return brief(c.hurt)
}

// summary is what users saw from the first request to the last.
func summary(whole map[string]answers) string {
	all := sum(whole)
	var parts []string
	for _, version := range slices.Sorted(maps.Keys(whole)) {
		if a := whole[version]; version != nobody && a.Failed > 0 {
			parts = append(parts, fmt.Sprintf("%d by %s", a.Failed, version))
		}
	}
	parts = append(parts, fmt.Sprintf("%d lost on the way", whole[nobody].Failed))
	return fmt.Sprintf("users     sent %d requests from beginning to end; %d failed:\n          %s\n", all.Requests, all.Failed, strings.Join(parts, ", "))
}
