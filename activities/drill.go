package activities

import "bakeoff/rollout"

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
