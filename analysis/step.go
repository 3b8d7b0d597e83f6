package analysis

import "fmt"

// coverage is the least share of a step's time that must have been folded.
const coverage = 0.9

// identicalWindows is how many windows both sides must answer alike before
// that is taken for one series asked twice.
const identicalWindows = 3

// step is what one step's own windows say about how much data there was. It
// binds every verdict but Fail.
type step struct {
	windows, refused    int
	start, covered      float64 // first start, and how much time was folded since
	baseline, candidate float64 // requests, or values, in judged windows
	lacks               side    // of the last folded window
	started             bool
	lastRefused         bool
	twins               twins
	split               split
}

// side is what was missing.
type side string

const (
	nothing       side = ""
	candidateSide side = "candidate"
	baselineSide  side = "baseline"
)

// need is the minimum evidence of a step.
type need struct {
	least    float64 // on each side
	values   bool    // counted in values, not in requests
	absolute bool    // of the candidate only
	kept     bool    // the judge keeps the values and counts them itself
}

// need returns the minimum evidence. A threshold on values that come without
// numbers of requests needs one window with a value.
func (j *Judge) need() need {
	n := need{least: j.config.MinRequests, absolute: j.Absolute(), kept: j.config.Judge.keepsValues()}
	if least, ok := j.config.Judge.ofValues(); ok {
		n.least, n.values = least, true
	}
	if j.config.Judge.Threshold != nil && j.step.candidate == 0 {
		n.least = 0
	}
	return n
}

// amount is what one side of a window adds to the step's evidence.
func (n need) amount(c *Counts) float64 {
	switch {
	case !n.values:
		return c.total()
	case c != nil && c.Value != nil:
		return 1
	default:
		return 0
	}
}

// begin notes where the step's first window starts.
func (s *step) begin(w Window) {
	if !s.started || w.Start < s.start {
		s.started, s.start = true, w.Start
	}
}

func (s *step) fold(w Window, n need, judged bool) {
	s.begin(w)
	s.windows++
	s.covered += w.End - w.Start
	s.lastRefused = false
	if n.kept {
		return
	}
	s.lacks = lacking(w, n.absolute)
	if !n.absolute {
		s.split.fold(w)
	}
	if judged {
		s.baseline += n.amount(w.Baseline)
		s.candidate += n.amount(w.Candidate)
	}
	if !n.absolute {
		s.twins.fold(w)
	}
}

func lacking(w Window, absolute bool) side {
	switch {
	case !w.Candidate.answered():
		return candidateSide
	case !absolute && !w.Baseline.answered():
		return baselineSide
	default:
		return nothing
	}
}

// enough returns Pass when the step, which ended at end, had the data that a
// verdict needs; else NoData or Error and why. Less than nine tenths of the
// time folded is NoData, or Error when windows were refused; a refused window
// that costs no more than the rest is only counted.
func (s *step) enough(n need, end float64) (Verdict, string) {
	if n.kept {
		return s.usable()
	}
	least := s.candidate
	if !n.absolute {
		least = min(least, s.baseline)
	}
	switch {
	case s.windows == 0 && s.refused > 0:
		return Error, fmt.Sprintf("all of %d windows were impossible", s.refused)
	case s.windows == 0:
		return NoData, "no window"
	case s.covered < coverage*(end-s.start) && s.refused > 0:
		return Error, fmt.Sprintf("%d impossible windows, only %.0f%% of the time is covered", s.refused, 100*s.covered/(end-s.start))
	case s.covered < coverage*(end-s.start):
		return NoData, fmt.Sprintf("only %.0f%% of the time is covered", 100*s.covered/(end-s.start))
	case s.lacks != nothing:
		return NoData, fmt.Sprintf("no data of the %s in the last window", s.lacks)
	case least < n.least && n.values:
		return NoData, fmt.Sprintf("%s values on one side, need %s", number(least), number(n.least))
	case least < n.least:
		return NoData, fmt.Sprintf("%s requests on one side, need %s", number(least), number(n.least))
	case s.twins.identical():
		return NoData, "identical series"
	default:
		return Pass, ""
	}
}

// twins finds two sides that answer with one series. They do when every window
// with traffic, at least three of them, is the same bit by bit on both sides.
// Load that is the same in each window and has no failures (or fills but one
// bucket), and a value that never changes, can be like that honestly and is not
// counted as identical.
type twins struct {
	alike    int     // windows with traffic, answered alike
	differed bool    // one window was not
	telling  bool    // something failed, or the load or the value varied
	first    float32 // value, or requests, in the first such window
}

func (t *twins) fold(w Window) {
	if !w.Baseline.answered() && !w.Candidate.answered() {
		return
	}
	if t.differed || !identical(w.Baseline, w.Candidate) {
		t.differed = true
		return
	}
	size := float32(w.Baseline.total())
	if w.Baseline.Value != nil {
		size = float32(*w.Baseline.Value)
	}
	if t.alike == 0 {
		t.first = size
	}
	t.alike++
	t.telling = t.telling || size != t.first || w.Baseline.Failures > 0 || spread(w.Baseline)
}

func spread(c *Counts) bool {
	for _, count := range c.Buckets {
		if count > 0 && count < c.total() {
			return true
		}
	}
	return false
}

func (t *twins) identical() bool {
	return !t.differed && t.telling && t.alike >= identicalWindows
}
