package bench

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// realBakes are those that the bound names. With windows from one minute to
// twelve hours they have 4, 6 and 23 windows; shortBakes have as many of five
// seconds.
var (
	realBakes  = []time.Duration{10 * time.Minute, time.Hour, 7 * 24 * time.Hour}
	shortBakes = []time.Duration{20 * time.Second, 30 * time.Second, 115 * time.Second}
)

// whole is the history of the course, once it has ended.
var whole *historypb.History

// course is one rollout from start to promotion, alone on its server.
type course struct {
	server *procs.Server
	client client.Client
	plan   rollout.Plan
	run    client.WorkflowRun
	before map[string]float64
}

// beginCourse starts the rollout with short windows.
func beginCourse(b *testing.B) *course {
	b.Helper()
	server := procs.StartServer(b)
	c := &course{server: server, client: dial(b, server)}
	procs.StartWorker(b, server, "")
	o := orderFor("course", newTown(b).drivers(), realBakes...)
	c.plan = rollout.NewPlan(o.Spec)
	for i, bake := range shortBakes {
		o.Spec.Strategy.Canary[i].Bake = rollout.Duration(bake)
	}
	five := rollout.Duration(5 * time.Second)
	o.Spec.Strategy.Window = rollout.WindowSpec{First: five, Cap: five}
	short := rollout.NewPlan(o.Spec)
	for i, step := range c.plan.Steps {
		require.Len(b, short.Steps[i].Windows, len(step.Windows), "as many windows as %s has", step.Bake)
	}
	c.before = actions(b, server)
	c.run = startRollout(b, c.client, o)
	return c
}

// end waits for the promotion and reports how long the history is and what the
// server would bill.
func (c *course) end(b *testing.B) {
	var status rollout.Status
	require.NoError(b, c.run.Get(context.Background(), &status))
	require.Equal(b, rollout.Promoted, status.Outcome, status.Reason)
	whole = history(b, c.client, c.run.GetID())
	billed, heartbeats, parts := 0.0, 0.0, []string{}
	after := actions(b, c.server)
	for _, kind := range slices.Sorted(maps.Keys(after)) {
		n := after[kind] - c.before[kind]
		if n == 0 {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %.0f", kind, n))
		if strings.Contains(strings.ToLower(kind), "heartbeat") {
			heartbeats += n
		} else {
			billed += n
		}
	}
	windows := 0
	for _, step := range c.plan.Steps {
		windows += len(step.Windows)
	}
	b.ReportMetric(0, "ns/op")
	report(b, "events", Row{Name: "events of a rollout, 10m + 1h + 7d", Bound: 320, Value: float64(len(whole.Events)), Unit: "events",
		Note: fmt.Sprintf("%d windows, of 5s each; the plan of the real bakes says at most %d", windows, c.plan.EventBound())})
	report(b, "actions", Row{Name: "actions of a rollout, 10m + 1h + 7d", Bound: 80, Value: billed, Unit: "actions",
		Note: fmt.Sprintf("and %.0f heartbeats; the plan says at most %d; %s", heartbeats, c.plan.ActionBound(), strings.Join(parts, ", "))})
}

// actions reads what the server has counted as billable in the namespace so
// far, by type.
func actions(b *testing.B, s *procs.Server) map[string]float64 {
	b.Helper()
	answer, err := http.Get(s.Metrics)
	require.NoError(b, err)
	defer func() { _ = answer.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	require.NoError(b, err)
	out := map[string]float64{}
	for _, m := range families["action"].GetMetric() {
		if label(m, "namespace") == client.DefaultNamespace {
			out[label(m, "action_type")] += m.GetCounter().GetValue()
		}
	}
	return out
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
