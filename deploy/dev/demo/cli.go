package demo

import (
	"context"
	"time"

	"bakeoff/deploy/dev/town"
)

// cli is the command line, as far as the demonstration uses it.
type cli struct{ town.CLI }

// result is the part of the result JSON that the demonstration tells of.
type result struct {
	RunID         string    `json:"runId"`
	StartedAt     time.Time `json:"startedAt"`
	Phase         string    `json:"phase"`
	WaitingFor    string    `json:"waitingFor"`
	Outcome       string    `json:"outcome"`
	Cause         string    `json:"cause"`
	Reason        string    `json:"reason"`
	Weight        string    `json:"weight"`
	Checks        []check   `json:"checks"`
	Units         []unit    `json:"units"` // of a fleet
	TimeToRestore *struct {
		Decide, Traffic, Health, Total string
	} `json:"timeToRestore"`
	UIURL  string `json:"uiUrl"`
	Answer string `json:"answer"` // to a command, with Why
	Why    string `json:"why"`
}

// result calls a command that prints the result JSON.
func (c cli) result(ctx context.Context, told func(string), args ...string) (r result, code int, err error) {
	code, err = c.Result(ctx, told, &r, args...)
	return r, code, err
}
