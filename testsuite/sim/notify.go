package sim

import (
	"context"
	"slices"

	"bakeoff/activities"
)

// Notify implements [activities.Notifier]: the world's people hear of what
// happens in it. It is not part of the log.
func (w *World) Notify(ctx context.Context, m activities.Message) error {
	return w.call(ctx, OpNotify, func() error {
		w.heard = append(w.heard, m)
		return nil
	})
}

// Heard returns what people were told, oldest first; what was sent twice is
// there twice.
func (w *World) Heard() []activities.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.heard)
}
