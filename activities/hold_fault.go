package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
)

// neverBegun is said of a fault that was tried in vain until its end.
const neverBegun = "until its end nothing could begin it"

// removeWithin bounds how long one try to take a fault back may take.
const removeWithin = time.Minute

// HoldFault keeps one fault in force until its time, or until the rehearsal is
// stopped, and takes it back. It returns the fault as it was. Its removal is
// registered before it begins: it goes when the worker dies, too, and at its
// expiry, and when it is begun again it is the same fault. Stopped before it could be
// begun again, it is told as it was before the worker died. While the line of its
// environment is stopped it does not begin, and it ends when that is stopped.
func (a *Activities) HoldFault(ctx context.Context, in HoldFaultInput) (HoldFaultOutput, error) {
	out := HoldFaultOutput{Fault: evidence.Fault{Name: in.Fault.Name, What: in.Fault.String()}}
	if a.Faults == nil {
		return out, asTemporal("begin fault "+in.Fault.Name, fmt.Errorf("this worker makes no faults: configure rehearsals.faults: %w", ErrFinal))
	}
	order := FaultOrder{ID: faultID(in.Run, in.Fault.Name), Fault: in.Fault, Seed: in.Seed, Until: in.Until}
	late := hindered(ctx)
	halted, err := a.mayNotBreak(ctx, in.Environment)
	if err != nil && ctx.Err() == nil {
		return out, asTemporal("ask whether fault "+in.Fault.Name+" may begin", err)
	}
	if left := in.Until.Sub(a.now()); left > 0 && halted == "" && ctx.Err() == nil {
		if err := a.Faults.Inject(ctx, order); err != nil && !a.isOver(ctx, order) && ctx.Err() == nil {
			activity.RecordHeartbeat(ctx, said(err)) // the try that begins it says why it is late
			return out, asTemporal("begin fault "+in.Fault.Name, err)
		}
		stop := beat(ctx, 300*time.Millisecond)
		halted = a.holdUntil(ctx, in.Environment, in.Until)
		stop()
	}
	if halted == "" && isStopping(ctx) { // the next worker holds it on, or finds that it has gone
		return out, temporal.NewApplicationErrorWithOptions("this worker stops: another one holds the fault", "WorkerStops",
			temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	over := a.now().Before(in.Until) && ctx.Err() != nil
	out, err = a.endFault(context.WithoutCancel(ctx), order, out)
	switch f := &out.Fault; {
	case err != nil:
	case over && f.Error == neverBegun:
		f.Error = "the practice ended before it began"
	case halted != "" && f.Verified:
		out = haltedFault(out, halted)
	case late != "" && f.Error == neverBegun:
		f.Error += ": " + late
	case late != "" && f.Error == "" && !f.StartedAt.IsZero():
		f.Error = "it began late: " + late
	}
	return out, err
}

// hindered says why the try before this one could not begin its fault; "" where there
// was none, or it came further.
func hindered(ctx context.Context) (why string) {
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &why) // what cannot be read says nothing
	}
	return why
}

// isOver reports whether a fault has ended already: begun again after the worker
// died, it stays ended.
func (a *Activities) isOver(ctx context.Context, o FaultOrder) bool {
	_, err := a.Faults.Ended(ctx, o.ID)
	return err == nil
}

// endFault takes a fault back and says how it was.
func (a *Activities) endFault(ctx context.Context, o FaultOrder, out HoldFaultOutput) (HoldFaultOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, removeWithin)
	defer cancel()
	err := a.Faults.Remove(ctx, o)
	if ended, was := a.Faults.Ended(ctx, o.ID); was == nil {
		if out.Fault = ended; ended.StartedAt.IsZero() && ended.Error == "" {
			out.Fault.Error = neverBegun
		}
	} else if err == nil {
		err = was
	}
	if err != nil && !errors.Is(err, ErrFinal) {
		return out, asTemporal("take fault "+o.Fault.Name+" back", err)
	}
	if err != nil {
		out.Fault.Error = err.Error()
	}
	return out, nil
}

// SweepFaults takes back whatever faults of a run are left, all at once, and says
// which still are there, and how those were that it is asked for.
func (a *Activities) SweepFaults(ctx context.Context, in SweepFaultsInput) (SweepFaultsOutput, error) {
	defer keepAlive(ctx)()
	if a.Faults == nil {
		return SweepFaultsOutput{}, nil
	}
	active, err := a.Faults.Active(ctx)
	if err != nil {
		return SweepFaultsOutput{}, asTemporal("look for faults", err)
	}
	active = slices.DeleteFunc(active, func(f ActiveFault) bool { return !strings.HasPrefix(f.ID, faultID(in.Run, "")) })
	stays := make([]error, len(active))
	var all sync.WaitGroup
	for i, f := range active { // one that does not go keeps no other from going
		all.Go(func() {
			stays[i] = a.Faults.Remove(ctx, FaultOrder{ID: f.ID, Fault: fault.Fault{Name: f.Name}, Until: f.Until})
		})
	}
	all.Wait()
	out := SweepFaultsOutput{Faults: a.wereInForce(ctx, in, active, stays)}
	for i, f := range active {
		if stays[i] != nil {
			out.Left = append(out.Left, fmt.Sprintf("fault %s (%s): %v", f.Name, f.What, stays[i]))
		}
	}
	return out, nil
}

// wereInForce says how those faults were that a sweep asks for: of what could not be
// taken back, since when it is in force, and why it still is.
func (a *Activities) wereInForce(ctx context.Context, in SweepFaultsInput, active []ActiveFault, stays []error) (out []evidence.Fault) {
	for _, name := range in.Faults {
		id := faultID(in.Run, name)
		if f, err := a.Faults.Ended(ctx, id); err == nil && !f.StartedAt.IsZero() {
			out = append(out, f)
			continue
		}
		i := slices.IndexFunc(active, func(f ActiveFault) bool { return f.ID == id })
		if i >= 0 && stays[i] != nil && active[i].StartedAt != nil {
			out = append(out, evidence.Fault{Name: name, What: active[i].What, StartedAt: *active[i].StartedAt, EndedAt: a.now(), RemovedBy: "rehearsal", Error: stays[i].Error()})
		}
	}
	return out
}

func faultID(run, name string) string { return run + "/" + name }
