package main

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// oneLine makes foreign text safe for a terminal and a table: no line breaks,
// no control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}

// unsteered is foreign text of several lines without what would steer a terminal.
func unsteered(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// escapes are characters as JSON writes them: those below the blank that steer a
// terminal, and all others, to be left alone.
var escapes = regexp.MustCompile(`\\(?:u00[01][0-9a-f]|.)`)

// harmless is a status whose texts, which platforms and people wrote, do not steer a
// terminal.
func harmless(s rollout.Status) (out rollout.Status) {
	body, err := json.Marshal(s)
	if err != nil {
		return s
	}
	body = escapes.ReplaceAllFunc(body, func(escape []byte) []byte {
		if len(escape) > 2 {
			return nil
		}
		return escape
	})
	if json.Unmarshal([]byte(unsteered(string(body))), &out) != nil {
		return s
	}
	return out
}

// short cuts s to at most n bytes, the last of them an ellipsis, between runes.
func short(s string, n int) string {
	const ellipsis = "…"
	if len(s) <= n {
		return s
	}
	cut := max(n-len(ellipsis), 0)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + ellipsis
}

// brief writes a duration as precisely as people care: 0.3s, 12s, 4m05s,
// 3h20m, 2d4h.
func brief(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "-" + brief(-d)
	case d < 9950*time.Millisecond && d%time.Second != 0:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d.Round(time.Second) < time.Minute:
		return fmt.Sprintf("%ds", int(math.Round(d.Seconds())))
	case d.Round(time.Second) < time.Hour:
		return pair(d.Round(time.Second), time.Minute, "m", time.Second, "s")
	case d.Round(time.Minute) < day:
		return pair(d.Round(time.Minute), time.Hour, "h", time.Minute, "m")
	default:
		d = d.Round(time.Hour)
		if d%day == 0 {
			return fmt.Sprintf("%dd", d/day)
		}
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
}

func pair(d, major time.Duration, name string, minor time.Duration, rest string) string {
	if d%major == 0 {
		return fmt.Sprintf("%d%s", d/major, name)
	}
	return fmt.Sprintf("%d%s%02d%s", d/major, name, d%major/minor, rest)
}

// bar draws share (0 to 1) in width cells.
func bar(share float64, width int) string {
	if math.IsNaN(share) {
		share = 0
	}
	full := int(math.Round(max(0, min(1, share)) * float64(width)))
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// number writes a ratio or an amount of evidence; 1e300 stands for infinite.
func number(x float64) string {
	switch {
	case x >= 1e300:
		return "∞"
	case x >= 100 && x < 1e6:
		return fmt.Sprintf("%.0f", x)
	default:
		return fmt.Sprintf("%.3g", x)
	}
}

// interval writes [low, high]; "" where there is none.
func interval(ends []*float64) string {
	if len(ends) != 2 || ends[0] == nil && ends[1] == nil {
		return ""
	}
	low, high := "0", "∞"
	if ends[0] != nil {
		low = number(*ends[0])
	}
	if ends[1] != nil {
		high = number(*ends[1])
	}
	return "[" + low + ", " + high + "]"
}

// effect is what a check measured: "×3.1 [1.16, 6.82]", a difference "+0.2
// [0.1, 0.3]", or the candidate's value.
func effect(c rollout.CheckResult) string {
	switch {
	case c.Difference != nil:
		return strings.TrimSpace(fmt.Sprintf("%+.3g ", *c.Difference) + interval(c.Interval))
	case c.Ratio > 0:
		return strings.TrimSpace("×" + number(c.Ratio) + " " + interval(c.Interval))
	case c.Candidate != nil && c.Candidate.Value != nil:
		return number(*c.Candidate.Value)
	default:
		return ""
	}
}

// style is how text is told apart on a terminal; the zero value is plain.
type style struct{ colour bool }

func (p *process) style(isTerminal bool) style {
	return style{isTerminal && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb"}
}

const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (s style) paint(code, text string) string {
	if !s.colour || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// mood is the colour of a verdict, an outcome or a phase.
func mood(word string) string {
	switch word {
	case string(rollout.Pass), string(rollout.Promoted), string(evidence.Passed):
		return green
	case string(rollout.Fail), string(rollout.RolledBack), string(rollout.Failed), string(rollout.PhaseNeedsHuman),
		string(rollout.PlatformRolledBack), string(rollout.Aborted), string(rollout.Rejected), string(evidence.Halted):
		return red
	case string(evidence.Unmeasured), string(rollout.NoData), string(rollout.Error), string(rollout.Inconclusive), string(rollout.Refused),
		string(rollout.PhaseWaiting), string(rollout.PhaseRollingBack), string(rollout.Superseded):
		return yellow
	}
	return ""
}
