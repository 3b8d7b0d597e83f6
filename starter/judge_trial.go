package main

import (
	"slices"

	"bakeoff/analysis"
)

// trial is one check of one series and arm.
type trial struct {
	part
	config  analysis.Config
	judge   *analysis.Judge // nil: the first window that can tell decides which
	waiting []analysis.Window
	untold  []analysis.Window // folded when a window has told which judge suits them
	step    int               // of the newest window
	heard   int               // windows that began later than those before
	newest  float64
	told    int // folded windows that were told
	failed  bool
}

// learn takes what a recording says of its judge, which CHECKS may overrule.
func (t *trial) learn(w analysis.Window) {
	if w.Taught == nil || t.judge != nil {
		return
	}
	if len(t.config.Bounds) == 0 && t.config.Learned == nil {
		t.config.Bounds = w.Taught.Bounds
	}
	if t.config.Learned == nil {
		t.config.Learned = w.Taught.Learned
	}
}

// queue puts a window in its place by time; of two with one start the longer
// goes first, so that the other one is late.
func (t *trial) queue(w analysis.Window) {
	at := len(t.waiting)
	for at > 0 && before(w, t.waiting[at-1]) {
		at--
	}
	if at > 0 && t.waiting[at-1].Start == w.Start && t.waiting[at-1].End == w.End {
		return
	}
	t.waiting = slices.Insert(t.waiting, at, w)
}

func before(a, b analysis.Window) bool {
	return a.Start < b.Start || a.Start == b.Start && a.End > b.End
}

// canChoose reports whether a judge is there, or named, or told by the window: one
// without requests tells none.
func (t *trial) canChoose(w analysis.Window) bool {
	if t.judge != nil || t.config.Judge.Name() != "" {
		return true
	}
	_, err := analysis.DefaultJudge(w)
	return err == nil
}

// choose makes the judge; where the rules leave it open the window decides.
func (t *trial) choose(w analysis.Window) error {
	if t.judge != nil {
		return nil
	}
	if t.config.Judge.Name() == "" {
		params, err := analysis.DefaultJudge(w)
		if err != nil {
			return fail(exitSpec, "check %q: %w", t.check, err)
		}
		t.config.Judge = params
	}
	if t.config.Judge.TailLadder == nil {
		t.config.Bounds = nil // of no use to it
	}
	judge, err := analysis.New(t.config)
	if err != nil {
		return fail(exitSpec, "%w", err)
	}
	t.judge = judge
	return nil
}
