package activities

import "bakeoff/rollout"

// RestoreTrafficInput asks for the snapshot's split, whatever is in force.
type RestoreTrafficInput struct {
	Job
	Split rollout.Split `json:"split"`
	Copy  string        `json:"copy,omitempty"` // of the baseline, that gets nothing any more
}

// RestoreTrafficOutput says what to verify.
type RestoreTrafficOutput struct {
	Split    rollout.Split `json:"split"`
	Observed rollout.Split `json:"observed,omitempty"` // before the write
	WasBack  bool          `json:"wasBack,omitempty"`  // the split was in force before the write
}

// RestoreFlagsInput asks for the snapshot's flags; null removes one.
type RestoreFlagsInput struct {
	Job
	Flags map[string]any `json:"flags"`
}

// RestoreFlagsOutput is empty.
type RestoreFlagsOutput struct{}

// RestorePointersInput asks for the snapshot's primary version.
type RestorePointersInput struct {
	Job
	Primary string `json:"primary"`
}

// RestorePointersOutput is empty.
type RestorePointersOutput struct{}

// VerifyHealthInput asks to wait until the baseline is healthy.
type VerifyHealthInput struct {
	Job
	Checks []rollout.Check  `json:"checks,omitempty"`
	Poll   rollout.Duration `json:"poll"`
	Within rollout.Duration `json:"within"` // how long absolute checks may be without data enough

	Rehearsed bool `json:"rehearsed,omitempty"` // a rehearsal sends the load, and ends it: a check that failed is not waited for longer than Within, either

	Split rollout.Split `json:"split,omitempty"` // that is to be in force meanwhile: another one ends the activity; empty: not asked
}

// VerifyHealthOutput says on what the health rests.
type VerifyHealthOutput struct {
	Reason   string `json:"reason"`
	Unjudged string `json:"unjudged,omitempty"` // absolute checks that had no data, or too few; "": none

	Drift rollout.Split `json:"drift,omitempty"` // the split in force instead of the one that was to be: nothing is verified
}

// CompareInput asks what differs from the snapshot.
type CompareInput struct {
	Job
	Snapshot Snapshot `json:"snapshot"`
}

// CompareOutput lists the differences; none means that the state is as before.
type CompareOutput struct {
	Differences []string                   `json:"differences,omitempty"`
	Lost        []rollout.CompensationKind `json:"lost,omitempty"`    // what would put them back, in that order
	Remains     bool                       `json:"remains,omitempty"` // of them, some that nothing puts back
	Split       rollout.Split              `json:"split,omitempty"`   // in force, where it is not the snapshot's
}

// RemoveInput asks for a version without traffic to be drained and gone.
type RemoveInput struct {
	Job
	Version string           `json:"version"`
	Drain   rollout.Duration `json:"drain"`

	TellDrift bool            `json:"tellDrift,omitempty"` // another split than Split is a result, and nothing is removed; else traffic of the version is tried out
	Split     rollout.Split   `json:"split,omitempty"`     // with TellDrift: the one that is to be in force until the version is gone; empty: nothing serves
	Policy    *rollout.Policy `json:"policy,omitempty"`    // with TellDrift: what another one leads to; nil: that is not asked
	PutBacks  int             `json:"putBacks,omitempty"`

	Primary      string `json:"primary,omitempty"`      // that is to be the primary version until the version is gone: another one is told as drift is; "": not asked
	PrimaryAgain int    `json:"primaryAgain,omitempty"` // how often it was made that again

	Ordered bool `json:"ordered,omitempty"` // the platform was told before to remove it

	TellBusy bool `json:"tellBusy,omitempty"` // requests in flight after the drain are a result; else they are waited for
	Drained  bool `json:"drained,omitempty"`  // it was told so: the drain is over

	Snapshot *Snapshot `json:"snapshot,omitempty"` // primary version, flags and cohorts are to be as in it when the version goes; nil: that is not asked
}

// RemoveOutput says how the version went, or why it did not.
type RemoveOutput struct {
	Reason   string            `json:"reason"`
	Drift    rollout.Split     `json:"drift,omitempty"`    // the split in force instead of the one that was to be: it is to be put back, and the version removed then
	Primary  string            `json:"primary,omitempty"`  // the primary version instead of the one that was to be, or "no version"; the same holds
	Decision *rollout.Decision `json:"decision,omitempty"` // with a policy: what Drift, or Primary, leads to

	Differences []string `json:"differences,omitempty"` // from the snapshot: they are to be mended, and the version removed then
	Ordered     bool     `json:"ordered,omitempty"`     // with Drift, Primary or Differences: the platform had been told to remove it; else it is untouched

	Busy bool `json:"busy,omitempty"` // drained, but requests are in flight: they are to be waited for, and the version removed then
}
