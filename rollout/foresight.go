package rollout

import (
	"fmt"
	"time"
)

// Foresight is what one relative check can be expected to find out in one
// step, at the traffic that was seen before the rollout.
type Foresight struct {
	Step     int      `json:"step"`
	Check    string   `json:"check"`
	Requests float64  `json:"requests"` // a second, on both sides together
	Failures float64  `json:"failures"` // share of the baseline's
	Bake     Duration `json:"bake"`
	Evidence Duration `json:"evidence"`          // until both sides have their minimum of requests; 0: never
	Detects  float64  `json:"detects,omitempty"` // the smallest ratio that is caught within the bake with 90 %; 0: none up to ×100
	Double   Duration `json:"double,omitempty"`  // until twice as many failures are caught with 90 %; 0: never
}

// Concludes reports whether the check can pass within the bake.
func (f Foresight) Concludes() bool { return f.Evidence > 0 && f.Evidence <= f.Bake }

// String is the sentence for people: "errors: at 120 requests/s ×1.9 or worse is
// caught within 10m (90%), twice as many failures within 8m20s".
func (f Foresight) String() string {
	text := fmt.Sprintf("%s: at %.3g requests/s", f.Check, f.Requests)
	switch {
	case f.Requests <= 0:
		return f.Check + ": no traffic seen: nothing can be said"
	case !f.Concludes():
		return text + fmt.Sprintf(" the minimum evidence takes longer than the bake of %s: it would end as NoData", f.Bake)
	case f.Failures <= 0:
		return text + " the baseline failed nowhere: what would be caught is not known"
	case f.Detects == 0:
		return text + fmt.Sprintf(" no regression is surely caught within %s", f.Bake)
	}
	text += fmt.Sprintf(" ×%.2g or worse is caught within %s (90%%)", f.Detects, f.Bake)
	if f.Double > 0 {
		text += fmt.Sprintf(", twice as many failures within %s", Duration(f.Double.Std().Round(time.Second)))
	}
	return text
}
