package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"bakeoff/rollout"
)

// newView shows progress on standard error: a block that is drawn over again
// on a terminal, else one line per change.
func (c *cli) newView() view {
	if c.errIsTerminal && c.getenv("TERM") != "dumb" {
		return &liveView{w: c.err, now: c.now, style: c.style(true)}
	}
	return &plainView{w: c.err, now: c.now}
}

// plainView writes a line, with the time, whenever something changed.
type plainView struct {
	w    io.Writer
	now  func() time.Time
	last string
}

func (v *plainView) show(s rollout.Status) {
	s = harmless(s)
	s.Reason = reasonOnceOver(s)
	if line := plainLine(s); line != v.last {
		v.last = line
		v.note(line)
	}
}

// reasonOnceOver leaves out what a running rollout says of its reasons: it may
// change with every sample.
func reasonOnceOver(s rollout.Status) string {
	if s.Outcome == "" && s.Phase != rollout.PhaseRollingBack && s.Phase != rollout.PhaseNeedsHuman {
		return ""
	}
	return s.Reason
}

func (v *plainView) note(text string) {
	fmt.Fprintf(v.w, "%s %s\n", v.now().UTC().Format(time.RFC3339), unsteered(text))
}

func (v *plainView) close() {}

// liveView draws one block over and over. Lines are cut by the terminal
// instead of wrapped, so that their number is known.
type liveView struct {
	w     io.Writer
	now   func() time.Time
	style style
	drawn int // lines on the screen
}

const (
	wrapOff   = "\x1b[?7l"
	wrapOn    = "\x1b[?7h"
	clearDown = "\r\x1b[J"
)

func (v *liveView) show(s rollout.Status) {
	lines := block(harmless(s), v.now(), v.style)
	fmt.Fprint(v.w, wrapOff+v.erase()+strings.Join(lines, "\n")+"\n"+wrapOn)
	v.drawn = len(lines)
}

// note stays above the block.
func (v *liveView) note(text string) {
	fmt.Fprint(v.w, v.erase()+unsteered(text)+"\n")
	v.drawn = 0
}

// erase takes the cursor back to where the block began.
func (v *liveView) erase() string {
	if v.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA", v.drawn) + clearDown
}

// close takes the block away: the result says all of it again.
func (v *liveView) close() {
	fmt.Fprint(v.w, v.erase())
	v.drawn = 0
}
