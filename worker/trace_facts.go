package main

import (
	kv "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
)

// facts are what a span says; what is empty is left out.
type facts []kv.KeyValue

func (f *facts) say(name, value string) {
	if value != "" {
		*f = append(*f, kv.String(name, value))
	}
}

// about is what is known of a run or an activity by its input and its result.
func about(e workflow.Execution, args []any, out any) []kv.KeyValue {
	var f facts
	f.say("temporalWorkflowID", e.ID)
	f.say("temporalRunID", e.RunID)
	for _, arg := range args {
		f = append(f, aboutInput(arg)...)
	}
	return append(f, aboutResult(out)...)
}

func aboutInput(in any) (f facts) {
	asked := func(target, actor, reason string) {
		f.say("bakeoff.target", target)
		f.say("bakeoff.order.actor", actor)
		f.say("bakeoff.order.reason", reason)
	}
	switch in := in.(type) {
	case rollout.Order:
		asked(in.Spec.Key().String(), in.Actor, in.Reason)
		f.say("bakeoff.order.id", in.ID)
		f.say("bakeoff.candidate", in.Spec.Release.Version)
		f.say("bakeoff.rehearsal", in.Rehearsal)
		f.say("bakeoff.fleet", in.Fleet)
	case rollout.FleetOrder:
		asked(in.Spec.Key().String(), in.Actor, in.Reason)
		f.say("bakeoff.order.id", in.ID)
		f.say("bakeoff.candidate", in.Spec.Rollout.Release.Version)
	case rehearsal.Order:
		asked(in.Manifest.Target().String(), in.Actor, in.Reason)
	case rehearsal.RolloutOrder:
		asked(in.Manifest.Target().String(), in.Actor, in.Reason)
	case rollout.Command:
		asked("", in.Actor, in.Reason)
		f.say("bakeoff.order.id", in.ID)
	case activities.SetTrafficInput:
		f = append(aboutJob(in.Job), aboutPart(in)...)
	case activities.VerifyTrafficInput:
		f = aboutJob(in.Job)
	case activities.ObserveInput:
		f = aboutJob(in.Job)
	case activities.DeployInput:
		f = aboutJob(in.Job)
	case activities.PromoteInput:
		f = aboutJob(in.Job)
	case activities.RestoreTrafficInput:
		f = aboutJob(in.Job)
	case activities.HoldFaultInput:
		f.say("bakeoff.fault", in.Fault.Name)
	case activities.AttackInput:
		f.say("bakeoff.load", in.Load.Name)
	}
	return f
}

func aboutJob(j activities.Job) (f facts) {
	f.say("bakeoff.target", j.Target)
	f.say("bakeoff.baseline", j.Baseline)
	f.say("bakeoff.candidate", j.Candidate)
	return f
}

// aboutPart is what an act says of the part of the run that it belongs to.
func aboutPart(in any) (f facts) {
	if in, ok := in.(activities.SetTrafficInput); ok {
		f.say("bakeoff.weight", in.Split[in.Candidate].String())
	}
	return f
}

func aboutResult(out any) (f facts) {
	switch out := out.(type) {
	case rollout.Status:
		f.say("bakeoff.outcome", string(out.Outcome))
		f.say("bakeoff.cause", string(out.Cause))
		f.say("bakeoff.reason", out.Reason)
		f.say("bakeoff.ended_by", out.Actor)
		f.say("bakeoff.baseline", out.Baseline)
		f.say("bakeoff.plan", out.PlanDigest)
		if t := out.TimeToRestore; t != nil {
			f = append(f, kv.Float64("bakeoff.time_to_restore_seconds", t.Total.Std().Seconds()))
		}
	case rehearsal.Status:
		f.say("bakeoff.outcome", string(out.Outcome))
		f.say("bakeoff.cause", string(out.Cause))
		f.say("bakeoff.reason", out.Reason)
		f.say("bakeoff.run", out.Run)
	case rollout.Answer:
		f.say("bakeoff.answer", out.Answer)
		f.say("bakeoff.reason", out.Why)
	case activities.ObserveOutput:
		f.say("bakeoff.action", string(out.Decision.Action))
		f.say("bakeoff.cause", string(out.Decision.Cause))
		f.say("bakeoff.reason", out.Decision.Reason)
		for _, c := range out.Checks {
			f.say("bakeoff.verdict."+c.Name, string(c.Verdict))
		}
	}
	return f
}

// askedBy is the span of whoever gave an order or a command, as that says: no header
// goes through a queue.
func askedBy(args []any) trace.SpanContext {
	for _, arg := range args {
		switch arg := arg.(type) {
		case rollout.Order:
			return tracing.ParseParent(arg.Trace)
		case rollout.Command:
			return tracing.ParseParent(arg.Trace)
		}
	}
	return trace.SpanContext{}
}
