package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// Attack sends one part of a load, and keeps every request in a file of the run.
// What services answer is data. A generator that died is followed by one that
// sends what is still due: what was due in between counts as missed, because it
// is not in any file. One that only stood still, or was cut off from Temporal, sends
// nothing more by the time that another one begins.
func (a *Activities) Attack(ctx context.Context, in AttackInput) (AttackOutput, error) {
	out := AttackOutput{Load: in.Load.Name, Shard: in.Shard}
	if a.Load == nil || a.Archive == nil {
		return out, asTemporal("send "+in.Load.Name, fmt.Errorf("this worker makes no load: configure evidence.directory: %w", ErrFinal))
	}
	recording, _, err := a.sourcesOfRun(in.Run).recording(ctx, in.Load)
	if err != nil {
		return out, asTemporal("send "+in.Load.Name, err)
	}
	order := AttackOrder{Seed: in.Seed, Run: in.Run, Load: in.Load, Recording: recording, Shard: in.Shard, Shards: in.Load.Shards,
		Start: in.Start.Add(in.Load.At.Std()), Most: a.Practice.rate(), Again: activity.GetInfo(ctx).Attempt > 1}
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &order.From) // without them it sends what is still due
	}
	name := rawName(in.Load.Name, in.Shard, activity.GetInfo(ctx).Attempt)
	err = a.keepRaw(ctx, in.Run, name, func(raw io.Writer) error {
		return a.attack(ctx, order, load.NewLately(in.Load.Name, in.Lately), raw)
	})
	return out, err
}

// rawName is the file of the requests of one generator. Each try has its own.
func rawName(name string, shard int, attempt int32) string {
	return fmt.Sprintf("%s%s.%d.%d.csv.gz", rawPrefix, name, shard+1, attempt)
}

const (
	rawPrefix      = "load-"
	readBackPrefix = "readback-"
)

// attack sends, and says in heartbeats how far it has come, and what came of it lately.
func (a *Activities) attack(ctx context.Context, order AttackOrder, lately *load.Lately, raw io.Writer) error {
	var sent atomic.Int64 // since Start, in nanoseconds: everything due before is in the file
	details := func() []any { return []any{rollout.Duration(sent.Load()), lately.Windows()} }
	beating, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for sleep(beating, 500*time.Millisecond) == nil {
			activity.RecordHeartbeat(ctx, details()...)
		}
	}()
	awake, done := unlessFrozen(ctx, a.now)
	defer done()
	sending, free := a.unlessCutOff(awake, details)
	defer free()
	_, err := a.Load.Attack(sending, order, raw, func(fresh load.Results) {
		now := a.now()
		sent.Store(int64(now.Sub(order.Start)))
		lately.Take(now, fresh)
	})
	activity.RecordHeartbeat(ctx, details()...) // whoever comes next sends none of it again
	if wasCanceled(ctx) && !isStopping(ctx) {   // stopped: what was sent is kept
		err = nil
	} else if sending.Err() != nil {
		err = context.Cause(sending)
	}
	return asTemporal("send "+order.Load.Name, err)
}

// wasCanceled reports whether somebody ended an act. The SDK ends it, too, when no
// heartbeat came through: then another try goes on with it.
func wasCanceled(ctx context.Context) bool {
	why := context.Cause(ctx)
	return temporal.IsCanceledError(why) || errors.Is(why, context.Canceled)
}

// keepRaw has a file of the run written.
func (a *Activities) keepRaw(ctx context.Context, run, name string, write func(io.Writer) error) error {
	file, err := a.Archive.Create(context.WithoutCancel(ctx), run, name)
	if err != nil {
		return asTemporal("keep "+name, err)
	}
	return errors.Join(write(file), file.Close())
}

// ReadBack reads the synthetic transactions of a load back, after the load, and
// those that it had no answer for once and twice more.
func (a *Activities) ReadBack(ctx context.Context, in AttackInput) (AttackOutput, error) {
	defer keepAlive(ctx)()
	out := AttackOutput{Load: in.Load.Name}
	schedule, err := a.sourcesOfRun(in.Run).schedule(ctx, in.Seed, in.Load)
	if err != nil {
		return out, asTemporal("read back "+in.Load.Name, err)
	}
	ledger := load.NewLedger(schedule)
	if err := a.readRaws(ctx, in.Run, rawPrefix, in.Load.Name, ledger.Read); err != nil {
		return out, asTemporal("read back "+in.Load.Name, err)
	}
	order := AttackOrder{Seed: in.Seed, Run: in.Run, Load: in.Load, Shards: 1, Most: a.Practice.rate(), ReadBack: true, Transactions: ledger.Transactions()}
	for round := 1; round <= readRounds && len(order.Transactions) > 0; round++ {
		if round > 1 {
			_ = sleep(ctx, readAgainAfter)
		}
		name := fmt.Sprintf("%s%s.%d.%d.csv.gz", readBackPrefix, in.Load.Name, round, activity.GetInfo(ctx).Attempt)
		err := a.keepRaw(ctx, in.Run, name, func(raw io.Writer) error {
			_, err := a.Load.Attack(ctx, order, raw, nil)
			return asTemporal("read back "+in.Load.Name, err)
		})
		if err != nil {
			return out, err
		}
		if err := a.readRaws(ctx, in.Run, readBackPrefix, in.Load.Name, ledger.Read); err != nil {
			return out, asTemporal("read back "+in.Load.Name, err)
		}
		unread := ledger.Unread()
		if len(unread) == len(order.Transactions) {
			break // nobody answers
		}
		order.Transactions = unread
	}
	return out, nil
}

// A service that fails now and then is asked again for what it did not tell: so
// often in all, and after so long.
const (
	readRounds     = 3
	readAgainAfter = time.Second
)
