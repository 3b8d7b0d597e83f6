package docs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// inputs is the part of a rehearsal's manifest that is data, load and faults.
type inputs struct {
	Baseline data.Baseline `json:"baseline"`
	Data     []data.Set    `json:"data"`
	Load     []load.Load   `json:"load"`
	Faults   []fault.Fault `json:"faults"`
}

// Validate is what the whole manifest says of this part.
func (in inputs) Validate() []rollout.Problem {
	out := in.Baseline.Problems("baseline")
	for i, s := range in.Data {
		out = append(out, s.Problems(fmt.Sprintf("data[%d]", i))...)
	}
	for i, l := range in.Load {
		out = append(out, l.Problems(fmt.Sprintf("load[%d]", i))...)
	}
	return append(out, fault.Problems("faults", in.Faults)...)
}

func checkTemplate(t *testing.T, b block) {
	t.Helper()
	require.Empty(t, specfile.Decode(b.where(), []byte(b.text), &data.Template{}))
}

func checkInputs(t *testing.T, b block) {
	t.Helper()
	require.Empty(t, specfile.Decode(b.where(), []byte(b.text), &inputs{}))
}
