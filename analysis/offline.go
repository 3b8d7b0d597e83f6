package analysis

import (
	"fmt"
	"math"
)

// mostValues is how many values an offline judge keeps of each side: a week of
// minutes. More are an Error, and none of them are judged.
const mostValues = 7 * 24 * 60

// Offline reports whether the judge looks at the data once, or at looks that
// are planned in advance, so that a rollout, which looks after every window
// and may be held and extended, cannot use it.
func (p Params) Offline() bool { return p.GroupSequential != nil || p.keepsValues() }

// keepsValues reports whether the judge keeps every value and says at the end
// what they are worth. Then it also says itself whether there are enough.
func (p Params) keepsValues() bool {
	return p.MannWhitney != nil || p.RunCompare != nil || p.KayentaV1 != nil
}

// samples are the values of both sides. A side without a value in a window
// adds none; the sides need not be of one length.
type samples struct {
	candidate, baseline []float64
	full                bool
}

func (s *samples) fold(w Window) {
	s.full = add(&s.candidate, w.Candidate) || s.full
	s.full = add(&s.baseline, w.Baseline) || s.full
}

// add appends a side's value and reports whether there was no room for it.
func add(to *[]float64, c *Counts) bool {
	if c == nil || c.Value == nil {
		return false
	}
	if len(*to) >= mostValues {
		return true
	}
	*to = append(*to, *c.Value)
	return false
}

func (s *samples) visit(to *state) {
	to.flags(&s.full)
	to.list(&s.candidate, mostValues)
	to.list(&s.baseline, mostValues)
}

// tooMany is what more than mostValues lead to.
func tooMany(name string) opinion {
	return opinion{now: Error, atEnd: Error,
		reason: fmt.Sprintf("%s: more than %d values on one side; judge a shorter time, or fewer values of it", name, mostValues)}
}

// missing is what no value on one side leads to, if that is so.
func (s *samples) missing(name string) (opinion, bool) {
	switch {
	case s.full:
		return tooMany(name), true
	case len(s.candidate) == 0:
		return opinion{now: Continue, atEnd: NoData, reason: name + ": no value of the candidate"}, true
	case len(s.baseline) == 0:
		return opinion{now: Continue, atEnd: NoData, reason: name + ": no value of the baseline"}, true
	}
	return opinion{}, false
}

// finite refuses a window with a value that is NaN or infinite.
func finite(w Window) error {
	for _, c := range []*Counts{w.Baseline, w.Candidate} {
		if c != nil && c.Value != nil && (math.IsNaN(*c.Value) || math.IsInf(*c.Value, 0)) {
			return fmt.Errorf("value %g", *c.Value)
		}
	}
	return nil
}

// direction refuses a direction of harm that is none of the known ones.
func (c Config) direction(given string, known ...string) error {
	for _, k := range known {
		if given == k {
			return nil
		}
	}
	return fmt.Errorf("check %q: direction is %q, must be one of %v", c.Name, given, known)
}

// usable is what enough is for judges that keep values: values need not cover
// the time, but nine of ten windows must be possible.
func (s *step) usable() (Verdict, string) {
	switch {
	case s.windows+s.refused == 0:
		return NoData, "no window"
	case float64(s.windows) < coverage*float64(s.windows+s.refused):
		return Error, fmt.Sprintf("%d of %d windows were impossible", s.refused, s.windows+s.refused)
	default:
		return Pass, ""
	}
}

func (p Params) offlineName() string {
	switch {
	case p.MannWhitney != nil:
		return "mannWhitney"
	case p.GroupSequential != nil:
		return "groupSequential"
	case p.RunCompare != nil:
		return "runCompare"
	case p.KayentaV1 != nil:
		return "kayentaV1"
	default:
		return ""
	}
}

func (c Config) newOffline() (method, error) {
	switch p := c.Judge; {
	case p.MannWhitney != nil:
		return newMannWhitney(c)
	case p.GroupSequential != nil:
		return newGroupSequential(c)
	case p.RunCompare != nil:
		return newRunCompare(c)
	case p.KayentaV1 != nil:
		return newKayentaV1(c)
	default:
		return nil, fmt.Errorf("check %q has no judge", c.Name)
	}
}
