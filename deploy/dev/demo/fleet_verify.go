package demo

import (
	"errors"
	"fmt"
	"time"
)

// verify says how a fleet ended otherwise than it should.
func (c convoy) verify() error {
	got := [3]any{c.code, c.result.Outcome, c.result.Cause}
	if want := [3]any{c.exit, c.outcome, c.cause}; got != want {
		return fmt.Errorf("%s: it ended with %v, not with %v (%s)", c.title(), got, want, c.result.Reason)
	}
	if len(c.units) != len(c.ends) {
		return fmt.Errorf("%s: it has %d units, not %d", c.title(), len(c.units), len(c.ends))
	}
	var errs []error
	for _, u := range c.units {
		errs = append(errs, c.verifyUnit(u))
	}
	return errors.Join(append(errs, c.verifyKept())...)
}

// verifyUnit demands the outcome of a unit, and that its traffic went back
// unless it was promoted for good.
func (c convoy) verifyUnit(u unit) error {
	if want := c.ends[u.Unit]; u.Outcome != want {
		return fmt.Errorf("%s: %s is %s, not %s (%s)", c.title(), u.Unit, u.Outcome, want, u.Reason)
	}
	if back := !u.chapter.at("TrafficRestored").IsZero(); back == (u.Outcome == "Promoted") {
		return fmt.Errorf("%s: %s is %s; its traffic went back: %t", c.title(), u.Unit, u.Outcome, back)
	}
	return nil
}

// verifyKept demands of the unit that went back after its promotion that it had
// been promoted, and was tidied up after all others: newest first.
func (c convoy) verifyKept() error {
	if c.kept == "" {
		return nil
	}
	var kept unit
	var others time.Time // when the last of them was tidied up
	for _, u := range c.units {
		if at := u.chapter.at("CleanedUp"); u.Unit == c.kept {
			kept = u
		} else if at.After(others) {
			others = at
		}
	}
	switch at := kept.chapter.at("CleanedUp"); {
	case !c.hasKept(c.kept) || kept.chapter.reached() != "100%":
		return fmt.Errorf("%s: %s was not promoted before it went back", c.title(), c.kept)
	case !at.After(others):
		return fmt.Errorf("%s: %s was tidied up at %s, before the others (%s)", c.title(), c.kept, at, others)
	}
	return nil
}

// at is when something was told last, zero where it never was.
func (c chapter) at(kind string) (at time.Time) {
	for _, e := range c.story {
		if e.Kind == kind {
			at = e.Time
		}
	}
	return at
}
