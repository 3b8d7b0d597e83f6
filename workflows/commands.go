package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// setback is why a rollout goes back, or never began.
type setback struct {
	outcome rollout.Outcome
	cause   rollout.Cause
	reason  string
	actor   string
	command string // id of the command that ordered it
	said    string // the reason that was given with it
	at      time.Time
}

// commands is what operators have ordered.
type commands struct {
	root     workflow.Context    // a cancel ends it
	seen     map[string]answered // by command id
	breached map[string]bool     // by breach id

	skip         bool // end this bake
	skipAll      bool // end all of them
	retry        bool // try again what could not be put back
	acknowledged *rollout.Command
	proving      bool // whose signature the abort has is being found out
}

// answered is a command and what became of it.
type answered struct {
	command rollout.Command
	answer  rollout.Answer
}

// denies says that a command has the id of this one, and is another; "" where it is
// the same, given again. Under older workers only the name was looked at.
func (a answered) denies(ctx workflow.Context, c rollout.Command) string {
	switch {
	case a.command.Name != c.Name:
		return fmt.Sprintf("the id %s was that of %s: it cannot be %s, too", c.ID, a.command.Name, c.Name)
	case a.command.IsSame(c) || workflow.GetVersion(ctx, "one-id-one-order", workflow.DefaultVersion, 1) < 1:
		return ""
	}
	return fmt.Sprintf("the id %s was that of another %s, by %s: give each its own", c.ID, c.Name, rollout.NameOf(a.command.Actor))
}

// isNew reports whether a command counts for itself although its id is that of this
// one: an abort does, whoever used its id before. Under older workers it was denied.
func (a answered) isNew(ctx workflow.Context, c rollout.Command) bool {
	return c.Name == rollout.CommandAbort && !a.command.IsSame(c) && workflow.GetVersion(ctx, abortCounts, workflow.DefaultVersion, 1) == 1
}

// abortCounts is the change by which an abort is obeyed whatever its id.
const abortCounts = "abort-counts-whatever-its-id"

// cancelActor is who aborts when the workflow is cancelled.
const cancelActor = "temporal:cancel"

// listen answers queries and obeys operators. Everything is registered before
// the first act, so that an order which arrives with the start is not lost.
func (r *run) listen() error {
	r.seen, r.breached = map[string]answered{}, map[string]bool{}
	if err := workflow.SetQueryHandler(r.ctx, rollout.StatusQuery, func() (rollout.Status, error) { return r.status, nil }); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(r.ctx, rollout.PlanQuery, func() (rollout.Plan, error) { return r.plan, nil }); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(r.ctx, rollout.WayBackQuery, r.wayBack); err != nil {
		return err
	}
	for _, u := range []struct {
		name string
		obey func(rollout.Command) rollout.Answer
	}{
		{rollout.CommandPause, r.onPause},
		{rollout.CommandResume, r.onResume},
		{rollout.CommandApprove, r.onApprove},
		{rollout.CommandReject, r.onReject},
		{rollout.CommandPromote, r.onPromote},
		{rollout.CommandExtend, r.onExtend},
		{rollout.CommandRetry, r.onRetry},
		{rollout.CommandAcknowledge, r.onAcknowledge},
		{rollout.CommandConcern, r.onConcern},
		{rollout.CommandAbort, r.onAbort},
	} {
		handler := func(ctx workflow.Context, c rollout.Command) (rollout.Answer, error) {
			c.Name = u.name
			return r.answer(ctx, identified(ctx, c), u.obey), nil
		}
		if err := workflow.SetUpdateHandler(r.ctx, u.name, handler); err != nil {
			return err
		}
	}
	r.listenForSignals()
	if r.isUnit() {
		r.hearFleet()
	}
	return nil
}

// listenForSignals obeys what needs no answer: the two other roads to an abort,
// the Target's word that a newer release waits, and whoever outside sees harm.
func (r *run) listenForSignals() {
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		signals := workflow.GetSignalChannel(ctx, rollout.CommandAbort)
		for {
			_ = workflow.Await(ctx, func() bool { return signals.Len() > 0 })
			r.obeySignals()
		}
	})
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		signals := workflow.GetSignalChannel(ctx, rollout.CommandSupersede)
		for {
			var c rollout.Command
			signals.Receive(ctx, &c)
			c.Name = rollout.CommandSupersede
			r.once(c, r.onSupersede)
		}
	})
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		r.root.Done().Receive(ctx, nil)
		r.obeyCancel()
	})
	workflow.Go(r.ctx, r.listenForBreaches)
	hearWitnesses(r.ctx)
}

// once obeys a command unless it was obeyed before. The same id is the same
// order, whichever way it came; an id that another order has used is denied, but not
// to an abort.
func (r *run) once(c rollout.Command, obey func(rollout.Command) rollout.Answer) rollout.Answer {
	if before, known := r.seen[c.ID]; known && c.ID != "" && !before.isNew(r.ctx, c) {
		if why := before.denies(r.ctx, c); why != "" {
			return denied("%s", why)
		}
		return before.answer
	}
	answer := obey(c)
	r.seen[c.ID] = answered{c, answer}
	countCommand(r.ctx, c.Name, answer.Answer)
	switch {
	case answer.Answer == rollout.Denied:
		r.noteDenied(c, answer.Why)
	case answer.Answer == rollout.Accepted && c.Override:
		r.noteOverride(c)
	}
	return answer
}

// answer obeys a command and says where the rollout stands after it. Commands
// without an actor or a reason are denied, on record.
func (r *run) answer(ctx workflow.Context, c rollout.Command, obey func(rollout.Command) rollout.Answer) rollout.Answer {
	var answer rollout.Answer
	switch {
	case isNobodys(ctx, c):
		answer = denied(sayWhy)
	case c.RunID != "" && c.RunID != r.status.RunID:
		why := "the command is for another run: " + c.RunID
		if answer = denied("%s", why); r.plan.TellsMisdirected {
			answer = r.once(c, refusing(why))
		}
	case c.Override && c.Name != rollout.CommandApprove && c.Name != rollout.CommandPromote:
		answer = denied("%s has nothing to override", c.Name)
	default:
		answer = r.once(c, r.authorized(ctx, c, obey))
	}
	if c.Name == rollout.CommandAbort && answer.Answer != rollout.Denied {
		// A cancel of the workflow must not end the wait for its own effect.
		detached, _ := workflow.NewDisconnectedContext(ctx)
		_ = workflow.Await(detached, func() bool {
			return r.restored || r.ended || r.beyond || r.status.Phase == rollout.PhaseNeedsHuman
		})
	}
	answer.Status = r.status
	return answer
}

// identified gives a command without an id the id of its update. Otherwise it would
// be taken for an earlier command without one, as it was under older workers.
func identified(ctx workflow.Context, c rollout.Command) rollout.Command {
	if c.ID == "" && workflow.GetVersion(ctx, "commands-have-ids", workflow.DefaultVersion, 1) == 1 {
		c.ID = workflow.GetCurrentUpdateInfo(ctx).ID
	}
	return c
}

// sayWhy answers a command without an actor or a reason.
const sayWhy = "say who gives the command, and why"

// isNobodys reports whether a command lacks an actor or a reason. Blanks count as
// none; under older workers they did not.
func isNobodys(ctx workflow.Context, c rollout.Command) bool {
	return c.Actor == "" || c.Reason == "" || isBlank(ctx, c.Actor) || isBlank(ctx, c.Reason)
}

// isBlank reports whether a text says nothing.
func isBlank(ctx workflow.Context, s string) bool {
	return strings.TrimSpace(s) == "" && workflow.GetVersion(ctx, "blanks-say-nothing", workflow.DefaultVersion, 1) == 1
}

func accepted(why string) rollout.Answer {
	return rollout.Answer{Answer: rollout.Accepted, Why: why}
}

func noop(format string, args ...any) rollout.Answer {
	return rollout.Answer{Answer: rollout.Noop, Why: fmt.Sprintf(format, args...)}
}

func denied(format string, args ...any) rollout.Answer {
	return rollout.Answer{Answer: rollout.Denied, Why: fmt.Sprintf(format, args...)}
}

// turn sends the rollout back, for the reason given. The first reason wins.
func (r *run) turn(s setback) {
	s.at = r.now()
	r.back = &s
}
