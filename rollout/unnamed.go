package rollout

import (
	"cmp"
	"strings"
)

// What people read where an order says neither who gives it nor why. The command line
// always says so; who speaks to Temporal itself need not.
const (
	Unnamed     = "somebody who gave no name"
	Unexplained = "no reason given"
	Unread      = "what came with the order cannot be read"
)

// UnnamedID begins the id that a Target gives to an abort that has none.
const UnnamedID = "signal/"

// NameOf is an actor for people: Unnamed where there is none.
func NameOf(actor string) string { return cmp.Or(strings.TrimSpace(actor), Unnamed) }

// Said is who gave a command and why, for people: "ana: checkout is slow".
func (c Command) Said() string {
	return NameOf(c.Actor) + ": " + cmp.Or(strings.TrimSpace(c.Reason), Unexplained)
}
