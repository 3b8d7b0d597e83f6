package report

import (
	"fmt"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
	"bakeoff/rollout"
)

// Readiness says what is known of the way back of a service right now.
type Readiness struct {
	Service   string     `json:"service"`
	LastDrill *time.Time `json:"lastDrill,omitempty"` // the last that passed; nil: none ever
	Run       string     `json:"run,omitempty"`       // whose drill that was

	// Where that was, and between which versions; "" where nobody wrote it down.
	Environment string `json:"environment,omitempty"`
	Baseline    string `json:"baseline,omitempty"`
	Candidate   string `json:"candidate,omitempty"`

	// Age of the last drill that passed; 0 without one.
	Age rollout.Duration `json:"age"`

	// Restore is over the drills of that run; its largest is what to reckon with.
	Restore *evidence.Distribution `json:"restore,omitempty"`

	// NotBack is how many drills of that run did not put the baseline back: of them
	// Restore says nothing.
	NotBack int `json:"notBack,omitempty"`

	// Failed is a later drill that did not pass.
	Failed *time.Time `json:"failed,omitempty"`

	// Overdue: there is no drill that passed, or it is older than allowed.
	Overdue bool   `json:"overdue"`
	Reason  string `json:"reason"` // one sentence
}

// Ready reports whether a drill passed lately, and none failed since.
func (r Readiness) Ready() bool { return !r.Overdue && r.Failed == nil }

// ReadinessOf judges the drills in the runs of one service. Runs of other
// services, and of controls, are passed over; most is the greatest age that is allowed, 0: any.
func ReadinessOf(service string, runs []evidence.Run, now time.Time, most time.Duration) Readiness {
	r := Readiness{Service: service}
	var own []evidence.Run
	for _, run := range runs {
		if run.Service == service {
			own = append(own, run)
		}
	}
	passed, found := lastDrill(own, evidence.Passed)
	if failed, any := lastDrill(own, evidence.Failed); any && (!found || failed.at.After(passed.at)) {
		r.Failed = &failed.at
	}
	if !found {
		r.Overdue, r.Reason = true, service+": no drill ever passed"
		return r
	}
	r.LastDrill, r.Run, r.Restore = &passed.at, passed.run.ID, wholeRestore(passed.run)
	r.NotBack = notBack(passed.run)
	r.Environment = passed.run.Environment
	r.Baseline, r.Candidate = versionsOf(passed.run)
	r.Age = rollout.Duration(max(now.Sub(passed.at), 0))
	r.Overdue = most > 0 && r.Age.Std() > most
	r.Reason = r.describe(most)
	return r
}

func (r Readiness) describe(most time.Duration) string {
	said := fmt.Sprintf("%s: the last drill passed %s ago", r.Service, chart.Value(std(r.Age), chart.Seconds))
	if r.Overdue {
		said += fmt.Sprintf(", %s is allowed", chart.Value(most.Seconds(), chart.Seconds))
	}
	if r.Failed != nil {
		said += ", and a later one failed"
	}
	if r.NotBack > 0 {
		said += fmt.Sprintf(", and %s of its run did not", count(r.NotBack, "drill", "drills"))
	}
	if r.Restore != nil {
		said += "; " + Bound(*r.Restore)
	}
	return said
}

// notBack counts the drills of a run that failed.
func notBack(run evidence.Run) int {
	n := 0
	for _, d := range run.Drills {
		for _, r := range d.Repeats {
			if r.Outcome == evidence.Failed {
				n++
			}
		}
	}
	return n
}
