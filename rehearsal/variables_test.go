package rehearsal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
)

// Variables stand wherever a load or a task names them; all else is as it was.
func TestVariablesArePutIn(t *testing.T) {
	keep := false
	m := rehearsal.Manifest{
		Variables: map[string]string{"region": "eu-1", "host": "127.0.0.1:8080"},
		Load: []load.Load{
			{Name: "browse", URL: "http://{{var.host}}/", Rate: 12.5, KeepAlive: &keep, Headers: map[string]string{"X-Region": "{{ var.region }}"}},
			{Name: "order", URL: "http://{{var.host}}", Journeys: []load.Journey{{Name: "buy", Steps: []load.Step{
				{Path: "/orders/{{id}}", Body: `{"region":"{{var.region}}","to":"{{token}}"}`, Capture: map[string]string{"token": "token"}}}}}},
			{Name: "plain", URL: "http://127.0.0.1:1/"},
		},
		Faults: []fault.Fault{{Name: "chaos", Task: &fault.Task{Input: map[string]any{"zones": []any{"{{var.region}}a", 3}, "app": map[string]any{"of": "{{var.region}}"}}}}},
	}
	got := m.PutIn()
	require.Empty(t, got.NotPutIn())
	require.Equal(t, load.Load{Name: "browse", URL: "http://127.0.0.1:8080/", Rate: 12.5, KeepAlive: &keep, Headers: map[string]string{"X-Region": "eu-1"}}, got.Load[0])
	require.Equal(t, `{"region":"eu-1","to":"{{token}}"}`, got.Load[1].Journeys[0].Steps[0].Body)
	require.Equal(t, "/orders/{{id}}", got.Load[1].Journeys[0].Steps[0].Path)
	require.Equal(t, m.Load[2], got.Load[2])
	require.Equal(t, map[string]any{"zones": []any{"eu-1a", 3}, "app": map[string]any{"of": "eu-1"}}, got.Faults[0].Task.Input)
	require.Equal(t, got, got.PutIn(), "once is enough")
	require.Equal(t, "http://{{var.host}}/", m.Load[0].URL, "the one before is as it was")

	m.Variables = map[string]string{"host": "127.0.0.1:8080"}
	var places []string
	for _, p := range m.PutIn().NotPutIn() {
		require.Equal(t, "{{var.region}} says nothing: variables does not name it", p.Message)
		places = append(places, p.Path)
	}
	require.Equal(t, []string{"load[0]", "load[1]", "faults[0].task.input", "faults[0].task.input"}, places)
}
