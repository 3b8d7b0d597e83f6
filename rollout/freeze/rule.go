package freeze

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"bakeoff/rollout"
)

// rule is a recurrence in a zone. It is worked out on the clock on the wall, and
// only then in time: what falls into the hour that is skipped in spring comes as
// much later, what falls into the hour that comes twice in autumn comes the first
// time (RFC 5545, 3.3.5).
type rule struct {
	option rrule.ROption // DTSTART and UNTIL as on the wall, in UTC
	zone   *time.Location
	counts bool // its beginning matters
}

// understand reads a window, or says what is wrong with it.
func understand(given Window, now time.Time) (*window, []rollout.Problem) {
	var out []rollout.Problem
	refuse := func(wrong bool, path, format string, args ...any) {
		if wrong {
			out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
		}
	}
	if given.Kind == "" {
		given.Kind = Deny
	}
	if given.Exposure == "" {
		given.Exposure = rollout.ExposureHold
	}
	w := &window{Window: given}
	refuse(strings.TrimSpace(given.Name) == "", "name", "a window needs a name: it is what people read")
	refuse(given.Kind != Deny && given.Kind != Allow, "kind", "%q is not one of deny, allow", given.Kind)
	refuse(!slices.Contains([]string{rollout.ExposureHold, rollout.ExposureFinishStep, rollout.ExposureRollback}, given.Exposure),
		"exposure", "%q is not one of hold, finishStep, rollback", given.Exposure)
	for i, action := range given.Actions {
		refuse(!slices.Contains([]string{rollout.ActionStart, rollout.ActionStep, rollout.ActionPromote}, action),
			fmt.Sprintf("actions[%d]", i), "%q is not one of start, step, promote", action)
	}
	for field, patterns := range map[string][]string{"environments": given.Environments, "services": given.Services} {
		refuse(patterns != nil && len(patterns) == 0, field, "an empty list matches nothing: leave it out for all")
		for i, pattern := range patterns {
			_, err := path.Match(pattern, "")
			refuse(err != nil, fmt.Sprintf("%s[%d]", field, i), "%q is not a pattern: * stands for any text", pattern)
			refuse(err == nil && !rollout.CanMatch(pattern), fmt.Sprintf("%s[%d]", field, i), rollout.MatchesNothing, pattern)
		}
	}
	isRule := given.RRule != "" || given.Duration != 0 || given.Start != "" || given.Zone != ""
	isStretch := given.From != "" || given.To != ""
	switch {
	case isStretch && given.Zone != "" && given.RRule == "" && given.Duration == 0 && given.Start == "":
		refuse(true, "zone", "from and to have their own offsets, as 2026-12-20T00:00:00+01:00 has: leave zone out")
	case isRule && isStretch:
		refuse(true, "rrule", "give a rule (rrule, duration, zone, start) or one stretch (from, to), not both")
	case isStretch:
		at, err := w.readStretch()
		refuse(err != nil, at, "%v", err)
	default:
		at, err := w.readRule(now)
		refuse(err != nil, at, "%v", err)
	}
	return w, out
}

func (w *window) readStretch() (path string, err error) {
	from, err := moment(w.From)
	if err != nil {
		return "from", err
	}
	to, err := moment(w.To)
	if err != nil {
		return "to", err
	}
	if !to.After(from) {
		return "to", fmt.Errorf("%s is not after %s", w.To, w.From)
	}
	w.spans = []span{{from, to}}
	return "", nil
}

// moment reads a time with its offset: without one it could be of any zone, and twice
// in autumn.
func moment(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err == nil {
		return at, nil
	}
	if _, err := time.Parse("2006-01-02T15:04:05", text); err == nil {
		return at, fmt.Errorf("%q has no offset: write it as %[1]sZ or, for another zone, %[1]s+01:00", text)
	}
	return at, fmt.Errorf("%q is not a time: write it as 2026-12-20T00:00:00Z", text)
}

// wall is how a moment of a rule is written.
const wall = "2006-01-02T15:04"

// until matches an UNTIL in UTC, and untilDay one that is only a day.
var (
	until    = regexp.MustCompile(`(?i)UNTIL=\d{8}T\d{6}Z`)
	untilDay = regexp.MustCompile(`(?i)UNTIL=\d{8}(;|$)`)
)

// tenYears is how far ahead a rule must occur at least once.
const tenYears = 10 * year

func (w *window) readRule(now time.Time) (path string, err error) {
	r := &rule{counts: w.Start != ""}
	if w.RRule == "" {
		return "rrule", errors.New("say when: a rule (rrule and duration), or one stretch (from and to)")
	}
	if r.zone, err = time.LoadLocation(w.Zone); err != nil || w.Zone == "Local" {
		return "zone", fmt.Errorf("%q is not a time zone: write it as Europe/Berlin", w.Zone)
	}
	option, err := rrule.StrToROption(w.RRule)
	if err != nil {
		return "rrule", fmt.Errorf("%w: write it as FREQ=WEEKLY;BYDAY=FR;BYHOUR=16", err)
	}
	r.option = *option
	if w.Start != "" {
		if r.option.Dtstart, err = time.Parse(wall, w.Start); err != nil {
			return "start", fmt.Errorf("%q is not a time of the clock: write it as 2026-01-05T16:00", w.Start)
		}
	}
	if err := r.check(w.RRule); err != nil {
		return "rrule", err
	}
	if until.MatchString(w.RRule) { // in UTC, as RFC 5545 wants it; else it is on the wall already
		r.option.Until = onWall(r.option.Until, r.zone)
	}
	if w.Duration <= 0 {
		return "duration", errors.New("how long does an occurrence last? Write it as 64h")
	}
	w.rule = r
	return w.checkSpans(now)
}

// check refuses what could be read in two ways.
func (r *rule) check(text string) error {
	o := r.option
	named := len(o.Byweekday)+len(o.Bymonthday)+len(o.Byyearday)+len(o.Byweekno)+len(o.Byeaster) > 0
	switch {
	case strings.Contains(strings.ToUpper(text), "DTSTART"):
		return errors.New("DTSTART is given as `start`, in the window's zone")
	case untilDay.MatchString(text):
		return errors.New("UNTIL needs a time of day: 20261231T235959Z")
	case o.Freq == rrule.SECONDLY || o.Freq == rrule.MINUTELY:
		return errors.New("no freeze comes more often than hourly")
	case !r.counts && (o.Interval > 1 || o.Count > 0):
		return errors.New("INTERVAL and COUNT need `start`: from when on is counted?")
	case !r.counts && o.Freq < rrule.DAILY && !named:
		return errors.New("on which day? Add BYDAY, BYMONTHDAY…, or give `start`")
	case !r.counts && o.Freq == rrule.YEARLY && len(o.Bymonth)+len(o.Byweekno)+len(o.Byyearday)+len(o.Byeaster) == 0:
		return errors.New("in which month? Add BYMONTH, or give `start`")
	}
	return nil
}

// checkSpans refuses a rule that never comes, and one that never ends.
func (w *window) checkSpans(now time.Time) (path string, err error) {
	all := w.around(now)
	if len(all) == 0 {
		all = w.rule.spans(span{now, now.Add(tenYears)}, w.Duration.Std())
	}
	if len(all) == 0 {
		return "rrule", errors.New("it does not occur in the next ten years")
	}
	if first := all[0]; w.Kind == Deny && !first.from.After(now) && !first.to.Before(now.Add(year)) {
		return "duration", fmt.Errorf("%s is so long that the window never ends", w.Duration)
	}
	return "", nil
}

// spans are the occurrences that reach into a stretch of time; those that touch
// each other are one.
func (r *rule) spans(in span, length time.Duration) []span {
	day := 24 * time.Hour // clocks on walls differ by less
	from, to := onWall(in.from.Add(-length), r.zone).Add(-day), onWall(in.to, r.zone).Add(day)
	option := r.option
	if option.Dtstart.IsZero() { // nothing is counted: any beginning gives the same days
		option.Dtstart = time.Date(from.Year(), time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	if option.Until.IsZero() || option.Until.After(to) {
		option.Until = to
	}
	recurrence, err := rrule.NewRRule(option)
	if err != nil {
		return nil
	}
	var out []span
	next := recurrence.Iterator()
	for t, more := next(); more; t, more = next() {
		begin := inZone(t, r.zone)
		s := span{begin, begin.Add(length)}
		if last := len(out) - 1; last >= 0 && !s.from.After(out[last].to) {
			out[last].to = s.to
		} else {
			out = append(out, s)
		}
	}
	return slices.DeleteFunc(out, func(s span) bool { return !s.to.After(in.from) })
}

// onWall is what the clock of a zone shows, as if it were UTC.
func onWall(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// inZone is when the clock of a zone first shows the given time. A time that it
// skips is read as if it had not been put forward yet.
func inZone(shown time.Time, zone *time.Location) time.Time {
	for _, guess := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := shown.Add(guess).In(zone).Zone()
		if t := shown.Add(-time.Duration(offset) * time.Second); onWall(t, zone).Equal(shown) {
			return t
		}
	}
	_, before := shown.Add(-24 * time.Hour).In(zone).Zone()
	return shown.Add(-time.Duration(before) * time.Second)
}
