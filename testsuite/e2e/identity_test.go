package e2e_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// Where Temporal knows its callers, history tells who sent what, whoever they
// claim to be, and a caller may do what its token permits.
func TestIdentity(t *testing.T) {
	t.Parallel()
	license(t)
	server := procs.StartGuardedServer(t)
	c := &town{server: server.As(t, "ci@example.com", "default:write", time.Hour)}
	c.worker = procs.StartWorker(t, server.As(t, "worker", "default:write", time.Hour), "")
	for name, scene := range map[string]func(*scene){
		"Claims": claimsAreCompared, "Started": startIsCompared, "Unwitnessed": updatesNeedAWitness, "Permissions": tokensPermit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scene(c.scene(t))
		})
	}
}

// as is the scene with somebody else at the command line.
func (s *scene) as(subject, permission string, d time.Duration) *scene {
	other := *s
	other.town = &town{server: s.town.server.As(s.t, subject, permission, d), worker: s.town.worker}
	return &other
}

func (s *scene) writer(subject string) *scene { return s.as(subject, "default:write", time.Hour) }

// mismatches are those of all orders, as the story has them.
func (s *scene) mismatches() []string {
	s.t.Helper()
	var out []string
	for _, e := range s.told(rollout.EventCommand) {
		text, _ := e.Data["mismatch"].(string)
		out = append(out, text)
	}
	return out
}

func claimsAreCompared(s *scene) {
	bo, ana := s.writer("bo@example.com"), s.writer("ana@example.com")
	s.starts("ci@example.com", asks("from: [anyone], quorum: 2, within: 1h"))
	s.waitsFor(rollout.WaitingForApproval)
	bo.order(0, "approve", "--actor", "ana@example.com")
	bo.order(0, "approve", "--actor", "Bo@example.com")
	s.ends(0, rollout.Promoted, "")
	require.Equal(s.t, []string{"Temporal knows the sender as bo@example.com, not as ana@example.com", ""}, ana.mismatches())
	told := ana.told(rollout.EventCommand)
	require.Contains(s.t, told[0].Text, "not as ana@example.com")
	require.Equal(s.t, "bo@example.com", told[1].Data["principal"])
	require.Equal(s.t, "jwt", told[1].Data["principalType"])
	require.True(s.t, strings.HasPrefix(told[1].Data["identity"].(string), "bakeoff/"), told[1].Data["identity"])
	submitted := ana.told(rollout.EventSubmitted)[0]
	require.Equal(s.t, "ci@example.com", submitted.Data["principal"])
	require.Contains(s.t, submitted.Data["identity"], "bakeoff/")
	require.NotContains(s.t, submitted.Data, "mismatch")
}

// Who asked the Target is compared, and whoever aborts.
func startIsCompared(s *scene) {
	bo := s.writer("bo@example.com")
	bo.starts("ana@example.com", oneLong)
	s.bakes(1000)
	require.Equal(s.t, "Temporal knows the sender as bo@example.com, not as ana@example.com", s.told(rollout.EventSubmitted)[0].Data["mismatch"])
	bo.order(0, "pause", "--actor", "bo@example.com")
	bo.order(0, "abort", "--actor", "ana@example.com")
	s.ends(11, rollout.Aborted, "")
	require.Equal(s.t, []string{"", "Temporal knows the sender as bo@example.com, not as ana@example.com"}, s.mismatches())
}

// Who sends an update alone, with a program of their own, is not known: the
// update bears the worker's name.
func updatesNeedAWitness(s *scene) {
	s.starts("ci@example.com", oneLong)
	s.bakes(1000)
	bo := s.dial(s.town.server.As(s.t, "bo@example.com", "default:write", time.Hour))
	c := rollout.Command{ID: "forged", Name: rollout.CommandPause, Actor: "ana@example.com", Reason: "a test", At: time.Now().UTC()}
	_, err := bo.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{UpdateID: c.ID, WorkflowID: "rollout/" + s.target(),
		UpdateName: c.Name, Args: []any{c}, WaitForStage: client.WorkflowUpdateStageCompleted})
	require.NoError(s.t, err)
	said := s.told(rollout.EventCommand)[0]
	require.Equal(s.t, "who sent this is not known, though Temporal knows its callers", said.Data["mismatch"])
	require.NotContains(s.t, said.Data, "principal")
	s.order(0, "abort", "--actor", "ci@example.com")
	s.ends(11, rollout.Aborted, "")
}

// dial connects as whom the server is called by.
func (s *scene) dial(as *procs.Server) client.Client {
	s.t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: as.Address, Credentials: client.NewAPIKeyStaticCredentials(as.Token()),
		ConnectionOptions: client.ConnectionOptions{TLSDisabled: true}, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(s.t, err)
	s.t.Cleanup(c.Close)
	return c
}

func tokensPermit(s *scene) {
	s.start(oneLong)
	s.bakes(1000)
	eve := s.as("eve@example.com", "default:read", time.Hour)
	require.Equal(s.t, rollout.Weight(1000), eve.status().Weight)
	require.NotEmpty(s.t, eve.story())
	file := s.file(oneLong)
	for name, who := range map[string]*scene{
		"reader": eve, "expired": s.as("ana@example.com", "default:write", -time.Minute), "elsewhere": s.as("ana@example.com", "another:write", time.Hour),
	} {
		for _, args := range [][]string{
			{"abort", s.target(), "--reason", "a test"}, {"pause", s.target(), "--reason", "a test"}, {"start", file, "--reason", "a test"},
		} {
			out := who.cli(args...)
			require.Equal(s.t, 1, out.Code, "%s: %s: %s", name, args, out.Stderr)
			require.Contains(s.t, out.Stderr, "Temporal does not permit this to you: TEMPORAL_API_KEY", "%s: %s", name, args)
		}
	}
	late := procs.LaunchWorker(s.t, s.as("worker", "default:write", -time.Minute).town.server, "")
	until(s.t, "the worker's complaint", func() bool {
		return strings.Contains(late.Tail(2), "not let in by Temporal at "+s.town.server.Address+": TEMPORAL_API_KEY")
	})
	s.watched(2)
	require.Equal(s.t, rollout.Weight(1000), s.weight())
	require.Empty(s.t, s.told(rollout.EventCommand))
	s.order(0, "abort")
	s.ends(11, rollout.Aborted, "")
}
