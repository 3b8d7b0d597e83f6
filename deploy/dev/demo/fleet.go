package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// The shop has three branches, which get their releases as one fleet. What is
// promoted in one of them is kept, with its way back, until it is good in all.

// What the fleet is of.
const (
	branchService = "branch"
	fleetTarget   = environment + "/" + branchService
	branchRate    = 30 // requests a second, of each
)

// branches are the units of the fleet.
var branches = []string{"eu", "us", "ap"}

// fleet is one release of all branches, and how it has to end. What a release
// says of its spec, bake and person is not used.
type fleet struct {
	release
	Waves  string            // as the spec has them
	Broken string            // the unit whose configuration breaks it; "": none
	ends   map[string]string // how each unit has to end
	kept   string            // the unit that is promoted and has to go back all the same
}

var firstFleet = fleet{
	release: release{Version: "1.0.0", Purpose: "the first release of three branches", exit: exitPromoted, outcome: "Promoted"},
	Waves:   "[[eu, us, ap]]",
	ends:    map[string]string{"eu": "Promoted", "us": "Promoted", "ap": "Promoted"},
}

var brokenFleet = fleet{
	release: release{Version: "1.1.0", Purpose: "a good release, but not with the configuration of us",
		exit: exitRolledBack, outcome: "RolledBack", cause: "verdict"},
	Waves: "[[eu], [us, ap]]", Broken: "us", kept: "eu",
	ends: map[string]string{"eu": "Aborted", "us": "RolledBack", "ap": "Aborted"},
}

func (f fleet) file() string { return filepath.Join(specFolder, "fleet-"+f.Version+".yaml") }

// title is how the lines of a fleet begin.
func (f fleet) title() string { return "fleet " + f.Version }

// fleetValues fill in the spec of a fleet.
type fleetValues struct {
	specValues
	Waves, Broken string
	Branches      []site
}

// unit is what a result says of one unit of a fleet, and what became of it.
type unit struct {
	Unit    string `json:"unit"`
	Target  string `json:"target"`
	Wave    int    `json:"wave"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	RunID   string `json:"runId"`
	chapter chapter
}

// convoy is what became of a fleet.
type convoy struct {
	fleet
	result result
	code   int
	story  []event
	units  []unit
}

// sail opens the branches, then rolls out the release that one of them breaks.
func (d *demo) sail(ctx, loading context.Context) (convoy, error) {
	for _, f := range []fleet{firstFleet, brokenFleet} {
		values := fleetValues{specValues{Service: branchService, Environment: environment, Version: f.Version, Purpose: f.Purpose}, f.Waves, f.Broken, d.branches}
		if _, err := write(d.town.Dir, f.file(), "fleet.yaml", values); err != nil {
			return convoy{}, err
		}
	}
	err := d.underLoad(ctx, loading, d.branches, func() error {
		opening, err := d.rollFleet(ctx, firstFleet)
		if err != nil {
			return err
		}
		return opening.verify()
	})
	if err != nil {
		return convoy{}, err
	}
	return d.rollFleet(ctx, brokenFleet)
}

// rollFleet rolls a fleet out and waits for its end.
func (d *demo) rollFleet(ctx context.Context, f fleet) (convoy, error) {
	fmt.Fprintln(d.options.Out)
	d.story.Say("%s: %s", f.title(), f.Purpose)
	d.story.Say("%s $ bakeoff run %s", f.title(), f.file())
	c, began := convoy{fleet: f}, time.Now()
	told := func(line string) { d.story.Say("%s │ %s", f.title(), line) }
	var err error
	c.result, c.code, err = d.cli.result(ctx, told, "run", f.file(), "--reason", f.Purpose)
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if err != nil {
		return c, err
	}
	ended := time.Now()
	if c.result.RunID != "" {
		if c.story, err = d.cli.history(ctx, fleetTarget, ""); err != nil {
			return c, err
		}
	}
	for _, u := range c.result.Units {
		if err := d.follow(ctx, &u, began, ended); err != nil {
			return c, err
		}
		c.units = append(c.units, u)
	}
	d.story.Say("%s exit %d after %s", f.title(), c.code, brief(ended.Sub(began)))
	return c, nil
}

// follow finds out what became of one unit.
func (d *demo) follow(ctx context.Context, u *unit, began, ended time.Time) (err error) {
	for _, s := range d.branches {
		if s.Unit == u.Unit {
			u.chapter.seen = s.ledger.total(began, ended)
		}
	}
	if u.RunID != "" {
		u.chapter.story, err = d.cli.history(ctx, u.Target, u.RunID)
	}
	return err
}

// render is the table of what happened in the units, and under it why the fleet
// ended as it did, and where its history is.
func (c convoy) render() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\t\t\t\tWEIGHT\t\tREQUESTS\tOF THESE")
	fmt.Fprintln(w, "FLEET\tUNIT\tWAVE\tOUTCOME\tEXIT\tREACHED\tKEPT\tMEANWHILE\tTO IT\tFAILED")
	var all, its answers
	for _, u := range c.units {
		every, own, kept := sum(u.chapter.seen), u.chapter.seen[c.Version], "–"
		if c.hasKept(u.Unit) {
			kept = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t\t%s\t%s\t%d\t%d\t%s\n", c.Version, u.Unit, u.Wave, u.Outcome, u.chapter.reached(), kept,
			every.Requests, own.Requests, share(own.Failed, own))
		all.add(every)
		its.add(own)
	}
	fmt.Fprintf(w, "\tall\t\t%s\t%d\t\t\t%d\t%d\t%s\n", c.result.Outcome, c.code, all.Requests, its.Requests, share(its.Failed, its))
	_ = w.Flush() // into memory
	fmt.Fprintf(&b, "\nwhy       %s  %s\n\nhistory   %[1]s  %[3]s\n", c.Version, c.result.Reason, c.result.UIURL)
	return b.String()
}

// hasKept reports whether a unit was promoted and kept until the fleet was
// decided.
func (c convoy) hasKept(unit string) bool {
	return slices.ContainsFunc(c.story, func(e event) bool { return e.Kind == "UnitKept" && e.Data.Unit == unit })
}
