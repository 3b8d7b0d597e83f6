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

// The specs of the guide; its examples of judge are run by testsuite/docs.
func TestExamplesOfTheGuideHold(t *testing.T) {
	blocks := yamlBlocks.FindAllStringSubmatch(guide(t, "cli.md"), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		got := bakeoff(t.Context(), &fake{}, "lint", file(t, block[1]))
		require.Equal(t, 0, got.code, got.err)
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
		rollout.EventUnitStarted, rollout.EventUnitKept, rollout.EventUnitEnded,
	} {
		require.Regexp(t, `(?m)^\|[^|]*\b`+string(kind)+`\b`, text)
	}
}
