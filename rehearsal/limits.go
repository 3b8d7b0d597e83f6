package rehearsal

import (
	"fmt"
	"strconv"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
)

// Asked is a part of a fingerprint taken apart: what is done and measured, and
// the limits that only decide whether that was good enough.
type Asked struct {
	Done   string            // digest of all but the limits
	Limits map[string]string // path in the manifest → value, of those that are given
}

// Asked takes a part of the fingerprint of a run of this manifest apart. It knows
// drills and scaling, and only where the part is what the manifest comes to today:
// a run of another version of Bakeoff may have had other defaults.
func (m Manifest) Asked(part evidence.Part) (Asked, bool) {
	out := Asked{Limits: map[string]string{}}
	var whole, done any
	switch part.Name {
	case "drills":
		whole, done = m.drills(), out.ofDrills(m.drills())
	case "scaling":
		whole, done = m.scaling(), out.ofScaling(m.scaling())
	default:
		return Asked{}, false
	}
	if digest, err := digestOf(whole); err != nil || digest != part.Digest {
		return Asked{}, false
	}
	var err error
	out.Done, err = digestOf(done)
	return out, err == nil
}

// ofDrills takes the limits out. How long a drill is waited for follows from one of
// them, but not when it was back.
func (a Asked) ofDrills(drills []Drill) []Drill {
	for i := range drills {
		d, path := &drills[i], fmt.Sprintf("drills[%d].", i)
		a.Limits[path+"restoreWithin"] = d.RestoreWithin.String()
		if d.DecideWithin > 0 {
			a.Limits[path+"decideWithin"] = d.DecideWithin.String()
		}
		if d.Lost != nil {
			a.Limits[path+"lost"] = strconv.Itoa(*d.Lost)
		}
		if d.Gap != nil {
			a.Limits[path+"gap"] = d.Gap.String()
		}
		d.RestoreWithin, d.DecideWithin, d.Lost, d.Gap = 0, 0, nil, nil
	}
	return drills
}

// ofScaling takes the limits out. By upWithin, downWithin and overshoot it is
// decided how long and how closely an autoscaler is looked at: they stay.
func (a Asked) ofScaling(e *scaling.Expect) *scaling.Expect {
	if e == nil {
		return nil
	}
	a.Limits["scaling.oscillations"] = strconv.Itoa(e.Oscillations)
	if e.Waiting != nil {
		a.Limits["scaling.waiting.queue"] = strconv.FormatFloat(e.Waiting.Queue, 'g', -1, 64)
		a.Limits["scaling.waiting.latency"] = e.Waiting.Latency.String()
	}
	e.Oscillations, e.Waiting = 0, nil
	return e
}
