// Package rollout is the contract of Bakeoff: what a release, a plan, a status,
// a command and an outcome are, and by which names they are stored. Pipelines
// may import it: it needs the standard library only. Names and JSON keys in
// here are permanent, because Temporal histories hold them for good.
//
// Start with Spec (what a person writes), then Plan (what a worker makes of
// it), then Status (where a rollout stands) and Decide (what verdicts lead to).
package rollout
