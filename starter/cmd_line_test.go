package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// A stop of what can be no environment would stop nothing: it is refused. One of an
// environment where nothing is known is obeyed, and says so.
func TestWhichLineIsStopped(t *testing.T) {
	t.Parallel()
	obeyed := func(rollout.Command) (rollout.Answer, error) { return rollout.Answer{Answer: rollout.Accepted}, nil }
	for name, tt := range map[string]struct {
		args  []string
		known bool
		code  int
		says  string
	}{
		"a target":            {[]string{"stop-the-line", "--environment", "lab/sl"}, true, 2, `--environment "lab/sl": no spec can name it so`},
		"a blank after it":    {[]string{"stop-the-line", "--environment", "lab "}, true, 2, "write the environment alone"},
		"a blank before it":   {[]string{"stop-the-line", "--environment", " lab"}, true, 2, "or --all"},
		"all, as one":         {[]string{"stop-the-line", "--environment", "*"}, true, 2, "or --all"},
		"one that is known":   {[]string{"stop-the-line", "--environment", "lab"}, true, 0, ""},
		"one that is not":     {[]string{"stop-the-line", "--environment", "LAB"}, false, 0, "warning: Temporal knows no rollout in LAB: is that its name"},
		"all":                 {[]string{"stop-the-line", "--all"}, false, 0, ""},
		"an old stop to end":  {[]string{"start-the-line", "--environment", "lab/sl"}, false, 0, ""},
		"neither one nor all": {[]string{"stop-the-line"}, false, 2, "say which"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{answer: obeyed}
			if tt.known {
				f.listed = []execution{{}}
			}
			got := bakeoff(t.Context(), f, append(tt.args, "--reason", "INC-12")...)
			require.Equal(t, tt.code, got.code, got.err)
			if tt.says == "" {
				require.Empty(t, got.err)
			}
			require.Contains(t, got.err, tt.says)
		})
	}
}
