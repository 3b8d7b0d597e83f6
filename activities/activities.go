// Package activities holds the acts on the world: what a rollout reads and does.
// A worker registers the Activities struct; its methods are the activities. Each
// takes one struct and returns one, and may be repeated: it says what is to be so,
// not what is to change. The interfaces in drivers.go are all that activities need
// of outside systems; the folders below hold one implementation for each vendor.
//
// Observe (observe.go) is the one to read first: it watches one window of a bake.
package activities

import (
	"log/slog"
	"time"

	"bakeoff/rollout"
)

// Activities acts on the world through the drivers of its registry.
type Activities struct {
	Drivers       Registry
	Vault         Vault             // raw windows; nil keeps none
	Limits        map[string]Limits // by environment; "default" serves the others
	Rules         Rules             // who may do what
	Policy        string            // digest of all that decides; "": nothing does
	Gates         Gates             // what may close a target for a while
	Hooks         Hooks             // how hooks are called; nil: no HTTP ones
	Notifications Notifications     // who is told of what
	Load          Load              // sends the requests of rehearsals; nil: none
	Beats         Beats             // by which a generator knows that it is heard; nil: it goes on unheard
	Faults        Faults            // makes the faults of rehearsals; nil: none
	Prober        Prober            // asks the services of rehearsals whether they are well; nil: nobody does
	Archive       Archive           // what rehearsals leave; nil: there can be none
	Practice      Practice          // what rehearsals may do
	Executions    Executions        // which workflows run; nil: nobody can be asked, and fleets lock nothing
	Queues        Queues            // whether somebody serves a task queue; nil: that is not asked
	Look          time.Duration     // how long Preflight watches the baseline, where metrics do not remember; default 2s
	Now           func() time.Time  // default time.Now
	Log           *slog.Logger      // default slog.Default
}

// Limits is what an environment allows specs to say.
type Limits struct {
	FirstWeight    rollout.Weight   `json:"firstWeight,omitempty"` // highest weight of the first step; 0: any
	BakeAtLeast    rollout.Duration `json:"bakeAtLeast,omitempty"` // shortest bake; 0: any
	MutableTags    string           `json:"mutableTags,omitempty"` // refuse (default) | allow
	RequireOwner   bool             `json:"requireOwner,omitempty"`
	RequirePurpose bool             `json:"requirePurpose,omitempty"`
	RequireReason  bool             `json:"requireReason,omitempty"` // of each start; commands need one anyway
}

// Job is what every act of one rollout needs to know. It travels in each
// activity's input, so that any worker can do any act.
type Job struct {
	Target    string              `json:"target"` // environment/service[/unit]
	Drivers   rollout.Drivers     `json:"drivers"`
	Baseline  string              `json:"baseline,omitempty"` // "": a first release
	Candidate string              `json:"candidate"`
	Endpoints map[string][]string `json:"endpoints,omitempty"` // version → where it answers
	Intent    string              `json:"intent,omitempty"`    // of this act, stable over retries
	Fence     Fence               `json:"fence,omitzero"`      // of this act
}

func (j Job) write() Write { return Write{Intent: j.Intent, Fence: j.Fence} }

func (a *Activities) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}
