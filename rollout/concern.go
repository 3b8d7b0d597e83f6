package rollout

import (
	"fmt"
	"strings"
	"time"
)

// CommandConcern is given by somebody who sees something that no check does, and
// orders nothing: what concerns lead to, together with the checks, is the policy's.
const CommandConcern = "concern"

// Concern is what one person is worried about.
type Concern struct {
	Member string    `json:"member"` // the person, whatever name they use
	Actor  string    `json:"actor"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Concerns says what people's concerns lead to, by how many people have one. Zero
// values lead to nothing: concerns are recorded and told.
type Concerns struct {
	Hold     int `json:"hold,omitempty"`     // so many hold the end of each bake until they are withdrawn, as Inconclusive does
	Rollback int `json:"rollback,omitempty"` // so many put the baseline back at once
}

// HoldsBack reports whether the concerns hold the end of a bake.
func (c Concerns) HoldsBack(all []Concern) bool { return c.Hold > 0 && len(all) >= c.Hold }

// TakesBack reports whether the concerns put the baseline back.
func (c Concerns) TakesBack(all []Concern) bool { return c.Rollback > 0 && len(all) >= c.Rollback }

// ConcernsText says who is concerned, and about what: "ana@example.com is
// concerned: carts look empty; bo@example.com is concerned: …".
func ConcernsText(all []Concern) string {
	var each []string
	for _, c := range all {
		each = append(each, fmt.Sprintf("%s is concerned: %s", c.Actor, c.Reason))
	}
	return strings.Join(each, "; ")
}

func (c Concerns) validate(v *validation) {
	v.require(c.Hold >= 0 && c.Hold <= 100, "policy.concerns.hold", "%d people are impossible: between 0, for nobody, and 100", c.Hold)
	v.require(c.Rollback >= 0 && c.Rollback <= 100, "policy.concerns.rollback", "%d people are impossible: between 0, for nobody, and 100", c.Rollback)
	v.require(c.Rollback <= 0 || c.Hold < c.Rollback, "policy.concerns.hold", "%d people hold nothing, because %d take the rollout back", c.Hold, c.Rollback)
}
