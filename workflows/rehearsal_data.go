package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
)

// restoreData puts the data of the manifest into its databases, and notes what
// its reference tables hold. It reports whether that could be done.
func (r *rehearsing) restoreData() bool {
	m := r.order.Manifest
	if slices.ContainsFunc(m.Sets(), func(s data.Set) bool { return s.Into != nil }) {
		r.doing("restoring the data")
		act := r.act("data", "put the data into its databases, and check its rows")
		act.limit, act.within, act.heartbeat = time.Hour, 2*time.Hour, heartbeat
		if r.replaces = len(m.PutBack()) > 0; r.replaces {
			r.begins(rehearsal.BegunData)
		}
		if err := start(r.going, act, a.RestoreData, activities.RestoreDataInput{Run: r.plan.Run, Manifest: m}).Get(r.ctx, nil); err != nil {
			r.breakOff("the data could not be restored: " + rootCause(err))
			return false
		}
	}
	tables, err := r.readTables("before")
	if err != nil {
		r.breakOff("the reference tables could not be read: " + rootCause(err))
		return false
	}
	r.facts.Tables = tables
	return r.stopped == ""
}

// putDataBack puts back what the tables held that have to be as before, and says
// where it could not.
func (r *rehearsing) putDataBack() (left []string) {
	if !r.replaces {
		return nil
	}
	act := r.act("data.back", "put back what its tables held before")
	act.limit, act.within, act.heartbeat = time.Hour, time.Hour, heartbeat
	if err := start(r.ctx, act, a.PutDataBack, activities.PutDataBackInput{Run: r.plan.Run, Manifest: r.order.Manifest}).Get(r.ctx, nil); err != nil {
		left = []string{"the rows of its data: " + rootCause(err)}
	}
	return left
}

// readTables reads the reference tables.
func (r *rehearsing) readTables(when string) ([]evidence.Table, error) {
	tables := r.order.Manifest.Unchanged()
	if len(tables) == 0 {
		return nil, nil
	}
	act := r.act("tables."+when, "read the reference tables "+when)
	act.limit, act.within, act.heartbeat = 10*time.Minute, 30*time.Minute, heartbeat
	if when == "after" && len(r.facts.Tables) == 0 { // there is nothing to compare them with
		act.within = quickLimit
	}
	var out activities.ReadTablesOutput
	err := r.read(func(ctx workflow.Context) workflow.Future {
		return start(ctx, act, a.ReadTables, activities.ReadTablesInput{Tables: tables})
	}).Get(r.ctx, &out)
	return out.Tables, err
}

// compareTables notes what the reference tables hold after; nothing where they
// could not be read.
func (r *rehearsing) compareTables() {
	after, err := r.readTables("after")
	for i := range r.facts.Tables {
		if err == nil && i < len(after) {
			r.facts.Tables[i].After = after[i].Before
		}
	}
}
