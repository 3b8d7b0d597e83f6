package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// How long a unit waits for orders that hold its id without being admitted, and
// how often it tries to begin.
const (
	turnWithin = time.Minute
	mostTurns  = 20
)

// turn is a unit's wait for its workflow id. An order that was given while the fleet
// runs is refused, but holds the id until then.
type turn struct {
	fleet *fleet
	unit  *unit
	order rollout.Order
	until time.Time
	taken int // how often the id was found taken
}

func (f *fleet) turnOf(u *unit, order rollout.Order) *turn {
	return &turn{fleet: f, unit: u, order: order, until: workflow.Now(f.ctx).Add(turnWithin)}
}

// mayCome waits, after a unit's rollout could not begin, until it may try again. It
// reports false when it has begun, when a rollout that has begun holds the id, and
// when the unit is not to begin any more. What was cut off is put back even then.
func (t *turn) mayCome(ctx workflow.Context, begun error) bool {
	var held *temporal.ChildWorkflowExecutionAlreadyStartedError
	if t.taken++; !t.fleet.plan.Patient || !errors.As(begun, &held) || t.taken >= mostTurns {
		return false
	}
	u := t.unit
	act := t.fleet.act("turn."+u.Unit, fmt.Sprintf("wait for an order that holds %s to be refused", u.Target))
	act.queue, act.within, act.heartbeat = rollout.QueueControl, 2*turnWithin, heartbeat
	act.limit = act.within
	waiting, stop := workflow.WithCancel(ctx)
	defer stop()
	future := start(waiting, act, a.AwaitTurn, activities.AwaitTurnInput{WorkflowID: rollout.WorkflowIDOf(u.Target), Until: t.until})
	goesBack := func() bool { return t.order.Recover == "" && t.fleet.back != nil && t.fleet.isBack(u) }
	_ = workflow.Await(ctx, func() bool { return future.IsReady() || goesBack() })
	var out activities.AwaitTurnOutput
	return !goesBack() && future.Get(ctx, &out) == nil && out.HeldBy == ""
}
