package rollout

import (
	"net/url"
	"slices"
	"time"
)

// The points at which hooks are called.
const (
	HookBeforeStart   = "beforeStart"
	HookBeforeStep    = "beforeStep"
	HookAfterStep     = "afterStep"
	HookBeforePromote = "beforePromote"
	HookOnRollback    = "onRollback"
	HookAfter         = "after"
)

// RuleGoOn is the value of Hook.Otherwise that takes no answer for yes.
const RuleGoOn = "goOn"

// HookCall is what a hook is told: the body of its request, or the input of its
// activity.
type HookCall struct {
	ID         string  `json:"id"` // the same for every try of one call
	At         string  `json:"at"`
	Target     string  `json:"target"`
	WorkflowID string  `json:"workflowId"`
	RunID      string  `json:"runId"`
	Baseline   string  `json:"baseline"`
	Candidate  string  `json:"candidate"`
	Step       int     `json:"step,omitempty"` // the one that begins, or has passed; at the end the last that began; 0: none
	Weight     Weight  `json:"weight"`         // the one that will be, or is
	StartedBy  string  `json:"startedBy,omitempty"`
	PlanDigest string  `json:"planDigest"`
	Outcome    Outcome `json:"outcome,omitempty"` // after
	Cause      Cause   `json:"cause,omitempty"`   // onRollback, after
	Reason     string  `json:"reason,omitempty"`  // onRollback, after

	Rehearsal string `json:"rehearsal,omitempty"` // workflow id of the rehearsal that it is a part of; "": it is no practice
}

// HookPoints are the points at which hooks are called, in the order of a rollout.
func HookPoints() []string {
	return []string{HookBeforeStart, HookBeforeStep, HookAfterStep, HookBeforePromote, HookOnRollback, HookAfter}
}

// Practised is the spec as a rehearsal rolls it out: with the hooks alone that are
// called at one of the points that it asks for. Outside systems hear of no other
// practice, and what they would refuse is not refused. The points of the hooks that
// are left out come with it, each once.
func (s Spec) Practised(asked []string) (practised Spec, uncalled []string) {
	practised = s
	practised.Hooks = nil
	for _, h := range s.Hooks {
		switch {
		case slices.Contains(asked, h.At):
			practised.Hooks = append(practised.Hooks, h)
		case !slices.Contains(uncalled, h.At):
			uncalled = append(uncalled, h.At)
		}
	}
	return practised, uncalled
}

// Asks reports whether the hook may refuse.
func (h Hook) Asks() bool { return h.At != HookOnRollback && h.At != HookAfter }

func (h Hook) withDefaults() Hook {
	if h.Timeout == 0 {
		h.Timeout = Duration(30 * time.Second)
	}
	if h.Asks() {
		h.Otherwise = orElse(h.Otherwise, RuleRollback)
	}
	return h
}

func (h Hook) validate(v *validation, path string) {
	v.require(h.At != "", path+".at", "is missing: say when the hook is called")
	v.oneOf(h.At, path+".at", HookPoints()...)
	v.require((h.HTTP == "") != (h.Task == nil), path, "needs one of http and task")
	if h.HTTP != "" && !LooksSecret("http", h.HTTP) {
		at, err := url.Parse(h.HTTP)
		v.require(err == nil && (at.Scheme == "http" || at.Scheme == "https") && at.Host != "", path+".http", "is no URL that can be called: write https://host/path")
	}
	if h.Task != nil {
		v.require(h.Task.TaskQueue != "", path+".task.taskQueue", "is missing: which queue does your worker poll?")
		v.require(h.Task.Activity != "", path+".task.activity", "is missing: which activity of your worker is called?")
		for _, queue := range Queues() {
			v.require(h.Task.TaskQueue != queue, path+".task.taskQueue", "%s is Bakeoff's own: name a queue of yours", queue)
		}
	}
	v.atLeast(h.Timeout, path+".timeout", time.Second)
	v.require(h.Timeout <= Duration(10*time.Minute), path+".timeout", "at most 10m")
	v.oneOf(h.Otherwise, path+".otherwise", RuleRollback, RuleGoOn)
	v.require(h.Otherwise == "" || h.Asks(), path+".otherwise", "%s is told, not asked: it has no otherwise", h.At)
}
