package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"bakeoff/analysis"
)

// court judges the windows of many series. Windows of one series, check and arm
// may come out of order by up to waitFor; they are folded in time order.
type court struct {
	rules rules
	out   io.Writer
	all   bool // tell every folded window

	against against        // another run that takes the baseline's place; nil: none
	names   map[string]int // of checks → place in rules.configs
	series  []string       // in order of appearance
	trials  map[part]*trial
	unknown int   // windows of checks that the rules do not name
	refused int   // windows that a judge refused
	why     error // the first of them was
}

// waitFor is how many windows of a series wait for earlier ones to come.
const waitFor = 64

// verdictLine is one line of the output.
type verdictLine struct {
	Series string `json:"series"`
	Arm    string `json:"arm,omitempty"`
	analysis.Evidence
	State            string `json:"state,omitempty"` // of the judge, base64
	*analysis.Scores        // of the whole
}

func newCourt(r rules, out io.Writer, all bool) *court {
	c := &court{rules: r, out: out, all: all, names: map[string]int{}, trials: map[part]*trial{}}
	if len(r.arms) == 0 {
		c.rules.arms = []string{""}
	}
	for i, config := range r.configs {
		c.names[config.Name] = i
	}
	return c
}

// hear takes a window, and folds the earliest that waits when more than
// waitFor do. The same window again counts once.
func (c *court) hear(w analysis.Window) error {
	at := part{w.Series, w.Check, w.Arm}
	if c.trials[at] == nil {
		if _, named := c.names[w.Check]; !named {
			c.unknown++
			return nil
		}
		if !slices.Contains(c.rules.arms, w.Arm) {
			return fail(exitSpec, "arm %q is not named in CHECKS (arms: [%s]): all arms must be named there, because they share α", w.Arm, strings.Join(c.rules.arms, ", "))
		}
		c.open(w.Series)
	}
	t := c.trials[at]
	t.learn(w)
	t.queue(w)
	if len(t.waiting) <= waitFor {
		return nil
	}
	first := t.waiting[0]
	t.waiting = t.waiting[1:]
	return c.fold(t, first)
}

// open begins the trials of a series: of every check and arm, so that one
// without any window is NoData.
func (c *court) open(series string) {
	c.series = append(c.series, series)
	for _, arm := range c.rules.arms {
		for _, config := range c.rules.configs {
			if config.Learned = c.rules.learned[part{series: series, check: config.Name}]; config.Learned == nil {
				config.Learned = c.rules.learned[part{check: config.Name}]
			}
			at := part{series, config.Name, arm}
			c.trials[at] = &trial{part: at, config: config}
		}
	}
}

// fold judges the next window of a trial. Windows that cannot be are counted by
// the judge.
func (c *court) fold(t *trial, w analysis.Window) error {
	if t.failed {
		return nil
	}
	if t.heard == 0 || w.Start > t.newest {
		t.heard, t.newest = t.heard+1, w.Start
	}
	w = c.against.beside(w, t.heard-1)
	if !t.canChoose(w) {
		t.untold = append(t.untold, w)
		return nil
	}
	if err := t.choose(w); err != nil {
		return err
	}
	for _, earlier := range t.untold {
		if err := c.weigh(t, earlier); err != nil || t.failed {
			return err
		}
	}
	t.untold = nil
	return c.weigh(t, w)
}

// weigh has the judge of a trial fold a window.
func (c *court) weigh(t *trial, w analysis.Window) error {
	if w.Step > t.step {
		t.step = w.Step
		t.judge.BeginStep()
	}
	switch err := t.judge.Fold(w); {
	case errors.Is(err, analysis.ErrRefused):
		if c.refused++; c.why == nil {
			c.why = err
		}
	case err != nil:
		return err
	}
	if c.all && !t.config.Judge.Offline() { // that one looks at the end, or when it is planned to
		if err := c.tellWindow(t); err != nil {
			return err
		}
	}
	if !t.judge.Failed() {
		return nil
	}
	t.failed, t.waiting = true, nil
	return c.tell(t, t.judge.Final(c.rules.require))
}

// tellWindow tells a window that was folded, and none that was dropped.
func (c *court) tellWindow(t *trial) error {
	e := t.judge.Verdict()
	if e.Windows == t.told {
		return nil
	}
	t.told = e.Windows
	return c.tell(t, e)
}

func (c *court) tell(t *trial, e analysis.Evidence) error {
	state, err := t.judge.MarshalBinary()
	if err != nil {
		return fmt.Errorf("check %q: %w", t.check, err)
	}
	return writeJSON(c.out, verdictLine{Series: t.series, Arm: t.arm, Evidence: e, State: base64.StdEncoding.EncodeToString(state)})
}

// close folds what still waits and tells all verdicts that are left. Without
// any window every check has no data, which is worth saying.
func (c *court) close() error {
	if len(c.series) == 0 {
		c.open("")
	}
	for _, series := range c.series {
		for _, arm := range c.rules.arms {
			if err := c.sumUp(series, arm); err != nil {
				return err
			}
		}
	}
	return nil
}

// sumUp ends the trials of one series and arm, and where they are several tells
// what they come to together.
func (c *court) sumUp(series, arm string) error {
	if err := c.hearOut(series, arm); err != nil {
		return err
	}
	gates := map[string]bool{}
	var all []analysis.Evidence
	var scored []analysis.Scored
	for _, config := range c.rules.configs {
		gates[config.Name] = config.Gating()
		e, err := c.conclude(c.trials[part{series, config.Name, arm}])
		if err != nil {
			return err
		}
		all = append(all, e)
		scored = append(scored, analysis.Scored{Verdict: e.Verdict, Judge: e.Judge, Group: config.Group, Weight: config.Weight})
	}
	if len(all) == 1 {
		return nil
	}
	score := analysis.Score(scored)
	return writeJSON(c.out, verdictLine{Series: series, Arm: arm, Evidence: analysis.Whole(all, gates), Scores: &score})
}

// hearOut folds what still waits. A check whose windows end before those of the
// others in the same step lacks the rest.
func (c *court) hearOut(series, arm string) error {
	ends := map[int]float64{}
	var trials []*trial
	for _, config := range c.rules.configs {
		t := c.trials[part{series, config.Name, arm}]
		for _, w := range t.waiting {
			if err := c.fold(t, w); err != nil {
				return err
			}
		}
		t.waiting = nil
		if t.judge != nil {
			trials = append(trials, t)
			ends[t.step] = max(ends[t.step], t.judge.Verdict().At)
		}
	}
	for _, t := range trials {
		t.judge.Until(ends[t.step])
	}
	return nil
}

// conclude ends a trial and returns what it came to. A Fail was told when it
// was reached.
func (c *court) conclude(t *trial) (analysis.Evidence, error) {
	if t.judge == nil && t.config.Judge.Name() == "" {
		e := analysis.Unseen(t.config)
		return e, writeJSON(c.out, verdictLine{Series: t.series, Arm: t.arm, Evidence: e})
	}
	if err := t.choose(analysis.Window{}); err != nil {
		return analysis.Evidence{}, err
	}
	e := t.judge.Final(c.rules.require)
	if t.failed {
		return e, nil
	}
	return e, c.tell(t, e)
}
