package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
)

// fleetAdmission is the answer of the AdmitFleet activity: the plan, or why
// there is none.
type fleetAdmission struct {
	Plan     rollout.FleetPlan `json:"plan,omitzero"`
	Cause    rollout.Cause     `json:"cause,omitempty"`
	Problems []rollout.Problem `json:"problems,omitempty"`
	Signer   *rollout.Signer   `json:"signer,omitempty"`
	Policy   string            `json:"policy,omitempty"`
}

// fleetOptions says how a fleet starts: as a rollout does, under its own id.
func fleetOptions(o rollout.FleetOrder) client.StartWorkflowOptions {
	key := o.Spec.Key()
	return optionsOf(rollout.FleetID(key), key, o.Spec.Rollout.Release.Version, described{fleetSummary(o), fleetDetails(o)})
}

// StartFleet starts a fleet. Its units have no Target above them.
func (s *server) StartFleet(ctx context.Context, o rollout.FleetOrder) (run, error) {
	begun, err := s.client.ExecuteWorkflow(ctx, fleetOptions(o), rollout.FleetType, o)
	if err != nil {
		return run{}, classify(err)
	}
	return run{begun.GetID(), begun.GetRunID()}, nil
}

func (s *server) PlanFleet(ctx context.Context, id string, o rollout.FleetOrder) (fleetAdmission, error) {
	var out fleetAdmission
	err := s.plan(ctx, solo{id, rollout.QueueInfra, "AdmitFleet", "plan " + fleetSummary(o)}, map[string]any{"order": o}, &out)
	return out, err
}

// fleetSummary is the sentence that the Temporal UI lists the fleet by.
func fleetSummary(o rollout.FleetOrder) string {
	s := o.Spec
	text := fmt.Sprintf("%s %s to %s of %s", s.Service, s.Rollout.Release.Version, count(len(s.Units), "unit"), s.Environment)
	if o.Actor != "" {
		text += ", by " + o.Actor
	}
	if why := orElse(o.Reason, s.Purpose); why != "" {
		text += ": " + oneLine(why)
	}
	return short(text, 200)
}

// fleetDetails is the page of the fleet in the Temporal UI.
func fleetDetails(o rollout.FleetOrder) string {
	p := rollout.NewFleetPlan(o.Spec, nil)
	text := fmt.Sprintf("### %s %s\n\n- **asked for by**: %s\n- **reason**: %s\n", p.Target, o.Spec.Rollout.Release.Version, oneLine(o.Actor), short(oneLine(o.Reason), 500))
	for i, wave := range p.Waves {
		text += fmt.Sprintf("- **wave %d**: %s\n", i+1, short(strings.Join(wave, ", "), 500))
	}
	if p.Eager {
		text += "- a unit begins as soon as those that it comes after are promoted\n"
	}
	return text + fmt.Sprintf("- **when more than %s fail**: %s back\n", count(p.Budget, "unit"), goesBack(p.OnFailure))
}

// goesBack says what goes back when the front stops.
func goesBack(onFailure string) string {
	return map[string]string{rollout.OnFailureAll: "all units go", rollout.OnFailureWave: "the units of the wave go", rollout.OnFailureUnit: "only the failed ones go"}[onFailure]
}

// plannedFleet prints the plan of a fleet, or why there is none.
func (c *cli) plannedFleet(a fleetAdmission, from source) error {
	if a.Cause != "" {
		return c.unplanned(a.Cause, a.Problems, from)
	}
	if c.json() {
		return c.print(a.Plan)
	}
	_, err := io.WriteString(c.out, fleetPlanText(a.Plan))
	return err
}

// fleetPlanText is the plan for people.
func fleetPlanText(p rollout.FleetPlan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s to %s%s\n", p.Target, orElse(p.Candidate, "several releases"), count(len(p.Units), "unit"), inTurn(p))
	wave := 0
	for _, u := range p.Units {
		if u.Wave != wave && !p.Eager {
			wave = u.Wave
			fmt.Fprintf(&b, "\nwave %d, at most %d at once\n", wave, p.MaxParallel)
			if wave > 1 && p.Wait > 0 {
				fmt.Fprintf(&b, "  begins %s after the one before\n", p.Wait)
			}
		}
		fmt.Fprintf(&b, "  %-16s %s, %s, at most %d events, plan %s\n", u.Unit, u.Candidate, count(u.Steps, "step"), u.Events, u.Digest)
		if before := p.After[u.Unit]; len(before) > 0 {
			fmt.Fprintf(&b, "  %-16s   %safter %s\n", "", restBefore(p), strings.Join(before, ", "))
		}
	}
	fmt.Fprintf(&b, "\nbaselines are kept until all units are decided; when more than %s fail, %s back\n", count(p.Budget, "unit"), goesBack(p.OnFailure))
	fmt.Fprintf(&b, "at most %d events of history; deadline %s\n", p.Events, p.Deadline)
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	fmt.Fprintf(&b, "digest %s\n", p.Digest)
	return b.String()
}

// inTurn says in which order the units of a fleet take their turn.
func inTurn(p rollout.FleetPlan) string {
	if p.Eager {
		return fmt.Sprintf(", each as soon as those before it are promoted, at most %d at once", p.MaxParallel)
	}
	return " in " + count(len(p.Waves), "wave")
}

// restBefore says how long a unit waits for its turn once what it comes after is promoted.
func restBefore(p rollout.FleetPlan) string {
	if p.Eager && p.Wait > 0 {
		return p.Wait.String() + " "
	}
	return ""
}

// isNewer reports whether a run is the one that is meant rather than the other:
// it is open where the other is not, or else was started later.
func (e execution) isNewer(than execution) bool {
	if e.open() != than.open() {
		return e.open()
	}
	return e.Started.After(than.Started)
}

// isRefusedDuring reports whether a run was refused while a fleet ran: it never
// began, and so it does not hide what became of the fleet.
func (e execution) isRefusedDuring(fleet execution) bool {
	return e.Outcome == rollout.Refused && e.Started.After(fleet.Started) && (fleet.open() || fleet.Closed != nil && e.Started.Before(*fleet.Closed))
}

// unitsAtOnce is up to how many units of a fleet are asked one by one where they
// stand. More are looked up in one list, which may be a second behind.
const unitsAtOnce = 50

// withUnits adds where the units of a fleet stand that are under way: their own
// runs know it better than the fleet.
func withUnits(ctx context.Context, svc reads, s rollout.Status) rollout.Status {
	units := append([]rollout.UnitStatus(nil), s.Units...)
	var under []run
	for _, u := range units {
		if isUnderWay(u) {
			under = append(under, run{rollout.WorkflowIDOf(u.Target), u.RunID})
		}
	}
	standing, waits := openRuns(ctx, svc, under), []string(nil)
	for i, u := range units {
		e, open := standing[run{rollout.WorkflowIDOf(u.Target), u.RunID}]
		if !open {
			continue // the fleet tells as much as is known
		}
		units[i].Weight, units[i].Phase = e.Weight, orElse(e.status().Phase, u.Phase)
		if e.WaitingFor != "" && e.WaitingFor != rollout.WaitingForFleet {
			waits = append(waits, e.WaitingFor)
			units[i].Reason = orElse(u.Reason, "waiting for "+e.WaitingFor)
		}
	}
	s.Units = units
	if s.Phase == rollout.PhaseRunning && len(under) > 0 && len(waits) == len(under) {
		s.Phase, s.WaitingFor = rollout.PhaseWaiting, waits[0] // nothing goes on until somebody does something
	}
	return s
}

// isUnderWay reports whether a unit has begun and is not decided.
func isUnderWay(u rollout.UnitStatus) bool { return u.RunID != "" && u.Outcome == "" && !u.Kept }

// openRuns is those of some runs that are open. What cannot be read is left out.
func openRuns(ctx context.Context, svc reads, runs []run) map[run]execution {
	out := map[run]execution{}
	if len(runs) <= unitsAtOnce {
		for _, r := range runs {
			if e, err := svc.Describe(ctx, r); err == nil && e.open() {
				out[r] = e
			}
		}
		return out
	}
	environment, _, _ := strings.Cut(rollout.TargetOf(runs[0].WorkflowID), "/")
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running' AND %s = '%s'", rollout.WorkflowType, rollout.AttributeEnvironment, environment)
	for e, err := range svc.List(ctx, query) {
		if err != nil {
			break
		}
		if slices.Contains(runs, e.run) {
			out[e.run] = e
		}
	}
	return out
}

// unitLines lists the units of a fleet, one a line.
func unitLines(units []rollout.UnitStatus, st style) []string {
	width := 0
	for _, u := range units {
		width = max(width, len(u.Unit))
	}
	var lines []string
	for _, u := range units {
		word := orElse(string(u.Outcome), string(u.Phase))
		if u.Kept && u.Outcome == "" && u.Phase != rollout.PhaseRollingBack && u.Phase != rollout.PhaseNeedsHuman {
			word = "Kept"
		}
		line := fmt.Sprintf("  %-*s  wave %d  %s  %5s  %s", width, oneLine(u.Unit), u.Wave, st.paint(mood(word), fmt.Sprintf("%-11s", word)), u.Weight, oneLine(u.Reason))
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// unitsInShort is how the units of a fleet stand, in one line.
func unitsInShort(units []rollout.UnitStatus) string {
	var parts []string
	for _, u := range units {
		word := orElse(string(u.Outcome), string(u.Phase))
		if u.Kept && u.Outcome == "" {
			word = "Kept"
		}
		parts = append(parts, u.Unit+" "+word)
	}
	return strings.Join(parts, ", ")
}
