package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
)

func TestShowsWayBack(t *testing.T) {
	const one, other = "drill from step 1", "drill from step 2 by NoData"
	restored := func(drill string, o evidence.Outcome) evidence.Criterion {
		return evidence.Criterion{Name: evidence.RestoredWithin(drill, "10s"), Outcome: o}
	}
	of := func(name string, o evidence.Outcome) evidence.Criterion {
		return evidence.Criterion{Name: name, Outcome: o}
	}
	good := restored(one, evidence.Passed)
	for name, tt := range map[string]struct {
		criteria []evidence.Criterion
		want     bool
	}{
		"nothing":                      {nil, false},
		"a drill":                      {[]evidence.Criterion{good, of(one+evidence.AsBefore, evidence.Passed), of(evidence.DataIsWhole, evidence.Passed)}, true},
		"an action is overdue":         {[]evidence.Criterion{good, of(evidence.ActionsInTime, evidence.Failed)}, true},
		"users met errors besides":     {[]evidence.Criterion{good, of("errors", evidence.Failed)}, true},
		"it was not in time":           {[]evidence.Criterion{restored(one, evidence.Failed)}, false},
		"it was not as before":         {[]evidence.Criterion{good, of(one+evidence.AsBefore, evidence.Failed)}, false},
		"the gap was not measured":     {[]evidence.Criterion{good, of(one+": longest gap", evidence.Unmeasured)}, false},
		"data was lost":                {[]evidence.Criterion{good, of(evidence.DataIsWhole, evidence.Failed)}, false},
		"something is left":            {[]evidence.Criterion{good, of(evidence.NothingIsLeft, evidence.Unmeasured)}, false},
		"one of two kinds":             {[]evidence.Criterion{good, restored(other, evidence.Failed)}, true},
		"an expectation of that name":  {[]evidence.Criterion{{Name: evidence.RestoredWithin(one, "10s"), Outcome: evidence.Passed, Signal: "errors"}}, false},
		"no drill at all, and no harm": {[]evidence.Criterion{of(evidence.NothingIsLeft, evidence.Passed)}, false},
	} {
		require.Equal(t, tt.want, evidence.ShowsWayBack(tt.criteria), name)
	}
}
