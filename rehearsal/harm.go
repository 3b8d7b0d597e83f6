package rehearsal

import (
	"fmt"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
)

// mostHarmed is how many drills are named in whose time data was harmed.
const mostHarmed = 5

// attribute notes with each drill what became of the transactions whose writes were
// under way in its time. Each counts once, with the first drill of its time.
func (f Facts) attribute() {
	if f.Ledger == nil || f.Ledger.Written+f.Ledger.Unsure == 0 {
		return
	}
	var repeats []*evidence.Repeat
	for _, d := range f.Drills {
		for k := range d.Repeats {
			d.Repeats[k].Data = &evidence.Harm{}
			repeats = append(repeats, &d.Repeats[k])
		}
	}
	for _, b := range f.Bad {
		for _, r := range repeats {
			if !f.Zero.Add(b.To).Before(r.StartedAt) && !f.Zero.Add(b.From).After(r.EndedAt) {
				count(r.Data, b.What)
				break
			}
		}
	}
}

func count(h *evidence.Harm, what string) {
	switch what {
	case load.KindLost:
		h.Lost++
	case load.KindDoubled:
		h.Doubled++
	case load.KindAltered:
		h.Altered++
	default:
		h.Unread++
	}
}

// harmed says during which drills those transactions were written that are not whole;
// "" where all are, or that is not known of drills.
func (f Facts) harmed() string {
	said, n, known := "", 0, false
	var rest evidence.Harm
	if l := f.Ledger; l != nil {
		rest = evidence.Harm{Lost: l.Lost, Doubled: l.Doubled, Altered: l.Altered, Unread: l.Unread}
	}
	for _, d := range f.Drills {
		for _, r := range d.Repeats {
			if r.Data == nil {
				continue
			}
			known = true
			if *r.Data == (evidence.Harm{}) {
				continue
			}
			rest = evidence.Harm{Lost: rest.Lost - r.Data.Lost, Doubled: rest.Doubled - r.Data.Doubled,
				Altered: rest.Altered - r.Data.Altered, Unread: rest.Unread - r.Data.Unread}
			if n++; n <= mostHarmed {
				said += fmt.Sprintf("; written during %s, %d: %s", d.Name, r.Number, r.Data)
			}
		}
	}
	if n > mostHarmed {
		said += fmt.Sprintf("; and so during %s more", counted(n-mostHarmed, "drill", "drills"))
	}
	if known && rest != (evidence.Harm{}) {
		said += fmt.Sprintf("; written during none: %s", rest)
	}
	return said
}
