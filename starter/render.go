package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bakeoff/rollout"
)

// resultText says in sentences where a rollout stands or how it ended. It ends
// with a line break.
func resultText(s rollout.Status, st style) string {
	s = harmless(s)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", s.Target, headline(s, st))
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-16s %s\n", name, oneLine(text))
		}
	}
	line("reason", s.Reason)
	for _, p := range s.Problems {
		line("problem", p)
	}
	line("releases", releases(s))
	if s.Outcome == "" {
		line("where", where(s))
		line("waiting for", waiting(s, time.Time{}))
	}
	if t := s.TimeToRestore; t != nil && s.Outcome != rollout.Failed {
		line("time to restore", fmt.Sprintf("%s (decided %s, traffic %s, health %s)",
			brief(t.Total.Std()), brief(t.Decide.Std()), brief(t.Traffic.Std()), brief(t.Health.Std())))
	}
	line("started", started(s))
	if s.EndedAt != nil && !s.StartedAt.IsZero() {
		line("took", brief(s.EndedAt.Sub(s.StartedAt)))
	}
	if s.Asked != nil {
		line("votes", votes(*s.Asked))
		for _, v := range s.Asked.Votes {
			line("vote", strings.TrimSuffix(v.Member+": "+v.Reason, ": "))
		}
	}
	line("signature", s.AbortSignature)
	for _, o := range s.Overrides {
		line("override", fmt.Sprintf("%s by %s: %s", o.Command, oneLine(o.Actor), oneLine(o.Reason)))
	}
	for _, c := range s.Concerns {
		line("concern", concern(c))
	}
	for _, r := range s.Retrying {
		line("retrying", retrying(r))
	}
	for _, w := range s.Warnings {
		line("warning", w)
	}
	line("history", s.UIURL)
	if s.Stale && s.Outcome == "" {
		line("stale", "read from history: no worker answers")
	}
	for _, unit := range unitLines(s.Units, st) {
		b.WriteString(unit + "\n")
	}
	b.WriteString(checkTable(s.Checks, st) + scores(s))
	return b.String()
}

func concern(c rollout.Concern) string {
	return fmt.Sprintf("%s, since %s: %s", c.Actor, c.At.UTC().Format("2006-01-02 15:04:05Z"), c.Reason)
}

func retrying(r rollout.Retrying) string {
	return fmt.Sprintf("%s, attempt %d: %s", r.Act, r.Attempt, oneLine(r.Failure))
}

// headline is the outcome, or the phase of a rollout that still runs.
func headline(s rollout.Status, st style) string {
	word := orElse(string(s.Outcome), string(s.Phase))
	text := st.paint(mood(word), orElse(word, "nothing known"))
	if s.Cause != "" {
		text += fmt.Sprintf(" (%s)", s.Cause)
	}
	if s.Actor != "" && s.Phase != rollout.PhaseNeedsHuman {
		text += " by " + oneLine(s.Actor)
	}
	if s.Paused && s.Outcome == "" {
		text += ", " + st.paint(yellow, "paused")
	}
	return text
}

func releases(s rollout.Status) string {
	if s.Baseline == "" {
		return s.Candidate
	}
	return s.Baseline + " → " + s.Candidate
}

func started(s rollout.Status) string {
	if s.StartedAt.IsZero() {
		return s.StartedBy
	}
	text := s.StartedAt.UTC().Format(time.RFC3339)
	if s.StartedBy != "" || s.PlanDigest != "" { // else it is not known yet
		text += " by " + rollout.NameOf(s.StartedBy)
	}
	if s.Back && s.StartReason != "" {
		text += ", to go back: " + oneLine(s.StartReason)
	}
	return text
}

// where is the step and the weight: "step 2/3 at 25%".
func where(s rollout.Status) string {
	switch {
	case s.Waves > 0:
		return fmt.Sprintf("wave %d/%d", s.Wave, s.Waves)
	case s.Step == 0:
		return "before step 1, at " + s.Weight.String()
	case s.Steps > 0 && s.Step > s.Steps:
		return "promotion, at " + s.Weight.String()
	case s.Steps > 0:
		return fmt.Sprintf("step %d/%d at %s%s", s.Step, s.Steps, s.Weight, ownedBy(s.StepOwner))
	default:
		return fmt.Sprintf("step %d at %s", s.Step, s.Weight)
	}
}

// scores is the score of the decided checks, where they are in groups; "" else.
func scores(s rollout.Status) string {
	if s.Score == nil || len(s.Groups) == 0 {
		return ""
	}
	var groups []string
	for _, name := range slices.Sorted(maps.Keys(s.Groups)) {
		groups = append(groups, fmt.Sprintf("%s %.0f", oneLine(name), s.Groups[name]))
	}
	return fmt.Sprintf("  score %.0f (%s)\n", *s.Score, strings.Join(groups, ", "))
}

// waiting says for what and, given the time, how much longer; "" for nothing.
func waiting(s rollout.Status, now time.Time) string {
	if s.WaitingFor == "" {
		return ""
	}
	text := s.WaitingFor
	if s.WaitingUntil != nil {
		text += " until " + s.WaitingUntil.UTC().Format("2006-01-02 15:04:05Z")
		if left := s.WaitingUntil.Sub(now); !now.IsZero() && left > 0 {
			text += " (" + brief(left) + " left)"
		}
	}
	return text
}

// checkTable lists the evidence, one check a line.
func checkTable(checks []rollout.CheckResult, st style) string {
	if len(checks) == 0 {
		return ""
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range checks {
		// The colour comes after the layout, which would count its bytes.
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", oneLine(c.Name)+advisory(c.Advisory), c.Verdict, effect(c), oneLine(reasonOf(c)))
	}
	_ = w.Flush() // into memory
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i, c := range checks {
		lines[i] = strings.Replace(strings.TrimRight(lines[i], " "), " "+string(c.Verdict), " "+st.paint(mood(string(c.Verdict)), string(c.Verdict)), 1)
	}
	return strings.Join(lines, "\n") + "\n"
}

// block is the live picture of a rollout on a terminal, as of now.
func block(s rollout.Status, now time.Time, st style) []string {
	title := st.paint(bold, s.Target) + "  " + releases(s) + "  " + headline(s, st)
	if s.Stale {
		title += st.paint(faint, "  no worker answers")
	}
	lines := []string{title, "  " + where(s)}
	if s.Steps > 0 {
		lines[1] = "  " + bar(float64(s.Weight)/float64(rollout.All), 20) + "  " + where(s)
	}
	if s.Reason != "" {
		lines = append(lines, "  "+oneLine(s.Reason))
	}
	if w := s.Window; w != nil && s.Outcome == "" {
		lines = append(lines, bake(*w, now))
	}
	if text := waiting(s, now); text != "" {
		lines = append(lines, "  "+st.paint(yellow, "waiting for "+text))
	}
	for _, c := range s.Concerns {
		lines = append(lines, "  "+st.paint(yellow, "concern of "+oneLine(concern(c))))
	}
	for _, r := range s.Retrying {
		lines = append(lines, "  "+st.paint(yellow, retrying(r)))
	}
	lines = append(lines, unitLines(s.Units, st)...)
	width := 0
	for _, c := range s.Checks {
		width = max(width, len(c.Name)+len(advisory(c.Advisory)))
	}
	for _, c := range s.Checks {
		lines = append(lines, checkLine(c, width, st))
	}
	return lines
}

// bake shows how much of the bake is left: the clock runs only while the
// window counts.
func bake(w rollout.WindowStatus, now time.Time) string {
	left := w.Remaining.Std()
	clock := "stands still"
	if w.Counts {
		left -= max(now.Sub(w.Start), 0)
		clock = "left"
	}
	left = max(left, 0)
	share := 1.0
	if w.Bake > 0 {
		share = 1 - float64(left)/float64(w.Bake)
	}
	return fmt.Sprintf("  bake %s  %s of %s %s, window %d", bar(share, 20), brief(left), brief(w.Bake.Std()), clock, w.Number)
}

func checkLine(c rollout.CheckResult, width int, st style) string {
	name := oneLine(c.Name) + advisory(c.Advisory)
	verdict := fmt.Sprintf("%-12s", c.Verdict)
	return fmt.Sprintf("  %-*s  %s  fail %s pass %s  %s", width, name, st.paint(mood(string(c.Verdict)), verdict),
		st.paint(red, bar(c.ToFail, 10)), st.paint(green, bar(c.ToPass, 10)), strings.TrimRight(effect(c)+"  "+st.paint(yellow, c.Share), " "))
}

// reasonOf is why a check stands where it does, and what speaks against its
// numbers.
func reasonOf(c rollout.CheckResult) string {
	if c.Share == "" {
		return c.Reason
	}
	return c.Reason + "; " + c.Share
}

// plainLine is one line on where a rollout stands, for logs: it changes only
// when something changed that people care about.
func plainLine(s rollout.Status) string {
	text := orElse(string(s.Outcome), string(s.Phase))
	if s.Cause != "" {
		text += " (" + string(s.Cause) + ")"
	}
	if s.Paused && s.Outcome == "" {
		text += ", paused"
	}
	if s.WaitingFor != "" {
		text += ", waiting for " + waiting(s, time.Time{})
	}
	text += ", " + where(s)
	if len(s.Units) > 0 {
		text += ", " + unitsInShort(s.Units)
	}
	for _, c := range s.Checks {
		text += fmt.Sprintf(", %s %s%s", oneLine(c.Name), c.Verdict, advisory(c.Advisory))
	}
	if s.Reason != "" {
		text += ": " + oneLine(s.Reason)
	}
	return text
}
