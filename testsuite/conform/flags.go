package conform

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
)

// FlagsFixture is a flags driver and the system behind it. The system may hold
// other flags; those named "conform-a" and "conform-b" do not exist.
type FlagsFixture struct {
	Server
	Driver activities.Flags
	// Value makes a flag's value of the kind that the system holds, on or off,
	// as it is read back. Default: {"enabled": on}.
	Value func(on bool) any
	// Foreign changes flags as an outsider does, past the driver. Required.
	Foreign func(t *testing.T, flags map[string]any)
}

func (f FlagsFixture) value(on bool) any {
	if f.Value == nil {
		return map[string]any{"enabled": on}
	}
	return f.Value(on)
}

// Flags holds a flags driver to its contract. make returns a fresh system;
// each test has its own.
func Flags(t *testing.T, make func(t *testing.T) FlagsFixture) {
	tests := map[string]func(*testing.T, FlagsFixture){
		"set, change, remove": flagsLife,
		"others stay":         flagsOthers,
		"lost answer":         flagsLostAnswer,
		"foreign change":      flagsForeign,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
	failures(t, func(t *testing.T) (Server, []call) {
		f := make(t)
		return f.Server, f.calls()
	})
}

func (f FlagsFixture) calls() []call {
	d := f.Driver
	return []call{
		{"Flags", false, func(ctx context.Context) error { _, err := d.Flags(ctx); return err }},
		{"SetFlags", true, func(ctx context.Context) error {
			return d.SetFlags(ctx, write("flags", 1), map[string]any{"conform-a": f.value(true)})
		}},
	}
}

func (f FlagsFixture) set(t *testing.T, generation int, flags map[string]any) {
	t.Helper()
	require.NoError(t, f.Driver.SetFlags(t.Context(), write("flags", generation), flags))
	f.holds(t, flags)
}

// holds waits until the named flags are so; nil is one that is not there.
func (f FlagsFixture) holds(t *testing.T, want map[string]any) {
	t.Helper()
	f.await(t, fmt.Sprintf("flags never became %v", want), func() bool {
		got, err := f.Driver.Flags(t.Context())
		if err != nil {
			return false
		}
		for name, value := range want {
			has, isThere := got[name]
			if isThere != (value != nil) || !reflect.DeepEqual(has, value) {
				return false
			}
		}
		return true
	})
}

func flagsLife(t *testing.T, f FlagsFixture) {
	on, off := map[string]any{"conform-a": f.value(true)}, map[string]any{"conform-a": f.value(false)}
	f.holds(t, map[string]any{"conform-a": nil})
	f.set(t, 1, on)
	f.unchanged(t, func() { f.set(t, 1, on) })
	f.set(t, 2, off)
	gone := map[string]any{"conform-a": nil}
	f.set(t, 3, gone)
	f.unchanged(t, func() { f.set(t, 3, gone) })
}

func flagsOthers(t *testing.T, f FlagsFixture) {
	before, err := f.Driver.Flags(t.Context())
	require.NoError(t, err)
	f.set(t, 1, map[string]any{"conform-a": f.value(true), "conform-b": f.value(false)})
	f.set(t, 2, map[string]any{"conform-a": nil})
	f.holds(t, map[string]any{"conform-b": f.value(false)})
	f.set(t, 3, map[string]any{"conform-b": nil})
	after, err := f.Driver.Flags(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after, "a rollback leaves everything as it was")
}

func flagsLostAnswer(t *testing.T, f FlagsFixture) {
	f.need(t, f.Faults.LoseAnswer != nil, "LoseAnswer")
	on := map[string]any{"conform-a": f.value(true)}
	f.Faults.LoseAnswer(t)
	isPassing(t, f.Driver.SetFlags(t.Context(), write("flags", 1), on))
	f.holds(t, on)
	f.unchanged(t, func() { f.set(t, 1, on) })
}

func flagsForeign(t *testing.T, f FlagsFixture) {
	f.set(t, 1, map[string]any{"conform-a": f.value(true)})
	changed := map[string]any{"conform-a": f.value(false)}
	f.Foreign(t, changed)
	f.holds(t, changed)
	f.set(t, 2, map[string]any{"conform-a": f.value(true)})
}
