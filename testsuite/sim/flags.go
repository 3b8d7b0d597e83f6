package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"bakeoff/activities"
)

var _ activities.FlagCohorts = (*World)(nil)

// Flags implements [activities.Flags].
func (w *World) Flags(ctx context.Context) (map[string]any, error) {
	var flags map[string]any
	err := w.call(ctx, OpFlags, func() error {
		flags = maps.Clone(w.flags)
		return nil
	})
	return flags, err
}

// SetFlags implements [activities.Flags]. Values are kept as JSON has them, so
// that a whole number comes back as a float64.
func (w *World) SetFlags(ctx context.Context, by activities.Write, flags map[string]any) error {
	return w.call(ctx, OpSetFlags, func() error {
		plain, err := asJSON(flags)
		if err != nil {
			return fmt.Errorf("flags: %w: %w", err, activities.ErrFinal)
		}
		return w.perform(act{op: OpSetFlags, on: "flags", write: by, text: "flags " + showFlags(plain), do: func(int) (bool, error) {
			return w.mergeFlags(plain), nil
		}})
	})
}

// ForeignFlags changes flags as an outsider does; nil removes one.
func (w *World) ForeignFlags(flags map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	plain, err := asJSON(flags)
	if err == nil && w.mergeFlags(plain) {
		w.log = append(w.log, "outsider: flags "+showFlags(plain))
	}
}

// mergeFlags reports whether it changed any.
func (w *World) mergeFlags(flags map[string]any) bool {
	changed := false
	for name, value := range flags {
		was, isThere := w.flags[name]
		switch {
		case value == nil && isThere:
			delete(w.flags, name)
			changed = true
		case value != nil && !reflect.DeepEqual(was, value):
			w.flags[name] = value
			changed = true
		}
	}
	if changed && len(w.byFlag) > 0 {
		w.mark(w.passed)
	}
	return changed
}

func asJSON(flags map[string]any) (map[string]any, error) {
	body, err := json.Marshal(flags)
	if err != nil {
		return nil, err
	}
	var plain map[string]any
	err = json.NewDecoder(bytes.NewReader(body)).Decode(&plain)
	return plain, err
}

// showFlags writes flags by name: `new-cart={"enabled":true}, old=null`.
func showFlags(flags map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		value, _ := json.Marshal(flags[name]) // it was JSON before
		parts = append(parts, name+"="+string(value))
	}
	return strings.Join(parts, ", ")
}
