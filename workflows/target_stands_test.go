package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// heard has the story keep who was told of what: the minute, the occasion and the
// channel.
func (s *above) heard(escalation ...rollout.Rung) *[]string {
	var out []string
	s.env.SetStartTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	s.env.OnActivity("Announce", mock.Anything, mock.Anything).Return(activities.AnnounceOutput{Notifies: true, Escalation: escalation}, nil).Maybe()
	s.env.RegisterWorkflowWithOptions(func(_ workflow.Context, in rollout.Telling) (rollout.Told, error) {
		n, channel := in.Notice, ""
		if len(in.To) > 0 {
			channel = " " + in.To[0].Channel
		}
		require.Equal(s.t, rollout.WaitingForQueue, n.WaitingFor)
		require.Equal(s.t, "aborted by cy", n.Reason)
		require.Contains(s.t, n.Text, "the queue of 1 stands until it is resumed: aborted by cy")
		out = append(out, n.At.UTC().Format("15:04 ")+string(n.Event)+channel)
		return rollout.Told{}, nil
	}, workflow.RegisterOptions{Name: rollout.NotifyWorkflowType})
	return &out
}

func rungAt(after time.Duration, channel string) rollout.Rung {
	return rollout.Rung{After: rollout.Duration(after), To: "slack", Channel: channel}
}

// An abort that somebody sends past the command line stops the queue as any other, where
// anybody may abort, and says that nobody is named.
func TestNamelessAbortsStopTheQueue(t *testing.T) {
	const nobodys = "aborted by somebody who gave no name: no reason given"
	for name, tt := range map[string]struct {
		denied string
		sent   any
		stands string
	}{
		"by nobody":            {"", rollout.Command{}, nobodys},
		"unreadable":           {"", "stop it", "aborted by somebody who gave no name: " + rollout.Unread},
		"with blanks":          {"", rollout.Command{ID: "1", Actor: " ", Reason: "\t"}, nobodys},
		"without a reason":     {"", rollout.Command{Actor: "cy"}, "aborted by cy: no reason given"},
		"with all but an id":   {"", rollout.Command{Actor: "cy", Reason: "INC-12"}, "aborted by cy: INC-12"},
		"where not anyone may": {"somebody who gave no name may not abort in staging: that is for on-call", rollout.Command{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAbove(t)
			s.denied = map[string]string{rollout.CommandAbort: tt.denied}
			s.submit(0, "2.5.0", rollout.OnNewQueue)
			s.submit(time.Second, "2.6.0", rollout.OnNewQueue)
			abort := func() { s.env.SignalWorkflow(rollout.CommandAbort, tt.sent) }
			s.env.RegisterDelayedCallback(abort, time.Minute)
			s.know(4*time.Minute, func(known rollout.TargetStatus) { require.Equal(t, tt.stands, known.Stands) })
			s.command(5*time.Minute, rollout.CommandResume, "on")
			s.submit(6*time.Minute, "2.7.0", rollout.OnNewQueue)
			s.env.RegisterDelayedCallback(abort, 7*time.Minute)
			known := s.anHour()
			if c, _ := tt.sent.(rollout.Command); tt.stands != "" && c.ID == "" {
				require.Equal(t, tt.stands, known.Stands, "another one is another order")
			}
		})
	}
}

// People are told of a queue that stands, one after another, until somebody resumes
// it.
func TestAQueueThatStandsClimbsItsLadder(t *testing.T) {
	ladder := []rollout.Rung{rungAt(10*time.Minute, "@team"), rungAt(20*time.Minute, "backup"), rungAt(40*time.Minute, "on-call")}
	for name, s := range map[string]struct {
		story func(*above)
		want  []string
	}{
		"until it is resumed": {func(s *above) {
			s.ends["2.5.0"] = rollout.Status{Outcome: rollout.Aborted, Reason: "aborted by cy"}
			s.submit(0, "2.5.0", rollout.OnNewQueue)
			s.submit(time.Minute, "2.6.0", rollout.OnNewQueue)
			s.know(30*time.Minute, func(k rollout.TargetStatus) { require.Equal(s.t, "aborted by cy", k.Stands) })
			s.command(30*time.Minute, rollout.CommandResume, "r")
		}, []string{"12:03 waiting", "12:13 escalated @team", "12:23 escalated backup"}},
		"and resumed before the first rung": {func(s *above) {
			s.ends["2.5.0"] = rollout.Status{Outcome: rollout.Aborted, Reason: "aborted by cy"}
			s.submit(0, "2.5.0", rollout.OnNewQueue)
			s.submit(time.Minute, "2.6.0", rollout.OnNewQueue)
			s.command(5*time.Minute, rollout.CommandResume, "r")
		}, []string{"12:03 waiting"}},
		"the last that waited is withdrawn": {func(s *above) {
			s.ends["2.5.0"] = rollout.Status{Outcome: rollout.Aborted, Reason: "aborted by cy"}
			s.submit(0, "2.5.0", rollout.OnNewQueue)
			s.submit(time.Minute, "2.6.0", rollout.OnNewQueue)
			s.env.RegisterDelayedCallback(func() {
				s.env.SignalWorkflow(rollout.CommandWithdraw, rollout.Withdrawal{ID: "2.6.0", Version: "2.6.0", Actor: "ana"})
			}, 15*time.Minute)
		}, []string{"12:03 waiting", "12:13 escalated @team"}},
		"in a new run, where the one before it told some": {func(s *above) {
			since := time.Date(2026, 3, 1, 11, 45, 0, 0, time.UTC)
			s.known.Queue, s.known.Stands, s.known.StandsSince, s.known.StandsTold = []rollout.Submit{orderOf("2.6.0", "")}, "aborted by cy", &since, 2
		}, []string{"12:05 escalated backup", "12:25 escalated on-call"}},
		"not one that stood under older workers": {func(s *above) {
			s.known.Queue, s.known.Stands = []rollout.Submit{orderOf("2.6.0", "")}, "aborted by cy"
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			above := newAbove(t)
			told := above.heard(ladder...)
			s.story(above)
			above.anHour()
			require.Equal(t, s.want, *told)
		})
	}
}
