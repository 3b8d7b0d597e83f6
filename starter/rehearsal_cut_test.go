package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rehearsal"
)

// Of a rehearsal that was ended from outside only that is said which can be so.
func TestRehearsalThatIsCutSaysWhatMayBeLeft(t *testing.T) {
	for name, c := range map[string]struct {
		begun    []string
		said     string
		unlooked string // by the doctor
	}{
		"nobody noted it": {nil, "its rollout puts the baseline back by itself, and its load ends by itself, but faults and rows that it replaced may be left: see bakeoff doctor",
			"nobody has looked whether its faults are gone, and rows that it replaced were not put back"},
		"nothing had begun": {[]string{}, "nothing had begun that could be left", ""},
		"rows are replaced": {[]string{rehearsal.BegunData}, "rows that it replaced may be left: see bakeoff doctor", "rows that it replaced were not put back"},
		"load goes on":      {[]string{rehearsal.BegunLoad}, "its load ends by itself", ""},
		"a drill":           {[]string{rehearsal.BegunLoad, rehearsal.BegunRollout}, "its rollout puts the baseline back by itself, and its load ends by itself", ""},
		"a fault": {[]string{rehearsal.BegunLoad, rehearsal.BegunFaults}, "its load ends by itself, but faults may be left: see bakeoff doctor",
			"nobody has looked whether its faults are gone"},
	} {
		t.Run(name, func(t *testing.T) {
			one, _ := practise(t)
			id := "rehearsal/staging/one"
			cut := execution{run: run{id, "r"}, Target: "staging/checkout", Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, Started: noon}
			f := &fake{pollers: map[string]int{"control": 1, "analysis": 1, "infra": 1}, byType: map[string][]execution{"Rehearsal": {cut}},
				others: map[string]execution{id: cut}, practice: func(run, any) error { return &temporal.TerminatedError{} },
				standing: map[string]any{id: rehearsal.Status{Phase: rehearsal.Practising, Begun: c.begun}}}
			require.Contains(t, bakeoff(t.Context(), f, "rehearse", one).err, id+" was ended from outside: "+c.said+"\n")
			f.practice = nil
			got := bakeoff(t.Context(), f, "doctor")
			if c.unlooked == "" {
				require.NotContains(t, got.out, "cutOff")
			} else {
				require.Contains(t, got.out, "the rehearsal staging/one was ended from outside: "+c.unlooked+"\n")
			}
		})
	}
}
