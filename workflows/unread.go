package workflows

import (
	"go.temporal.io/sdk/workflow"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// unreadAbort stands for an abort that came with something that is not a command: a
// plain text, or fields of another shape. The Temporal UI sends whatever is typed.
func unreadAbort() rollout.Command { return rollout.Command{Reason: rollout.Unread} }

// unreadStop is the same, of a rehearsal.
func unreadStop() rehearsal.Stop { return rehearsal.Stop{Reason: rollout.Unread} }

// stoppedBy says for people who stopped a rehearsal, and why.
func stoppedBy(s rehearsal.Stop) string {
	return "stopped by " + rollout.Command{Actor: s.Actor, Reason: s.Reason}.Said()
}

// takeAll takes the signals that have come, and reports whether there were any. One
// that cannot be read is taken as unread, just before the next one that can be: an
// abort counts whatever came with it. Under older workers it changed nothing.
func takeAll[T any](ctx workflow.Context, signals workflow.ReceiveChannel, unread T, take func(T)) (some bool) {
	for {
		var signal T
		before := signals.Len()
		found := signals.ReceiveAsync(&signal) // passes over what it cannot read
		passed := before - signals.Len()
		if found {
			passed--
		}
		for range passed {
			if workflow.GetVersion(ctx, "unread-abort-counts", workflow.DefaultVersion, 1) == 1 {
				some = true
				take(unread)
			}
		}
		if !found {
			return some
		}
		some = true
		take(signal)
	}
}

// takeEvery takes every signal of a channel, as takeAll does.
func takeEvery[T any](ctx workflow.Context, signals workflow.ReceiveChannel, unread T, take func(T)) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			_ = workflow.Await(ctx, func() bool { return signals.Len() > 0 })
			takeAll(ctx, signals, unread, take)
		}
	})
}
