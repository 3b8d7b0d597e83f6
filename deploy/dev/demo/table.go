package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// objective is the share of bad answers that users are taken not to notice.
const objective = 0.02

// render is the table of what happened, and under it why, what users saw, and
// where each history is.
func render(chapters []chapter, whole map[string]answers) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RELEASE\tOUTCOME\tEXIT\tREACHED\tTIME TO RESTORE\tREQUESTS\tANSWERED BY IT\tFAILED\tSLOW\tUSERS HURT FOR")
	for _, c := range chapters {
		its := c.seen[c.Version]
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", c.Version, c.result.Outcome, c.code, orElse(c.reached, "–"),
			restore(c.result), sum(c.seen).Requests, its.Requests, share(its.Failed, its), share(its.Slow, its), hurt(c))
	}
	_ = w.Flush() // into memory
	for _, list := range []struct{ title, empty string }{{"why", "–"}, {"history", "–"}} {
		b.WriteString("\n")
		for i, c := range chapters {
			title, text := list.title, orElse(c.result.Reason, list.empty)
			if title == "history" {
				text = orElse(c.result.UIURL, list.empty)
			}
			if i > 0 {
				title = ""
			}
			fmt.Fprintf(&b, "%-8s %s  %s\n", title, c.Version, text)
		}
	}
	b.WriteString("\n" + summary(whole))
	return b.String()
}

// restore reads "2.1s (0.3s to decide, 0.2s traffic, 1.6s health)".
func restore(r result) string {
	t := r.TimeToRestore
	if t == nil {
		return "–"
	}
	return fmt.Sprintf("%s (decided %s, traffic %s, health %s)", round(t.Total), round(t.Decide), round(t.Traffic), round(t.Health))
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
// would have otherwise.
func hurt(c chapter) string {
	its := c.seen[c.Version]
	if float64(its.bad()) <= objective*float64(its.Requests) {
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
	return fmt.Sprintf("users    sent %d requests from beginning to end; %d failed: %s\n", all.Requests, all.Failed, strings.Join(parts, ", "))
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
