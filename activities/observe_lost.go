package activities

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"bakeoff/rollout"
)

// LastSeen is how far a window had come that was lost, as its last heartbeat says.
// Where nothing of it is known it is as if it had not begun. Raw windows that were
// not in the vault yet are lost, never what was judged.
func LastSeen(in ObserveInput, lost error) ObserveOutput {
	var timeout *temporal.TimeoutError
	var beat heartbeat
	known := errors.As(lost, &timeout) && timeout.HasLastHeartbeatDetails() && timeout.LastHeartbeatDetails(&beat) == nil
	if p := beat.Progress; known && p.Polls > 0 && !p.At.Before(in.Start) {
		out := ObserveOutput{End: p.At, State: beat.State, Polls: p.Polls, Unwatched: rollout.Duration(p.Unwatched), Split: p.Split, Unready: p.Unready}
		if !p.Since.IsZero() {
			out.Trouble = rollout.Duration(p.At.Sub(p.Since))
		}
		return out
	}
	return ObserveOutput{End: in.Start, State: in.State, Trouble: in.Trouble}
}
