package load

import (
	"math"
	"time"

	"bakeoff/rollout"
)

// piece is a stretch in which the rate changes evenly.
type piece struct {
	from, until float64 // seconds since the load's start
	first, last float64 // rates a second at its two ends
}

// expected is how many arrivals the piece has on average.
func (p piece) expected() float64 { return float64((p.until-p.from)*(p.first+p.last)) / 2 }

// at is when, on average, n of the piece's arrivals have come: the positive
// root of slope/2 t² + first t = n, in the form that does not cancel.
func (p piece) at(n float64) float64 {
	if n == 0 { // also where the rate begins with 0
		return p.from
	}
	slope := (p.last - p.first) / (p.until - p.from)
	root := math.Sqrt(max(0, float64(p.first*p.first)+float64(2*slope*n)))
	return min(p.until, p.from+float64(2*n)/(p.first+root))
}

// piecesPerPeriod is how finely a sine is drawn: every two minutes of a day.
const piecesPerPeriod = 720

// pieces is the rate of an open load over its time.
func (l Load) pieces() []piece {
	end, base := l.For.Std().Seconds(), float64(l.Rate)
	switch s := l.Shape; {
	case s == nil:
		return []piece{{0, end, base, base}}
	case s.Ramp != nil:
		return []piece{{0, end, float64(s.Ramp.From), float64(s.Ramp.To)}}
	case s.Surge != nil:
		after := s.Surge.At + s.Surge.For
		return levels(l.Rate, []Level{{s.Surge.At, s.Surge.Rate}, {after, l.Rate}}, end)
	case s.Sine != nil:
		return s.Sine.pieces(end)
	default:
		return levels(l.Rate, s.Step, end)
	}
}

// levels are rates that begin at given moments, the first at the start.
func levels(first Rate, steps []Level, end float64) []piece {
	var out []piece
	from, rate := 0.0, float64(first)
	for _, s := range append(steps[:len(steps):len(steps)], Level{At: rollout.Duration(end * float64(time.Second))}) {
		if until := min(s.At.Std().Seconds(), end); until > from {
			out = append(out, piece{from, until, rate, rate})
			from = until
		}
		rate = float64(s.Rate)
	}
	return out
}

func (s Sine) pieces(end float64) []piece {
	length := s.Period.Std().Seconds() / piecesPerPeriod
	rate := func(k int) float64 {
		swing := (1 - math.Cos(2*math.Pi*float64(k%piecesPerPeriod)/piecesPerPeriod)) / 2
		return float64(s.Low) + float64(float64(s.High-s.Low)*swing)
	}
	var out []piece
	for k := 0; float64(k)*length < end; k++ {
		out = append(out, piece{float64(k) * length, float64(k+1) * length, rate(k), rate(k + 1)})
	}
	last := &out[len(out)-1]
	share := (end - last.from) / (last.until - last.from)
	last.until, last.last = end, last.first+float64(share*(last.last-last.first))
	return out
}

// Peak is the most requests a second that the load means to send: its highest
// rate by the steps of its longest journey. Poisson arrivals have it as their
// mean, and so go above it for moments. Of closed loads it is what they send
// where answers take no time: +Inf without time to think. Of replays it is 0:
// [Schedule.Peak] knows it.
func (l Load) Peak() float64 {
	highest := 0.0
	switch {
	case l.Replay != nil:
	case l.Closed != nil:
		highest = float64(l.Closed.Users) / l.Closed.Think.Std().Seconds()
	default:
		for _, p := range l.pieces() {
			highest = max(highest, p.first, p.last)
		}
	}
	return highest * float64(l.steps())
}

// steps is how many requests the longest journey has.
func (l Load) steps() int {
	steps := 1
	for _, j := range l.Journeys {
		steps = max(steps, len(j.Steps))
	}
	return steps
}
