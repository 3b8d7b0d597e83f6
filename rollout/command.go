package rollout

import (
	"slices"
	"strings"
	"time"
)

// The commands an operator can give; also the names of the Updates. Abort is
// a Signal, too.
const (
	CommandPause       = "pause"
	CommandResume      = "resume"
	CommandAbort       = "abort"
	CommandApprove     = "approve"
	CommandReject      = "reject"
	CommandPromote     = "promote"
	CommandExtend      = "extend"
	CommandRetry       = "retry"
	CommandAcknowledge = "acknowledge"
)

// CommandRollback is given to the Target, when nothing runs: go back to a release
// that was good.
const CommandRollback = "rollback"

// CommandDrop is given to the Target: take one order out of the queue, that of
// Command.Order. Who may abort may give it.
const CommandDrop = "drop"

// Commands lists every command.
func Commands() []string {
	return []string{CommandPause, CommandResume, CommandAbort, CommandApprove, CommandReject,
		CommandPromote, CommandExtend, CommandRetry, CommandAcknowledge, CommandConcern}
}

// Command is one order: who gives it, why, and what it binds to.
type Command struct {
	ID     string    `json:"id"`   // the same id is the same order
	Name   string    `json:"name"` // one of Commands
	Actor  string    `json:"actor"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`

	By      Duration `json:"by,omitempty"`      // extend: how much longer
	Full    bool     `json:"full,omitempty"`    // promote: skip all remaining bakes
	Step    int      `json:"step,omitempty"`    // approve: the step that was shown; steps+1 is promotion
	AskedBy string   `json:"askedBy,omitempty"` // approve: environment | spec, whose approval was shown, where both ask before the step
	Digest  string   `json:"digest,omitempty"`  // approve: the plan that was shown
	RunID   string   `json:"runId,omitempty"`   // the run that was shown; empty: whichever runs
	To      string   `json:"to,omitempty"`      // rollback: the version; empty: the one that was good before
	Order   string   `json:"order,omitempty"`   // drop: the order's id, or its version where only one of that waits

	Withdraw bool `json:"withdraw,omitempty"` // concern: take it back

	Override bool `json:"override,omitempty"` // break-glass: passes what policy asks for, where the rules let the actor override

	Trace string `json:"trace,omitempty"` // the W3C traceparent of whoever gave it; it decides nothing

	Statement string `json:"statement,omitempty"` // what was signed, to the byte
	Signature string `json:"signature,omitempty"` // of the statement: an armored OpenSSH signature
}

// IsSame reports whether a command with the id of another is that one, given again:
// by the same actor, for the same reason, about the same things, and both signed or
// neither. When it was given does not count, nor does a step, a plan or an asker that
// one of them leaves open.
func (c Command) IsSame(other Command) bool {
	open := func(a, b string) bool { return a == "" || b == "" || a == b }
	return c.Name == other.Name && c.Actor == other.Actor && strings.TrimSpace(c.Reason) == strings.TrimSpace(other.Reason) &&
		c.By == other.By && c.Full == other.Full && c.To == other.To && c.Order == other.Order &&
		c.Withdraw == other.Withdraw && c.Override == other.Override &&
		(c.Step == 0 || other.Step == 0 || c.Step == other.Step) && open(c.AskedBy, other.AskedBy) && open(c.Digest, other.Digest) &&
		(c.Signature == "") == (other.Signature == "")
}

// Answers to a command.
const (
	Accepted = "accepted"
	Denied   = "denied"
	Noop     = "noop"
)

// Answer is what became of a command, with the status after it.
type Answer struct {
	Answer string `json:"answer"` // accepted | denied | noop
	Why    string `json:"why,omitempty"`
	Status Status `json:"status"`
}

// Order is the input of the Rollout workflow: the spec, and who wants it.
type Order struct {
	Actor  string `json:"actor,omitempty"`
	Reason string `json:"reason,omitempty"`
	Spec   Spec   `json:"spec"`
	Drill  *Drill `json:"drill,omitempty"`

	ID string    `json:"id,omitempty"` // the same id is the same order
	At time.Time `json:"at,omitzero"`  // when it was given

	Rehearsal string   `json:"rehearsal,omitempty"` // id of the rehearsal's workflow that this is a part of
	Hooks     []string `json:"hooks,omitempty"`     // of a rehearsal: the points at which the spec's hooks are called; at the others they are not

	Fleet string `json:"fleet,omitempty"` // id of the fleet's workflow that this is a unit of: it decides when the baseline goes

	Received time.Time `json:"received,omitzero"` // when its Target took it in; whoever gives it leaves that out

	Wait      bool   `json:"wait,omitempty"`      // a closed gate is waited for, where else the start is refused
	Override  bool   `json:"override,omitempty"`  // break-glass: closed gates and a quarantine are passed, where the rules let the actor override
	Recover   string `json:"recover,omitempty"`   // a run that was cut off: only what it changed is put back
	Back      bool   `json:"back,omitempty"`      // it goes back to a release that was good: nobody is asked, no gate is closed
	Supersede bool   `json:"supersede,omitempty"` // a running rollout goes back first, whatever its policy says of new releases

	Trace string `json:"trace,omitempty"` // the W3C traceparent of whoever gave it; it decides nothing

	SpecDigest string `json:"specDigest,omitempty"` // the spec's Digest, Shortened, by whoever gives it: the id stands for no other spec

	Statement string `json:"statement,omitempty"` // what was signed, to the byte
	Signature string `json:"signature,omitempty"` // of the statement: an armored OpenSSH signature
}

// Word is what a fleet says to the rollout of a unit.
type Word struct {
	Say     string  `json:"say"` // one of the words below
	Command Command `json:"command,omitzero"`
	Number  int     `json:"number,omitempty"` // of the fleet's words, from 1: one may overtake another
	Cause   Cause   `json:"cause,omitempty"`  // of an abort: schedule, where the fleet's is over
}

// The words of a fleet. An abort puts the unit's baseline back at once; it is
// tidied up when tidy follows.
const (
	SayAbort   = CommandAbort
	SayPause   = CommandPause
	SayResume  = CommandResume
	SayTidy    = "tidy"    // its turn to clean up after an abort has come
	SayRelease = "release" // the fleet is decided: the baseline may go
)

// UnitReport is what a unit's rollout tells its fleet: that it keeps its
// baseline, that it goes back, that its baseline is back, or that it needs a
// human.
type UnitReport struct {
	Target   string  `json:"target"`
	RunID    string  `json:"runId"`
	Phase    Phase   `json:"phase"`
	Kept     bool    `json:"kept,omitempty"`     // promoted; the baseline is kept until the fleet is decided
	Restored bool    `json:"restored,omitempty"` // the baseline is verified, or nothing had been changed
	Outcome  Outcome `json:"outcome,omitempty"`  // of a unit that goes back: what it will come to
	Cause    Cause   `json:"cause,omitempty"`
	Reason   string  `json:"reason,omitempty"`
}

// MayAbort reports whether somebody may abort: anyone, unless the plan names who may.
func MayAbort(members []string, actor string) bool {
	return len(members) == 0 || slices.ContainsFunc(members, func(member string) bool { return strings.EqualFold(member, actor) })
}
