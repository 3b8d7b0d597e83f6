package sim

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	"bakeoff/activities"
)

// Put implements [activities.Vault]. A name that holds another body is refused
// for good. It is not part of the log.
func (w *World) Put(ctx context.Context, name string, body []byte) (string, error) {
	err := w.call(ctx, OpPut, func() error {
		if was, isThere := w.vault[name]; isThere && !bytes.Equal(was, body) {
			return fmt.Errorf("vault: %s holds something else: %w", name, activities.ErrFinal)
		}
		w.vault[name] = bytes.Clone(body)
		return nil
	})
	if err != nil {
		return "", err
	}
	return "sim:" + name, nil
}

// Vault returns what was put there, by name.
func (w *World) Vault() map[string][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.vault)
}
