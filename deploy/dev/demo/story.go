package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// What is rolled out where.
const (
	service     = "shop"
	environment = "demo"
	shopTarget  = environment + "/" + service
)

// The exit codes of bakeoff run and wait that the story is about.
const (
	exitPromoted   = 0
	exitRolledBack = 10
	exitAborted    = 11 // or rejected
	exitDenied     = 15 // of commands
	exitWaiting    = 21 // of wait with a timeout: held, paused, or waiting for an approval
)

// release is one release of the story, and how it has to end.
type release struct {
	Version  string
	Purpose  string
	spec     string // the embedded text
	exit     int
	outcome  string
	cause    string
	check    string   // the check that must be the reason; "": any or none
	bake     string   // of each step, where steps must end before it; "": they last as long as the spec says
	person   person   // who acts on it; nil: nobody has to
	mustSign []string // in this order
}

var first = release{Version: "1.0.0", Purpose: "the first release", spec: "first.yaml", exit: exitPromoted, outcome: "Promoted"}

var releases = []release{
	{Version: "1.1.0", Purpose: "a good release", spec: "canary.yaml", exit: exitPromoted, outcome: "Promoted"},
	{Version: "1.2.0", Purpose: "fails in 8% of its answers", spec: "canary.yaml", exit: exitRolledBack, outcome: "RolledBack", cause: "verdict"},
	{Version: "1.3.0", Purpose: "as fast as ever, but its slowest 10% take six times as long", spec: "canary.yaml",
		exit: exitRolledBack, outcome: "RolledBack", cause: "verdict", check: "latency"},
	{Version: "1.4.0", Purpose: "a good release, but somebody changes their mind", spec: "canary.yaml",
		exit: exitAborted, outcome: "Aborted", person: (*demo).abort},
	{Version: "1.5.0", Purpose: "the same again (A/A); its bakes of 1m end when it is proved no worse", spec: "early.yaml",
		exit: exitPromoted, outcome: "Promoted", bake: "1m"},
	{Version: "1.6.0", Purpose: "the same again, but its bake of 4s is too short for a proof", spec: "held.yaml",
		exit: exitAborted, outcome: "Rejected", person: (*demo).reject},
	{Version: "1.7.0", Purpose: "a good release that two people have to sign for", spec: "signed.yaml",
		exit: exitPromoted, outcome: "Promoted", person: (*demo).sign, mustSign: shopkeepers},
}

// chapter is what became of a release.
type chapter struct {
	release
	result  result
	code    int
	story   []event // as bakeoff history tells it
	held    string  // why it waited for a person
	derived []derivation
	signers []string           // whose signatures let it go on
	proof   []string           // what OpenSSH says of them, where it is installed
	seen    map[string]answers // by version, while it ran
	hurt    time.Duration      // from the candidate's first to its last bad answer
	took    time.Duration
}

// tell makes the first release, begins the load, and rolls out the others.
func (d *demo) tell(ctx, loading context.Context) ([]chapter, error) {
	for _, r := range append([]release{first}, releases...) {
		values := specValues{Service: service, Environment: environment, Version: r.Version, Purpose: r.Purpose, Bake: r.bake}
		if _, err := write(d.town.Dir, r.file(), r.spec, values); err != nil {
			return nil, err
		}
	}
	err := d.underLoad(ctx, loading, []site{d.shop}, func() error {
		opening, err := d.roll(ctx, first)
		if err != nil {
			return err
		}
		return opening.verify()
	})
	if err != nil {
		return nil, err
	}
	var chapters []chapter
	for _, r := range releases {
		c, err := d.roll(ctx, r)
		if err != nil {
			return nil, err
		}
		chapters = append(chapters, c)
	}
	return chapters, nil
}

func (r release) file() string { return filepath.Join(specFolder, r.Version+".yaml") }

// roll rolls a release out and waits for its end.
func (d *demo) roll(ctx context.Context, r release) (chapter, error) {
	fmt.Fprintln(d.options.Out)
	d.story.Say("%s: %s", r.Version, r.Purpose)
	c, began := chapter{release: r}, time.Now()
	told := func(line string) { d.story.Say("%s │ %s", r.Version, line) }
	var err error
	if r.person != nil {
		err = d.rollAndAct(ctx, &c, told)
	} else {
		d.story.Say("%s $ bakeoff run %s", r.Version, r.file())
		c.result, c.code, err = d.cli.result(ctx, told, "run", r.file(), "--reason", r.Purpose)
	}
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if err != nil {
		return c, err
	}
	ended := time.Now()
	c.took, c.seen, c.hurt = ended.Sub(began), d.shop.ledger.total(began, ended), d.shop.ledger.hurt(r.Version, began, ended)
	if c.result.RunID != "" {
		if c.story, err = d.cli.history(ctx, shopTarget, c.result.RunID); err != nil {
			return c, err
		}
	}
	if early := c.early(); early != "" {
		d.story.Say("%s %s", r.Version, early)
	}
	d.story.Say("%s exit %d after %s", r.Version, c.code, brief(c.took))
	return c, nil
}

// verify says how a release ended otherwise than it should.
func (c chapter) verify() error {
	wrong := func(what string, got, want any) error {
		if got == want {
			return nil
		}
		return fmt.Errorf("%s: %s is %v, not %v (%s)", c.Version, what, got, want, c.result.Reason)
	}
	return errors.Join(
		wrong("the exit code", c.code, c.exit),
		wrong("the outcome", c.result.Outcome, c.outcome),
		wrong("the cause", c.result.Cause, c.cause),
		c.verifyWeight(), c.verifyRestore(), c.verifyReason(), c.verifyEarly(), c.verifySigned(), c.verifyDerived())
}
