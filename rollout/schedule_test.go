package rollout

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, time.December, 1, 12, 0, 0, 0, time.UTC)

func TestScheduleIsRead(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	for _, tt := range []struct {
		s    Schedule
		want string
	}{
		{Schedule{From: noon.In(berlin)}, "from 2026-12-01 12:00 UTC"},
		{Schedule{To: noon.Add(time.Second)}, "until 2026-12-01 12:00:01 UTC"},
		{Schedule{From: noon, To: noon.Add(time.Hour)}, "from 2026-12-01 12:00 UTC until 2026-12-01 13:00 UTC"},
	} {
		require.Equal(t, tt.want, tt.s.String())
	}
	body, err := json.Marshal(Schedule{To: noon})
	require.NoError(t, err)
	require.JSONEq(t, `{"to":"2026-12-01T12:00:00Z"}`, string(body))
	var none *Schedule
	require.True(t, none.Begin().IsZero() && none.End().IsZero())
	require.Empty(t, none.Closed(noon))
	c := (&Schedule{From: noon}).Closed(noon.Add(-1))[0]
	require.Equal(t, "its schedule has begun: 2026-12-01 12:00 UTC", c.Over())
	require.Equal(t, `freeze is over: party`, (&Closure{Gate: GateFreeze, Name: "party"}).Over())
	require.Nil(t, Merge([]Closure{c}, c.Keys), "it can be passed")
}

// At every moment a schedule either keeps users from the release, lets them have
// it, or is over; and what is over is never admitted.
func TestScheduleAtEveryMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := func(name string) time.Time {
			return noon.Add(time.Duration(rapid.IntRange(-1000, 1000).Draw(t, name)) * time.Hour)
		}
		s, now := Schedule{}, moment("now")
		if rapid.Bool().Draw(t, "begins") {
			s.From = moment("from")
		}
		if rapid.Bool().Draw(t, "ends") || s.From.IsZero() {
			s.To = moment("to")
		}
		spec := valid()
		spec.Schedule = &s
		if !s.To.IsZero() && !s.To.After(s.From) {
			require.Len(t, spec.Validate(), 1)
			return
		}
		require.Empty(t, spec.Validate())
		require.Equal(t, now.Before(s.From), len(s.Closed(now)) == 1)
		for _, c := range s.Closed(now) {
			require.True(t, c.Until.Equal(s.From))
			require.Equal(t, ExposureHold, c.Exposure)
		}
		plan := NewPlan(spec)
		scheduled, late := plan.Scheduled(now)
		require.Equal(t, !s.To.IsZero() && !now.Before(s.To), len(late) == 1)
		if len(late) == 0 {
			require.Greater(t, scheduled.Events, plan.Events)
			require.LessOrEqual(t, scheduled.Events, plan.Events+16+6*2000/12)
		}
	})
}

func TestScheduled(t *testing.T) {
	for name, tt := range map[string]struct {
		s       Schedule
		problem string
		warning string
	}{
		"over":             {Schedule{To: noon.Add(-time.Second)}, "schedule.to: 2026-12-01 11:59:59 UTC is over: give a later moment, or leave it out", ""},
		"over now":         {Schedule{To: noon}, "schedule.to: 2026-12-01 12:00 UTC is over: give a later moment, or leave it out", ""},
		"begun":            {Schedule{From: noon.Add(-time.Hour)}, "", ""},
		"too far ahead":    {Schedule{From: noon.Add(LongestSchedule + time.Second)}, "schedule: 2028-11-30 12:00:01 UTC is too far ahead: at most 730d from now, because the rollout is open until then", ""},
		"as far as can be": {Schedule{To: noon.Add(LongestSchedule)}, "", ""},
		"no time for the bakes": {Schedule{From: noon.Add(-time.Hour), To: noon.Add(30 * time.Minute)}, "",
			"schedule: the bakes take 40m, and users may have it for 30m: it goes back before everybody has it"},
		"no time after its beginning": {Schedule{From: noon.Add(time.Hour), To: noon.Add(100 * time.Minute)}, "",
			"schedule: the bakes take 40m, and users may have it for 40m: it goes back before everybody has it"},
		"time enough": {Schedule{From: noon.Add(time.Hour), To: noon.Add(101 * time.Minute)}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			spec := valid()
			spec.Schedule = &tt.s
			plan := NewPlan(spec)
			scheduled, problems := plan.Scheduled(noon)
			if tt.problem != "" {
				require.Equal(t, []string{tt.problem}, Texts(problems))
				return
			}
			require.Empty(t, problems)
			require.LessOrEqual(t, scheduled.Events, MaxEvents)
			if added := scheduled.Warnings[len(plan.Warnings):]; tt.warning == "" {
				require.Empty(t, added)
			} else {
				require.Equal(t, []string{tt.warning}, added)
			}
		})
	}
}

// A plan that ends by going back removes no baseline, and a way back has no time of
// its own.
func TestScheduledPlansKeepTheBaseline(t *testing.T) {
	spec := valid()
	acts := len(NewPlan(spec).Acts)
	spec.Schedule = &Schedule{From: noon}
	require.Len(t, NewPlan(spec).Acts, acts)
	spec.Schedule.To = noon.Add(time.Hour)
	require.Len(t, NewPlan(spec).Acts, acts-1)
	require.Nil(t, spec.BackTo(Release{Version: "1"}).Schedule)
}
