package demo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// verify says which releases ended otherwise than they should.
func verify(chapters []chapter) error {
	var errs []error
	for _, c := range chapters {
		errs = append(errs, c.verify())
	}
	return errors.Join(errs...)
}

// verifyWeight demands that a promoted release served everybody, and one that
// went back did not.
func (c chapter) verifyWeight() error {
	if everybody := c.reached() == "100%"; everybody != (c.outcome == "Promoted") {
		return fmt.Errorf("%s: it reached %s", c.Version, c.reached())
	}
	return nil
}

// verifyRestore demands a measured time to restore of whatever went back.
func (c chapter) verifyRestore() error {
	if (c.result.TimeToRestore == nil) != (c.outcome == "Promoted") {
		return fmt.Errorf("%s: time to restore is %v", c.Version, c.result.TimeToRestore)
	}
	return nil
}

// verifyReason demands that the right check was the reason.
func (c chapter) verifyReason() error {
	if !strings.HasPrefix(c.result.Reason, c.check) {
		return fmt.Errorf("%s: the reason is %q, not the check %s", c.Version, c.result.Reason, c.check)
	}
	return nil
}

// verifyEarly demands that each step ended before its bake was over, where that
// is what the release shows.
func (c chapter) verifyEarly() error {
	if c.bake == "" {
		return nil
	}
	whole, err := time.ParseDuration(c.bake)
	if err != nil {
		return err
	}
	passed := bakes(c.story)
	late := slices.ContainsFunc(passed, func(b baked) bool { return b.took >= whole })
	if len(passed) == 0 || late {
		return fmt.Errorf("%s: no step ended early: %v", c.Version, passed)
	}
	return nil
}

// verify demands the answer that a vote has to get.
func (v vote) verify(code int, r result) error {
	if code != v.exit || r.Answer != v.answer || !strings.Contains(r.Why, v.why) {
		return fmt.Errorf("the vote of %s (signed: %t): exit %d, %s: %s; not exit %d, %s: %s",
			v.actor, v.signed, code, r.Answer, r.Why, v.exit, v.answer, v.why)
	}
	return nil
}

// verifySigned demands that those signed who had to, and nobody else.
func (c chapter) verifySigned() error {
	if !slices.Equal(c.signers, c.mustSign) {
		return fmt.Errorf("%s: it was signed by %v, not by %v", c.Version, c.signers, c.mustSign)
	}
	return nil
}
