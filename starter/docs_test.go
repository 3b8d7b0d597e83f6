package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

var yamlBlocks = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func guide(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + name)
	require.NoError(t, err)
	return string(text)
}

func TestExamplesOfTheGuideHold(t *testing.T) {
	blocks := yamlBlocks.FindAllStringSubmatch(guide(t, "cli.md"), -1)
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		text := block[1]
		if strings.Contains(text, "kind: ") {
			got := bakeoff(t.Context(), &fake{}, "lint", file(t, text))
			require.Equal(t, 0, got.code, got.err)
			continue
		}
		lines, got := judged(t, text, []string{rate("a", 0, 1)})
		require.Equal(t, 0, got.code, got.err)
		require.Len(t, lines, 3)
	}
}

func TestTheGuideListsEveryCommand(t *testing.T) {
	text := guide(t, "cli.md")
	c := &cli{process: &process{in: strings.NewReader("")}, output: "text"}
	for _, command := range c.root().Commands() {
		require.Contains(t, text, "`"+command.Name(), command.Name())
	}
}

func TestTheGuideListsEveryKindOfEvent(t *testing.T) {
	text := guide(t, "history.md")
	for _, kind := range []rollout.EventKind{
		rollout.EventSubmitted, rollout.EventAdmitted, rollout.EventRefused, rollout.EventSnapshot, rollout.EventPreflight,
		rollout.EventDeployed, rollout.EventGateWaiting, rollout.EventGatePassed, rollout.EventGateRefused, rollout.EventWeightSet,
		rollout.EventWeightObserved, rollout.EventWindow, rollout.EventStepPassed, rollout.EventHeld, rollout.EventPaused,
		rollout.EventResumed, rollout.EventCommand, rollout.EventDrift, rollout.EventBreach, rollout.EventRestoring,
		rollout.EventTrafficRestored, rollout.EventHealthRestored, rollout.EventCompared, rollout.EventPromoted,
		rollout.EventCleanedUp, rollout.EventNotified, rollout.EventNeedsHuman, rollout.EventSealed, rollout.EventEnded,
	} {
		require.Regexp(t, `(?m)^\|[^|]*\b`+string(kind)+`\b`, text)
	}
}
