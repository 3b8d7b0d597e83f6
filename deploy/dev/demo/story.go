package demo

import (
	"context"
	"encoding/json"
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
	exitAborted    = 11
)

// release is one release of the story, and how it has to end.
type release struct {
	Version string
	Purpose string
	spec    string // the embedded text
	exit    int
	outcome string
	cause   string
	check   string // the check that must be the reason; "": any or none
	abort   bool   // a person aborts it
}

var first = release{Version: "1.0.0", Purpose: "the first release", spec: "first.yaml", exit: exitPromoted, outcome: "Promoted"}

var releases = []release{
	{Version: "1.1.0", Purpose: "a good release", spec: "canary.yaml", exit: exitPromoted, outcome: "Promoted"},
	{Version: "1.2.0", Purpose: "fails in 8% of its answers", spec: "canary.yaml", exit: exitRolledBack, outcome: "RolledBack", cause: "verdict"},
	{Version: "1.3.0", Purpose: "as fast as ever, but its slowest 5% take six times as long", spec: "canary.yaml",
		exit: exitRolledBack, outcome: "RolledBack", cause: "verdict", check: "latency"},
	{Version: "1.4.0", Purpose: "a good release, but somebody changes their mind", spec: "canary.yaml", exit: exitAborted, outcome: "Aborted", abort: true},
}

// chapter is what became of a release.
type chapter struct {
	release
	result  result
	code    int
	reached string
	seen    map[string]answers // by version, while it ran
	hurt    time.Duration      // from the candidate's first to its last bad answer
	took    time.Duration
}

// tell makes the first release, begins the load, and rolls out the others.
func (d *demo) tell(ctx context.Context) ([]chapter, error) {
	for _, r := range append([]release{first}, releases...) {
		values := specValues{Service: service, Environment: environment, Version: r.Version, Purpose: r.Purpose}
		if _, err := write(d.crew.dir, r.file(), r.spec, values); err != nil {
			return nil, err
		}
	}
	beginning, cancel := context.WithCancel(ctx)
	loading := make(chan error, 1)
	go func() { loading <- d.startLoad(ctx, beginning) }()
	opening, err := d.roll(ctx, first)
	cancel() // no load yet: there will be none
	if err = errors.Join(err, <-loading); err != nil {
		return nil, err
	}
	if err := opening.verify(); err != nil {
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
	d.say("%s: %s", r.Version, r.Purpose)
	c, began := chapter{release: r}, time.Now()
	told := func(line string) { d.say("%s │ %s", r.Version, line) }
	var err error
	if r.abort {
		c.result, c.code, err = d.rollAndAbort(ctx, r, told)
	} else {
		d.say("%s $ bakeoff run %s", r.Version, r.file())
		c.result, c.code, err = d.cli.result(ctx, told, "run", r.file(), "--reason", r.Purpose)
	}
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	if err != nil {
		return c, err
	}
	ended := time.Now()
	c.took, c.seen, c.hurt = ended.Sub(began), d.ledger.total(began, ended), d.ledger.hurt(r.Version, began, ended)
	if c.result.RunID != "" {
		if c.reached, err = d.cli.reached(ctx, c.result.RunID); err != nil {
			return c, err
		}
	}
	d.say("%s exit %d after %s", r.Version, c.code, brief(c.took))
	return c, nil
}

// abortAfter is how long the candidate serves users before somebody objects.
const abortAfter = 2 * time.Second

// rollAndAbort starts a rollout, watches it as a second person would, and
// aborts it once the candidate serves users. The result is that of wait.
func (d *demo) rollAndAbort(ctx context.Context, r release, told func(string)) (result, int, error) {
	d.say("%s $ bakeoff start %s", r.Version, r.file())
	if _, code, err := d.cli.call(ctx, told, "start", r.file(), "--reason", r.Purpose, "-o", "json"); err != nil || code != 0 {
		return result{}, code, err
	}
	type ending struct {
		result
		code int
		err  error
	}
	ended := make(chan ending, 1)
	go func() {
		var e ending
		e.result, e.code, e.err = d.cli.result(ctx, told, "wait", shopTarget)
		ended <- e
	}()
	err := d.abort(ctx, r, told)
	e := <-ended
	return e.result, e.code, errors.Join(err, e.err)
}

func (d *demo) abort(ctx context.Context, r release, told func(string)) error {
	for weight := "0%"; weight == "0%" || weight == ""; {
		out, _, err := d.cli.call(ctx, func(string) {}, "status", shopTarget, "-o", "json")
		var s result
		if err == nil {
			err = json.Unmarshal(out, &s)
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", r.Version, err)
		}
		if s.Phase == "Completed" {
			return fmt.Errorf("%s was over before it could be aborted: %s", r.Version, s.Reason)
		}
		weight = s.Weight
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(abortAfter):
	}
	const reason = "marketing wants to announce it first"
	d.say("%s $ bakeoff abort %s --reason %q", r.Version, shopTarget, reason)
	out, code, err := d.cli.call(ctx, told, "abort", shopTarget, "--reason", reason, "-o", "json")
	if err == nil && code != 0 {
		err = fmt.Errorf("abort %s: exit %d: %s", r.Version, code, out)
	}
	return err
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
		c.verifyWeight(), c.verifyRestore(), c.verifyReason())
}
