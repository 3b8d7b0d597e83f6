package rehearsals

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// scene is one rehearsal of the suite, and what it has to come to.
type scene struct {
	name   string
	red    string // the one criterion that has to fail; "": none does
	why    string // its reason has to match that
	drills int    // that have to put the baseline back
	prompt bool   // traffic has to be back as soon as one may expect it: nothing is in the way of its drills
}

var scenes = []scene{
	{name: "way-back", drills: 10, prompt: true},
	{name: "dead-worker", drills: 1},
	{name: "negative-control", red: "data is whole", why: `transactions [1-9]\d* lost, 0 doubled, 0 altered; written`, drills: 1},
	{name: "good-release"},
	{name: "bad-release"},
	{name: "autoscaling"},
}

// inDatabase are the scenes that come with a database, after the negative control:
// each spoils what it holds in another way.
var inDatabase = []scene{
	{name: "doubled-orders", red: "data is whole", why: `transactions 0 lost, [1-9]\d* doubled, 0 altered; written`, drills: 1},
	{name: "altered-orders", red: "data is whole", why: `transactions 0 lost, 0 doubled, [1-9]\d* altered; written`, drills: 1},
	{name: "changed-stock", red: "data is whole", why: `transactions 0 lost, 0 doubled, 0 altered; table shop/stock has changed$`, drills: 1},
}

// scenesWith are the scenes of a suite, in its order.
func scenesWith(database bool) []scene {
	if !database {
		return scenes
	}
	return slices.Insert(slices.Clone(scenes), 3, inDatabase...)
}

// control fills in the text of a rehearsal that has to go red.
type control struct {
	place
	Name, Version, Why string
	Dump               string // what the database begins with
}

var controls = []control{
	{Name: "negative-control", Version: "1.2.0", Dump: "shop.sql", Why: "A release that acknowledges orders and does not keep them all."},
	{Name: "doubled-orders", Version: "1.4.0", Dump: "shop.sql", Why: "A release that keeps orders twice."},
	{Name: "altered-orders", Version: "1.5.0", Dump: "shop.sql", Why: "A release that keeps other orders than it was given."},
	{Name: "changed-stock", Version: "1.1.0", Dump: "selling.sql", Why: "A good release, beside which a reference table changes."},
}

// verify says which rehearsals ended otherwise than they should.
func verify(scenes []scene, suite []outcome) error {
	if len(suite) != len(scenes) {
		return fmt.Errorf("the suite has %d rehearsals, not %d", len(suite), len(scenes))
	}
	var errs []error
	for i, s := range scenes {
		errs = append(errs, s.verify(suite[i]))
	}
	return errors.Join(errs...)
}

func (s scene) verify(o outcome) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s", s.name, fmt.Sprintf(format, args...))
	}
	red := o.red()
	switch {
	case o.Name != s.name || o.Outcome != "Passed":
		return wrong("%s is %s, not Passed: %s", o.Name, o.Outcome, o.Reason)
	case s.red == "" && len(red) > 0, s.red != "" && !slices.Equal(red, []string{s.red}):
		return wrong("what failed is %q, not %q", red, s.red)
	case s.red != "" && !o.failsBecause(s.red, s.why):
		return wrong("%s is not Failed because of %q: %s", s.red, s.why, o.against())
	case len(o.Left) > 0:
		return wrong("it left something behind: %s", strings.Join(o.Left, "; "))
	case s.drills != o.Drills || s.drills > 0 && (o.Restore == nil || o.Restore.N != s.drills):
		return wrong("%d drills were made, not %d, and measured: %+v", o.Drills, s.drills, o.Restore)
	case s.prompt && len(o.backIn) != s.drills:
		return wrong("of %d drills %d say when the baseline had all traffic", s.drills, len(o.backIn))
	case s.prompt && o.backP90() >= o.promptly():
		return wrong("nine in ten drills had all traffic on the baseline %s after the breach, to be below two polls and 300ms, %s", o.backP90(), o.promptly())
	}
	return nil
}

// promptly is how soon after a breach the baseline has to have all traffic: two
// polls see and decide, the rest is for the router.
func (o outcome) promptly() time.Duration { return 2*o.poll + 300*time.Millisecond }

// backP90 is the time within which nine in ten drills gave the baseline all
// traffic; there has to be one.
func (o outcome) backP90() time.Duration {
	sorted := slices.Sorted(slices.Values(o.backIn))
	return sorted[(9*len(sorted)+9)/10-1].Round(time.Millisecond)
}

// red are the names of the criteria that do not hold.
func (o outcome) red() (names []string) {
	for _, c := range o.Criteria {
		if c.Outcome != "Passed" {
			names = append(names, c.Name)
		}
	}
	return names
}

// failsBecause reports whether a criterion is Failed, which is more than not to hold,
// and says why as it should.
func (o outcome) failsBecause(name, why string) bool {
	return slices.ContainsFunc(o.Criteria, func(c criterion) bool {
		return c.Name == name && c.Outcome == "Failed" && regexp.MustCompile(why).MatchString(c.Reason)
	})
}

// verifyAgain demands that another run of a manifest was made of the same, and
// came to the same.
func verifyAgain(first, second outcome) error {
	switch {
	case first.Fingerprint == "" || first.Fingerprint != second.Fingerprint:
		return fmt.Errorf("%s: another run has the fingerprint %q, not %q", first.Name, second.Fingerprint, first.Fingerprint)
	case len(first.loads) == 0 || !maps.Equal(first.loads, second.loads):
		return fmt.Errorf("%s: another run sent another load: %v, not %v", first.Name, second.loads, first.loads)
	case first.Outcome != second.Outcome || !slices.Equal(first.red(), second.red()):
		return fmt.Errorf("%s: another run is %s, with %q against it, not %s with %q", first.Name, second.Outcome, second.red(), first.Outcome, first.red())
	}
	return nil
}

// find is what became of the rehearsal of that name.
func find(suite []outcome, name string) outcome {
	for _, o := range suite {
		if o.Name == name {
			return o
		}
	}
	return outcome{Name: name}
}
