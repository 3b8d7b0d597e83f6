package activities

import (
	"context"
	"io"
	"time"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// Load sends the requests of rehearsals.
type Load interface {
	// Attack sends one generator's part of a load, each request when it is due,
	// and returns when the last is answered. What the services answer, errors
	// included, is in the results; an error is that nothing could be sent
	// (ErrFinal: it never can), that raw could not be written, or ctx's own.
	// When ctx ends, nothing more is sent and nothing more awaited; the results
	// are then those until that moment, with ctx's error.
	//
	// Every request is written to raw (see [load.ReadRaw]). Once a second, and in
	// the end, progress, if not nil, is called with the results since its last
	// call; raw can then be read as far as these, should this process die.
	Attack(ctx context.Context, order AttackOrder, raw io.Writer, progress func(load.Results)) (load.Results, error)
}

// AttackOrder is one generator's part of a load.
type AttackOrder struct {
	Seed      int64            `json:"seed"`
	Run       string           `json:"run,omitempty"` // whose ids are sent: see [load.Schedule.Of]
	Load      load.Load        `json:"load"`
	Recording []load.Recorded  `json:"-"`                  // of load.replay
	Shard     int              `json:"shard"`              // from 0
	Shards    int              `json:"shards"`             // of the load in all, at least 1
	Start     time.Time        `json:"start"`              // when the load begins, the same for all shards, load.at already counted; zero: now
	From      rollout.Duration `json:"from,omitempty"`     // another try has sent what was due before, since Start: that is left out; what was due from then on until now is missed
	Again     bool             `json:"again,omitempty"`    // another try may have sent something, also where From is 0: the users of a closed load go on with arrivals that no try before can have come to
	Most      load.Rate        `json:"most"`               // requests a second that the whole load may mean to send; more is refused
	Interval  rollout.Duration `json:"interval,omitempty"` // of the results; default 1s

	// ReadBack sends nothing but what reads the transactions of these arrivals
	// back (see [load.Ledger.Transactions]), at the rate Most or 200/s, whichever
	// is lower.
	ReadBack     bool  `json:"readBack,omitempty"`
	Transactions []int `json:"transactions,omitempty"`
}
