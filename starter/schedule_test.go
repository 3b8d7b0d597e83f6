package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
)

// Nothing is scheduled that no worker would let begin, or that would never begin.
func TestScheduleOfARehearsal(t *testing.T) {
	one, suite := practise(t)
	refused := map[string]any{"cause": "spec", "problems": []map[string]any{{"path": "load", "message": "too much of it"}}}
	for name, c := range map[string]struct {
		fake *fake
		file string
		code int
		want string
	}{
		"good":             {&fake{foreseen: map[string]any{}}, one, 0, ""},
		"a good suite":     {&fake{foreseen: map[string]any{}}, suite, 0, ""},
		"refused":          {&fake{foreseen: refused}, one, 3, "one.yaml:1:1: load: too much of it"},
		"a refused member": {&fake{foreseen: refused}, suite, 3, "suite.yaml:3:14: rehearsals[0].load: too much of it"},
		"refused for now":  {&fake{foreseen: map[string]any{"cause": "policy", "problems": []map[string]any{{"message": "not you"}}}}, one, 15, "not you"},
		"no worker":        {&fake{actErr: map[string]error{"AdmitRehearsal": errNoWorker}, foreseen: map[string]any{}}, one, 0, "no worker looked at it"},
		"closed":           {&fake{foreseen: map[string]any{"closed": "the line of staging is stopped by bo: INC-12"}}, one, 0, "as long as this lasts, its runs are refused: the line of staging is stopped by bo: INC-12\n"},
		"a closed suite":   {&fake{foreseen: map[string]any{"closed": "the line of staging is stopped by bo: INC-12"}}, suite, 0, "as long as this lasts"},
		"never":            {&fake{foreseen: map[string]any{}, timetable: fmt.Errorf("%w: \"0 6 31 2 *\" never comes", errTimetable)}, one, 2, "never comes"},
	} {
		t.Run(name, func(t *testing.T) {
			got := bakeoff(t.Context(), c.fake, "rehearse", c.file, "--schedule", "0 6 * * MON")
			require.Equal(t, c.code, got.code, got.err)
			require.Contains(t, got.err, c.want)
		})
	}
}

func TestUnschedule(t *testing.T) {
	one, _ := practise(t)
	f := &fake{}
	got := bakeoff(t.Context(), f, "rehearse", one, "--unschedule")
	require.Equal(t, ran{code: 0, out: "schedule/rehearsal/staging/one: removed\n"}, got)
	require.Equal(t, []string{"rehearsal/staging/one"}, f.unscheduled)
	got = bakeoff(t.Context(), &fake{timetable: errNotFound}, "rehearse", one, "--unschedule")
	require.Equal(t, ran{code: 0, out: "schedule/rehearsal/staging/one: there is none\n"}, got)
	require.Equal(t, 2, bakeoff(t.Context(), f, "rehearse", one, "--unschedule", "--detach").code)
	got = bakeoff(t.Context(), f, "rehearse", one, "--sign", "key")
	require.Equal(t, 2, got.code)
	require.Contains(t, got.err, "--sign: rehearsals cannot be signed")
}

// The one that runs is waited for again.
func TestWaitForTheOneThatRuns(t *testing.T) {
	one, _ := practise(t)
	f := &fake{busy: true, practice: ends(rehearsal.Status{Name: "one", Phase: rehearsal.Completed, Outcome: evidence.Passed})}
	require.Equal(t, 15, bakeoff(t.Context(), f, "rehearse", one).code)
	got := bakeoff(t.Context(), f, "rehearse", one, "--wait")
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "one in : Passed")
	require.Equal(t, 2, bakeoff(t.Context(), f, "rehearse", one, "--wait", "--detach").code)
}
