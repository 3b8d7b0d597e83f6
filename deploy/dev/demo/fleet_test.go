package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// aground is a fleet that went back as it has to.
func aground() convoy {
	c := convoy{fleet: brokenFleet, code: 10, story: []event{kept("eu")}}
	c.result = result{Outcome: "RolledBack", Cause: "verdict", Reason: "us: RolledBack: objective ×12", UIURL: "http://ui/f"}
	c.units = []unit{
		back("eu", 1, "Aborted", 9, "50%", "100%"),
		back("us", 2, "RolledBack", 7, "50%"),
		back("ap", 2, "Aborted", 8, "50%"),
	}
	c.units[1].chapter.seen = map[string]answers{"1.0.0": {Requests: 100}, "1.1.0": {Requests: 20, Failed: 6}}
	return c
}

func kept(unit string) event {
	e := event{Kind: "UnitKept"}
	e.Data.Unit = unit
	return e
}

// back is a unit that reached these weights and was tidied up at a second.
func back(name string, wave int, outcome string, tidied int64, weights ...string) unit {
	u := unit{Unit: name, Wave: wave, Outcome: outcome}
	u.chapter.story = append(observed(weights...), event{Kind: "TrafficRestored", Time: time.Unix(6, 0)}, event{Kind: "CleanedUp", Time: time.Unix(tidied, 0)})
	return u
}

func TestRenderFleet(t *testing.T) {
	const want = `                                     WEIGHT         REQUESTS   OF THESE
FLEET  UNIT  WAVE  OUTCOME     EXIT  REACHED  KEPT  MEANWHILE  TO IT  FAILED
1.1.0  eu    1     Aborted           100%     yes   0          0      0
1.1.0  us    2     RolledBack        50%      –     120        20     6 (30.0%)
1.1.0  ap    2     Aborted           50%      –     0          0      0
       all         RolledBack  10                   120        20     6 (30.0%)

why       1.1.0  us: RolledBack: objective ×12

history   1.1.0  http://ui/f
`
	require.Equal(t, want, aground().render())
}

func TestVerifyFleet(t *testing.T) {
	require.NoError(t, aground().verify())
	tests := []struct {
		name  string
		spoil func(*convoy)
		want  string
	}{
		{"exit code", func(c *convoy) { c.code = 0 }, "fleet 1.1.0: it ended with [0 RolledBack verdict], not with [10 RolledBack verdict]"},
		{"units", func(c *convoy) { c.units = c.units[:2] }, "it has 2 units, not 3"},
		{"outcome", func(c *convoy) { c.units[2].Outcome = "Promoted" }, "ap is Promoted, not Aborted"},
		{"traffic", func(c *convoy) { c.units[2].chapter.story = c.units[2].chapter.story[:1] }, "ap is Aborted; its traffic went back: false"},
		{"kept", func(c *convoy) { c.story = []event{kept("ap")} }, "eu was not promoted before it went back"},
		{"promoted", func(c *convoy) { c.units[0].chapter.story = c.units[0].chapter.story[2:] }, "eu was not promoted before it went back"},
		{"newest first", func(c *convoy) { c.units[2].chapter.story[2].Time = time.Unix(10, 0) }, "eu was tidied up at"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := aground()
			tt.spoil(&c)
			require.ErrorContains(t, c.verify(), tt.want)
		})
	}
}
