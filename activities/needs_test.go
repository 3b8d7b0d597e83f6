package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rollout"
)

// elsewhere is what serves other targets, by name. Of one that is not listed
// nothing can be said.
type elsewhere map[string][]rollout.Known

func (e elsewhere) Good(_ context.Context, t rollout.Target) ([]rollout.Known, error) {
	good, known := e[t.String()]
	if !known {
		return nil, errors.New("the server is away")
	}
	return good, nil
}

func (elsewhere) Quarantined(context.Context, rollout.Target, rollout.Release) (*rollout.Quarantined, error) {
	return nil, nil
}

// served is a version that was promoted some time before now.
func served(version string, ago time.Duration) []rollout.Known {
	return []rollout.Known{{Release: rollout.Release{Version: version}, At: time.Now().Add(-ago)}}
}

func TestNeeds(t *testing.T) {
	world := elsewhere{"e/there": served("2", time.Hour), "e/young": served("2", time.Minute), "e/younger": served("2", time.Second),
		"e/old": served("1", time.Hour), "e/empty": nil}
	anyOf := func(targets ...string) rollout.Need {
		need := rollout.Need{}
		for _, target := range targets {
			need.Any = append(need.Any, rollout.Alternative{Target: target, Version: "2", Soaked: rollout.Duration(30 * time.Minute)})
		}
		return need
	}
	for name, tt := range map[string]struct {
		need rollout.Need
		want string // "": nothing is missing
		key  string
	}{
		"one":                          {rollout.Need{Target: "e/old", Version: "2"}, "e/old serves 1, not 2", "prerequisite/e/old@2"},
		"one that is so":               {rollout.Need{Target: "e/there", Version: "2"}, "", ""},
		"one of them is enough":        {anyOf("e/empty", "e/old", "e/there"), "", ""},
		"whatever is not known":        {anyOf("e/away", "e/there"), "", ""},
		"what soaks is nearest":        {anyOf("e/empty", "e/old", "e/younger"), "one of e/empty, e/old, e/younger is needed, and none is as it must be; the nearest: e/younger is to serve 2 for 30m, until ", "prerequisite/e/empty@2 or e/old@2 or e/younger@2"},
		"then what is sooner":          {anyOf("e/younger", "e/young"), "the nearest: e/young is to serve 2", "prerequisite/e/younger@2 or e/young@2"},
		"then what serves another one": {anyOf("e/empty", "e/old"), "the nearest: e/old serves 1, not 2", "prerequisite/e/empty@2 or e/old@2"},
		"nothing at all":               {anyOf("e/empty"), "the nearest: nothing was promoted on e/empty", "prerequisite/e/empty@2"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &Activities{Gates: Gates{Targets: world}}
			missing, err := a.missing(t.Context(), []rollout.Need{tt.need})
			require.NoError(t, err)
			if tt.want == "" {
				require.Empty(t, missing)
				return
			}
			require.Len(t, missing, 1)
			require.Contains(t, missing[0].Reason, tt.want)
			require.Equal(t, []string{tt.key}, missing[0].Keys)
		})
	}
	a := &Activities{Gates: Gates{Targets: world}}
	_, err := a.missing(t.Context(), []rollout.Need{anyOf("e/old", "e/away")})
	require.ErrorContains(t, err, "ask what serves e/away: the server is away", "what is not known is taken for neither")
}

// A list of which one is enough is open when one of its targets would be alone, and
// else waits for no longer than the first of them.
func TestNeedsOfWhichOneIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		world, need := elsewhere{}, rollout.Need{}
		for i := range rapid.IntRange(1, 5).Draw(t, "targets") {
			name := fmt.Sprintf("e/t%d", i)
			world[name] = nil
			if version := rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "version"); version != "" {
				world[name] = served(version, time.Duration(rapid.IntRange(1, 100).Draw(t, "minutes"))*time.Minute)
			}
			need.Any = append(need.Any, rollout.Alternative{Target: name, Version: "2", Soaked: rollout.Duration(50 * time.Minute)})
		}
		a := &Activities{Gates: Gates{Targets: world}}
		together, err := a.missing(context.Background(), []rollout.Need{need})
		require.NoError(t, err)
		isOpen, soonest := false, time.Time{}
		for _, one := range need.Any {
			alone, err := a.missing(context.Background(), []rollout.Need{{Target: one.Target, Version: one.Version, Soaked: one.Soaked}})
			require.NoError(t, err)
			isOpen = isOpen || len(alone) == 0
			if len(alone) > 0 && alone[0].Until != nil && (soonest.IsZero() || alone[0].Until.Before(soonest)) {
				soonest = *alone[0].Until
			}
		}
		require.Equal(t, isOpen, len(together) == 0)
		switch {
		case isOpen:
		case soonest.IsZero():
			require.Nil(t, together[0].Until)
		default:
			require.Equal(t, soonest, *together[0].Until)
		}
	})
}
