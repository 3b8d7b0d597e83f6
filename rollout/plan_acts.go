package rollout

import "fmt"

// Act is one thing that will be done and how it is undone.
type Act struct {
	ID           string        `json:"id"`   // such as s02.traffic; also the activity's id
	Text         string        `json:"text"` // one sentence for people
	Compensation *Compensation `json:"compensation,omitempty"`
}

// Compensation says as data how one act is undone. It is recorded before the
// act, so that an act that was begun can always be taken back.
type Compensation struct {
	Kind CompensationKind `json:"kind"`
	For  string           `json:"for"` // the act's id
	Text string           `json:"text"`
}

// CompensationKind names the activity that undoes.
type CompensationKind string

// The ways of undoing. The first four put users back and run at once and in
// parallel; the others tidy up after them.
const (
	RestoreTraffic  CompensationKind = "RestoreTraffic"
	RestoreFlags    CompensationKind = "RestoreFlags"
	RestoreCohorts  CompensationKind = "RestoreCohorts"
	RestorePointers CompensationKind = "RestorePointers"
	RemoveCandidate CompensationKind = "RemoveCandidate"
	RemoveCopy      CompensationKind = "RemoveCopy"
)

// minBaseline is the share of traffic below which the baseline says nothing
// any more, so that only absolute checks decide.
const minBaseline = All / 100

// acts lists everything that will be written, in order, each with its undoing.
func acts(p Plan) []Act {
	v := p.Candidate
	list := []Act{{ID: "deploy", Text: "deploy " + v,
		Compensation: &Compensation{RemoveCandidate, "deploy", "drain and remove " + v}}}
	if p.Copy != "" {
		list = append(list, Act{ID: "deploy.baseline", Text: fmt.Sprintf("deploy %s, a copy of the baseline of the candidate's age and size", p.Copy),
			Compensation: &Compensation{RemoveCopy, "deploy.baseline", "drain and remove " + p.Copy}})
	}
	if len(p.Spec.Release.Flags) > 0 {
		list = append(list, Act{ID: "flags", Text: "set the release's flags",
			Compensation: &Compensation{RestoreFlags, "flags", "put the flags of the snapshot back"}})
	}
	for _, step := range p.Steps {
		list = append(list, stepActs(step, v)...)
	}
	list = append(list,
		Act{ID: "promote.traffic", Text: "send 100% to " + v,
			Compensation: &Compensation{RestoreTraffic, "promote.traffic", "send all traffic to the baseline"}},
		Act{ID: "promote", Text: "make " + v + " the primary version",
			Compensation: &Compensation{RestorePointers, "promote", "make the baseline the primary version"}})
	if !p.Spec.Schedule.End().IsZero() { // it goes back: the baseline stays
		return list
	}
	if len(p.Cohorts()) > 0 {
		list = append(list, Act{ID: "cleanup.cohorts", Text: "remove the rules of the cohorts, who have " + v + " like everybody"})
	}
	return append(list,
		Act{ID: "cleanup.remove", Text: "drain and remove the baseline; from here on going back is a rollout of its own"})
}

// stepActs are what a step writes.
func stepActs(step PlannedStep, v string) []Act {
	id := StepID(step.Number)
	text := fmt.Sprintf("send %s to %s", step.Weight, v)
	if step.Apart {
		text = "leave all traffic with the baseline"
	}
	list := []Act{{ID: id + ".traffic", Text: text,
		Compensation: &Compensation{RestoreTraffic, id + ".traffic", "send all traffic to the baseline"}}}
	if step.Cohort == "" {
		return list
	}
	return append(list, Act{ID: id + ".cohort", Text: fmt.Sprintf("send cohort %s to %s", step.Cohort, v),
		Compensation: &Compensation{RestoreCohorts, id + ".cohort", "remove the rule of cohort " + step.Cohort}})
}
