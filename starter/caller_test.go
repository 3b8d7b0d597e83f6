package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A caller who is not let in learns what to look at, and waits for nothing.
func TestWhoIsNotLetIn(t *testing.T) {
	denied := serviceerror.NewPermissionDenied("Request unauthorized.", "")
	for name, test := range map[string]struct {
		args   []string
		breaks func(f *fake)
	}{
		"status":          {[]string{"status", "production/checkout"}, func(f *fake) { f.describeErr = denied }},
		"abort":           {[]string{"abort", "production/checkout", "--reason", "r"}, func(f *fake) { f.signalErr = denied }},
		"start":           {[]string{"start", file(t, smallest), "--reason", "r"}, func(f *fake) { f.startErr = denied }},
		"connecting":      {[]string{"status", "production/checkout"}, func(f *fake) { f.dialError = denied }},
		"an old token":    {[]string{"wait", "production/checkout"}, func(f *fake) { f.endErr = denied }},
		"unauthenticated": {[]string{"status", "production/checkout"}, func(f *fake) { f.describeErr = status.Error(codes.Unauthenticated, "no") }},
	} {
		t.Run(name, func(t *testing.T) {
			f := running(t)
			test.breaks(f)
			r := bakeoff(t.Context(), f, test.args...)
			require.Equal(t, exitFailed, r.code, r.err)
			require.Contains(t, r.err, "Temporal does not permit this to you: TEMPORAL_API_KEY")
			require.Empty(t, f.updates)
		})
	}
}

// Without any sign of who calls there is nothing to bear witness to.
func TestConnectionsThatSayWhoCalls(t *testing.T) {
	t.Setenv("TEMPORAL_CONFIG_FILE", t.TempDir()+"/none.toml")
	for _, test := range []struct {
		name, variable, value string
		want                  bool
	}{
		{"nothing", "TEMPORAL_NAMESPACE", "default", false},
		{"TLS off", "TEMPORAL_TLS", "false", false},
		{"API key", "TEMPORAL_API_KEY", "key", true},
		{"TLS", "TEMPORAL_TLS", "true", true},
		{"a header", "TEMPORAL_GRPC_META_AUTHORIZATION", "Bearer key", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			o, err := connection{}.options()
			require.NoError(t, err)
			require.Equal(t, test.want, isNamed(o))
			require.Regexp(t, `^bakeoff/.+@.+$`, o.Identity)
		})
	}
}
