package activities

import (
	"fmt"
	"strings"

	"bakeoff/rollout"
)

// practising is an order without the hooks that its rehearsal does not ask for, and
// what the plan says of that; of an order of nobody's rehearsal, the order.
func practising(in AdmitInput) (rollout.Order, []string) {
	o := in.Order
	if !in.Rehearsal {
		return o, nil
	}
	spec, uncalled := o.Spec.Practised(o.Hooks)
	o.Spec = spec
	if len(uncalled) == 0 {
		return o, nil
	}
	return o, []string{fmt.Sprintf("it is a rehearsal, whose hooks do not name %s: hooks of the spec are not called there", strings.Join(uncalled, ", "))}
}

// drilling makes of a plan that of a drill, where the order is one. A drill
// that no rehearsal started is refused.
func (a *Activities) drilling(in AdmitInput, p rollout.Plan) (rollout.Plan, []rollout.Problem) {
	refuse := func(why string) (rollout.Plan, []rollout.Problem) {
		return p, []rollout.Problem{{Path: "drill", Message: why}}
	}
	d := in.Order.Drill
	if d == nil {
		return p, nil
	}
	if !in.Rehearsal {
		return refuse("a drill needs a rehearsal: bakeoff rehearse")
	}
	drilled, err := p.Drilling(*d)
	if err != nil {
		return refuse(err.Error())
	}
	return drilled, nil
}
