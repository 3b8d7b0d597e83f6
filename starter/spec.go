package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/template"
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// source is a spec file as it was read; "-" is standard input.
type source struct {
	name string
	text []byte
}

func (c *cli) read(file string) (source, error) {
	if file == "-" {
		text, err := io.ReadAll(c.in)
		if err != nil {
			return source{}, fmt.Errorf("read standard input: %w", err)
		}
		return source{"stdin", text}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return source{}, fmt.Errorf("read spec: %w", err)
	}
	return source{file, text}, nil
}

// parse reads a spec and says what is wrong with it, its judges included.
func parse(from source) (rollout.Spec, []rollout.Problem) {
	spec, problems := specfile.Parse(from.name, from.text)
	if len(problems) > 0 {
		return spec, problems
	}
	return spec, specfile.Locate(from.name, from.text, append(unjudgeable(spec.Checks, ""), unplannable(spec)...))
}

// unplannable says what any worker would refuse of a spec that is right by itself.
func unplannable(spec rollout.Spec) []rollout.Problem {
	problems := spec.Schedule.TooFar(time.Now())
	if plan := rollout.NewPlan(spec); plan.Events > rollout.MaxEvents {
		problems = append(problems, rollout.Problem{Path: "strategy", Message: fmt.Sprintf(
			"this plan may write %d events, more than %d: use longer windows or fewer steps", plan.Events, rollout.MaxEvents)})
	}
	for part, d := range map[string]*rollout.Driver{"deploy": &spec.Target.Deploy, "traffic": &spec.Target.Traffic, "flags": spec.Target.Flags, "metrics": spec.Target.Metrics} {
		if d == nil {
			continue
		}
		if _, there := d.With["bearer"]; there {
			problems = append(problems, rollout.Problem{Path: "target." + part + ".with.bearer", Message: "credentials are the worker's configuration, never a spec's: leave it out"})
		}
	}
	return problems
}

// unjudgeable names the checks, below a path, that cannot be asked or judged.
func unjudgeable(checks []rollout.Check, path string) (problems []rollout.Problem) {
	for i, check := range checks {
		if why := fillable(check.Query); why != nil {
			problems = append(problems, rollout.Problem{Path: fmt.Sprintf("%schecks[%d].query", path, i), Message: why.Error()})
		}
		if why := judgeable(check); why != nil {
			problems = append(problems, rollout.Problem{Path: fmt.Sprintf("%schecks[%d].judge", path, i), Message: why.Error()})
		}
	}
	return problems
}

// parseFleet reads a fleet's spec and says what is wrong with it.
func parseFleet(from source) (rollout.FleetSpec, []rollout.Problem) {
	spec, problems := specfile.ParseFleet(from.name, from.text)
	if len(problems) > 0 {
		return spec, problems
	}
	problems = spec.Schedule.TooFar(time.Now())
	for path, checks := range checksOf(spec) {
		problems = append(problems, unjudgeable(checks, path+".")...)
	}
	return spec, specfile.Locate(from.name, from.text, problems)
}

// checksOf are the checks of a fleet by where they stand.
func checksOf(s rollout.FleetSpec) map[string][]rollout.Check {
	checks := map[string][]rollout.Check{"rollout": s.Rollout.Checks}
	for name, unit := range s.Units {
		checks["units."+name] = unit.Checks
	}
	return checks
}

// wrong says what is wrong with a file, whatever kind it is of.
func wrong(from source) []rollout.Problem {
	if specfile.IsFleet(from.text) {
		_, problems := parseFleet(from)
		return problems
	}
	_, problems := parse(from)
	return problems
}

// fillable says why a version cannot be put into a query.
func fillable(query string) error {
	t, err := template.New("query").Parse(query)
	if err == nil {
		err = t.Execute(io.Discard, struct{ Version string }{"any"})
	}
	if err != nil {
		return fmt.Errorf("only {{.Version}} is replaced: %w", err)
	}
	return nil
}

// judgeable says why no judge can be made of a check.
func judgeable(check rollout.Check) error {
	body, err := json.Marshal(check)
	if err == nil {
		_, err = analysis.ParseConfig(body)
	}
	return err
}

// refuse tells everything that is wrong with a spec and ends the process with
// 3; nil when nothing is.
func (c *cli) refuse(problems []rollout.Problem, from source) error {
	if len(problems) == 0 {
		return nil
	}
	c.explain(problems, from)
	if c.json() {
		if err := c.problems(problems); err != nil {
			return err
		}
	}
	return exit(exitSpec)
}

// refuseOrder is refuse for an order to start: programs get the result of a
// rollout, which never was.
func (c *cli) refuseOrder(subject rollout.Status, problems []rollout.Problem, from source) error {
	if len(problems) == 0 || !c.json() {
		return c.refuse(problems, from)
	}
	c.explain(problems, from)
	if strings.HasPrefix(subject.Target, "/") || strings.HasSuffix(subject.Target, "/") { // the spec does not name it
		subject.Target, subject.WorkflowID = "", ""
	}
	subject.Problems = rollout.Texts(problems)
	if err := c.result(c.refusal(subject, rollout.CauseSpec, "the spec is refused: "+strings.Join(subject.Problems, "; "))); err != nil {
		return err
	}
	return exit(exitSpec)
}

// preview has a worker look at an order before anything is started, because a
// spec that cannot be is to leave no trace but its reasons. Where no worker
// answers soon, the order is given all the same: it will be looked at then.
// Served is false where no worker is there to take it in.
func (c *cli) preview(ctx context.Context, svc service, o rollout.Order, from source) (served bool, err error) {
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	admitted, err := svc.Plan(asking, c.planID(o.Spec.Key().String()), o, false)
	if err != nil || admitted.Cause != rollout.CauseSpec {
		return err == nil || c.isPolled(ctx, svc, rollout.QueueControl), ctx.Err()
	}
	return true, c.refuseOrder(subjectOf(o.Spec), specfile.Locate(from.name, from.text, admitted.Problems), from)
}

// isPolled reports whether a worker was seen at a queue lately: one that is only
// slow is to be waited for.
func (c *cli) isPolled(ctx context.Context, svc service, queue string) bool {
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	pollers, err := svc.Pollers(asking, queue)
	return err == nil && pollers > 0
}

func (c *cli) planID(target string) string { return fmt.Sprintf("plan/%s/%s", target, c.newID()) }

// explain tells people what is wrong and where.
func (c *cli) explain(problems []rollout.Problem, from source) {
	sources := map[string]specfile.Source{"": specfile.NewSource(from.text)}
	sources[from.name] = sources[""]
	for _, p := range problems {
		if _, known := sources[p.File]; !known {
			text, _ := os.ReadFile(p.File) // it was read before; without it the line is not shown
			sources[p.File] = specfile.NewSource(text)
		}
		fmt.Fprintln(c.err, sources[p.File].Explain(p))
	}
}

// problems tells programs what is wrong.
func (c *cli) problems(problems []rollout.Problem) error {
	return c.print(map[string]any{"problems": append([]rollout.Problem{}, problems...)})
}
