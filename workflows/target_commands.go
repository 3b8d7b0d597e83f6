package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// answer obeys a command once and says where the target stands.
func (t *target) answer(ctx workflow.Context, c rollout.Command, obey func(workflow.Context, rollout.Command) rollout.Answer) rollout.Answer {
	other := t.otherOf(c)
	isNew := c.Name == rollout.CommandAbort && (other != "" || t.isAnother(c)) && workflow.GetVersion(t.ctx, abortCounts, workflow.DefaultVersion, 1) == 1
	switch {
	case isNobodys(ctx, c):
		return denied(sayWhy)
	case isNew: // an abort counts, whoever used its id before
	case t.isAnother(c):
		return denied("the id %s was that of another %s, by %s: give each its own", c.ID, c.Name, rollout.NameOf(t.obeyed[c.ID].Actor))
	case slices.Contains(t.status.Commands, noteOf(c)), slices.Contains(t.status.Commands, c.ID):
		return noop("this command was obeyed already")
	case other != "":
		return denied("the id %s was that of %s: it cannot be %s, too", c.ID, other, c.Name)
	}
	if why := t.forbids(ctx, c); why != "" {
		return denied("%s", why)
	}
	t.note(c)
	return obey(ctx, c)
}

// noteOf is what is remembered of a command. Names have no spaces.
func noteOf(c rollout.Command) string { return c.Name + " " + c.ID }

// otherOf is the command that had the same id before; "" if there was none.
func (t *target) otherOf(c rollout.Command) string {
	for _, name := range []string{rollout.CommandAbort, rollout.CommandResume, rollout.CommandRollback, rollout.CommandDrop} {
		if name != c.Name && slices.Contains(t.status.Commands, noteOf(rollout.Command{Name: name, ID: c.ID})) {
			return name
		}
	}
	return ""
}

// isAnother reports whether a command has the id of one of this run that was not the
// same. Of earlier runs only the names and ids are known.
func (t *target) isAnother(c rollout.Command) bool {
	before, known := t.obeyed[c.ID]
	return known && before.Name == c.Name && !before.IsSame(c)
}

// note remembers a command.
func (t *target) note(c rollout.Command) {
	t.obeyed[c.ID] = c
	t.status.Commands = append(t.status.Commands, noteOf(c))
	t.status.Commands = t.status.Commands[max(len(t.status.Commands)-rollout.MostFates, 0):]
}

// hear obeys an abort that came as a signal. The rollout's plan says who may abort;
// whoever may not does not stop the queue either.
func (t *target) hear(c rollout.Command) {
	c.Name = rollout.CommandAbort
	t.passOn(c)
	heard := c
	c = t.accountable(c)
	t.deciding++
	workflow.Go(t.ctx, func(ctx workflow.Context) {
		defer func() { t.deciding-- }()
		if t.awaitsOrder(ctx) {
			t.passOn(heard)
		}
		t.answer(ctx, c, t.onAbort)
	})
}

// accountable fills in what an abort lacks that somebody sent past the command line: it
// is obeyed where anybody may abort, and says that it has no name. Under older workers
// it did not stop the queue, and a second one without an id was taken for the first.
func (t *target) accountable(c rollout.Command) rollout.Command {
	given := c.ID != "" && strings.TrimSpace(c.Actor) != "" && strings.TrimSpace(c.Reason) != ""
	if given || workflow.GetVersion(t.ctx, "nameless-abort-stops-queue", workflow.DefaultVersion, 1) < 1 {
		return c
	}
	if c.ID == "" {
		c.ID = rollout.UnnamedID + workflow.Now(t.ctx).UTC().Format(time.RFC3339Nano)
	}
	c.Actor, c.Reason = rollout.NameOf(c.Actor), cmp.Or(strings.TrimSpace(c.Reason), rollout.Unexplained)
	return c
}

// passOn keeps an abort for a rollout that is still being started, because nobody can
// reach that rollout yet.
func (t *target) passOn(c rollout.Command) {
	if t.isStarting() && t.abort == nil {
		t.abort = &c
	}
}

// awaitsOrder waits for what becomes of an order that is still looked at, and reports
// whether there was one: its rollout may be about to begin, and then the abort is for
// it, too. Under older workers nobody waited, and that rollout went on.
func (t *target) awaitsOrder(ctx workflow.Context) bool {
	if !t.isLooking() || workflow.GetVersion(t.ctx, "abort-awaits-order", workflow.DefaultVersion, 1) < 1 {
		return false
	}
	_ = workflow.Await(ctx, func() bool { return !t.isLooking() })
	return true
}

// isLooking reports whether nothing runs, and an order that came may be what runs next.
func (t *target) isLooking() bool {
	return t.status.Running == nil && slices.ContainsFunc(t.status.Fates, func(f rollout.Submission) bool { return f.Fate == rollout.FateStarting })
}

// isStarting reports whether a rollout is being started.
func (t *target) isStarting() bool { return t.status.Running != nil && t.course == nil }

// onAbort stops the queue. The rollout that runs has the order from whoever gave
// it, unless it is only being started.
func (t *target) onAbort(ctx workflow.Context, c rollout.Command) rollout.Answer {
	t.awaitsOrder(ctx)
	t.passOn(c)
	_ = workflow.Await(ctx, func() bool { return t.abort == nil })
	if len(t.status.Queue) > 0 {
		t.stand("aborted by " + c.Said())
	}
	answer := noop("nothing runs")
	if r := t.status.Running; r != nil {
		answer = accepted("")
		answer.Status = rollout.Status{Target: t.status.Target.String(), WorkflowID: rollout.WorkflowID(t.status.Target), RunID: r.RunID}
	} else if t.status.Stands != "" {
		answer = accepted(t.standing())
	}
	return answer
}

// onResume lets a queue that stands go on, including one that only now begins to
// stand, because the rollout has just ended. Under older workers that was missed.
func (t *target) onResume(ctx workflow.Context, c rollout.Command) rollout.Answer {
	if t.status.Running != nil && workflow.GetVersion(t.ctx, "resume-after-end", workflow.DefaultVersion, 1) == 1 {
		t.catchUp(ctx)
	}
	if t.status.Stands == "" {
		return noop("the queue does not stand")
	}
	t.goOn()
	t.describe()
	return accepted(fmt.Sprintf("%d in the queue", len(t.status.Queue)))
}
