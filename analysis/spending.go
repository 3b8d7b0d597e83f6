package analysis

import "math"

// Looks at one statistic S, the sum of independent parts with mean 0 and
// cumulative variance v₁ < v₂ < … under H0, and the boundaries b at which a
// look stops: P(S_k ≥ b_k, no stop before) is what look k may spend of α
// (Armitage, McPherson and Rowe 1969; Lan and DeMets 1983).

// Spending functions: how much of α is spent at a share t of the plan.
const (
	spendOBF    = "obf"    // O'Brien-Fleming: 2(1−Φ(z_{α/2}/√t))
	spendPocock = "pocock" // α·ln(1+(e−1)t)
	spendPower  = "power"  // α·t^power
)

func spend(function string, alpha, power, t float64) float64 {
	switch {
	case t >= 1:
		return alpha
	case function == spendPocock:
		return alpha * math.Log1p((math.E-1)*t)
	case function == spendPower:
		return alpha * math.Pow(t, power)
	default:
		return 2 * normalAbove(-normalQuantile(alpha/2)/math.Sqrt(t))
	}
}

// The grid of normal densities: Simpson's rule from −widest standard
// deviations to the boundary. A look that adds less than leastGain of the
// variance is not resolved by it.
const (
	gridPoints = 801 // odd
	widest     = 9.0
	leastGain  = 0.01
)

// walk is the density of a normal S over the paths that no look has stopped.
// The zero value is before the first look, S = 0.
type walk struct {
	variance   float64
	at, weight []float64 // weight: density times Simpson's
}

// above is P(S ≥ b, not stopped) when the variance has grown to v.
func (w walk) above(v, b float64) float64 {
	if w.at == nil {
		return normalAbove(b / math.Sqrt(v))
	}
	sd, sum := math.Sqrt(v-w.variance), 0.0
	for i, x := range w.at {
		sum += w.weight[i] * normalAbove((b-x)/sd)
	}
	return sum
}

// boundary is the b with above(v, b) = level; +Inf where no b has so little.
func (w walk) boundary(v, level float64) float64 {
	sd := math.Sqrt(v)
	low, high := -widest*sd, 4*widest*sd
	if !(level > 0) || w.above(v, high) >= level {
		return math.Inf(1)
	}
	for range 100 {
		middle := (low + high) / 2
		if w.above(v, middle) > level {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// next is the walk after a look at variance v that stopped from b on.
func (w walk) next(v, b float64) walk {
	sd := math.Sqrt(v)
	low := -widest * sd
	b = max(low, min(b, widest*sd))
	step := (b - low) / (gridPoints - 1)
	out := walk{variance: v, at: make([]float64, gridPoints), weight: make([]float64, gridPoints)}
	for i := range out.at {
		simpson := 2.0 + 2*float64(i%2)
		if i == 0 || i == gridPoints-1 {
			simpson = 1
		}
		out.at[i] = low + float64(i)*step
		out.weight[i] = simpson * step / 3 * w.density(v, out.at[i])
	}
	return out
}

func (w walk) density(v, s float64) float64 {
	if w.at == nil {
		return normalDensity(s, math.Sqrt(v))
	}
	sd, sum := math.Sqrt(v-w.variance), 0.0
	for i, x := range w.at {
		if math.Abs(s-x) < widest*sd {
			sum += w.weight[i] * normalDensity(s-x, sd)
		}
	}
	return sum
}

func normalDensity(x, sd float64) float64 {
	z := x / sd
	return math.Exp(-z*z/2) / (sd * math.Sqrt(2*math.Pi))
}

// events is the exact distribution of a number of events over the paths that
// no look has stopped: p[i] is the chance of from+i. The zero value has none.
type events struct {
	from int
	p    []float64
}

// negligible is what is cut off a distribution, relative to its peak.
const negligible = 1e-30

// binomial is the distribution of Bin(k, θ), 0 < θ < 1, by the ratio of
// neighbours from the mode outwards.
func binomial(k, theta float64) events {
	mode := math.Floor((k + 1) * theta)
	odds := theta / (1 - theta)
	var below, above []float64
	for x, p := mode, 1.0; x > 0 && p > negligible; x-- {
		p *= x / ((k - x + 1) * odds)
		below = append(below, p)
	}
	for x, p := mode, 1.0; x < k && p > negligible; x++ {
		p *= (k - x) * odds / (x + 1)
		above = append(above, p)
	}
	out := events{from: int(mode) - len(below), p: make([]float64, 0, len(below)+1+len(above))}
	sum := 1.0
	for i := len(below) - 1; i >= 0; i-- {
		out.p = append(out.p, below[i])
		sum += below[i]
	}
	out.p = append(append(out.p, 1), above...)
	for _, p := range above {
		sum += p
	}
	for i := range out.p {
		out.p[i] /= sum
	}
	return out
}

// plus is the distribution of the sum with independent events.
func (e events) plus(more events) events {
	if e.p == nil {
		return more
	}
	out := events{from: e.from + more.from, p: make([]float64, len(e.p)+len(more.p)-1)}
	for i, p := range e.p {
		if p == 0 {
			continue
		}
		for j, q := range more.p {
			out.p[i+j] += p * q
		}
	}
	return out
}

// boundary is the least number c with P(events ≥ c, not stopped) ≤ level.
func (e events) boundary(level float64) float64 {
	tail := 0.0
	for i := len(e.p) - 1; i >= 0; i-- {
		if tail += e.p[i]; tail > level {
			return float64(e.from + i + 1)
		}
	}
	return float64(e.from)
}

// stop takes out the paths from c events on and returns their chance.
func (e events) stop(c float64) (events, float64) {
	keep := int(max(0, min(c-float64(e.from), float64(len(e.p)))))
	stopped := 0.0
	for _, p := range e.p[keep:] {
		stopped += p
	}
	return events{from: e.from, p: e.p[:keep]}, stopped
}
