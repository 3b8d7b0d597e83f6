package analysis

import "math"

// restart is R, the harm test averaged over every possible beginning of the
// harm. With t windows folded before, w_t = 1/((t+1)(t+2)):
//
//	R_j ← (R_j+w_t)·exp(step of L_j / φ);   R = mean R_j + 1/(t+2)
//
// The weights sum to 1, so it is an e-process, and evidence does not age: a ×2
// regression after 4,000 healthy minutes is found in 9, not 741 (§1.1).
type restart struct {
	r                [alternatives]float64 // at most infinite
	rest             float64               // weight of the beginnings to come, 1/(t+2)
	excess, exposure float64               // Σ(x_c−kρ), Σn_c(1−ρ) since R was last below 1
}

// fold adds a window's steps of L_j, already divided by φ.
func (r *restart) fold(steps *[alternatives]float64, t int, excess, exposure float64) {
	weight := 1 / (float64(t+1) * float64(t+2))
	for j := range r.r {
		r.r[j] = min((r.r[j]+weight)*math.Exp(steps[j]), infinite)
	}
	r.rest = 1 / float64(t+2)
	r.excess += excess
	r.exposure += exposure
	if r.value() < 1 {
		r.excess, r.exposure = 0, 0
	}
}

// value is R, 1 before it begins.
func (r *restart) value() float64 {
	if r.rest == 0 {
		return 1
	}
	sum := 0.0
	for _, x := range r.r {
		sum += x / alternatives
	}
	return sum + r.rest
}

func (r *restart) log() float64 { return math.Log(r.value()) }

func (r *restart) visit(w *state) {
	w.slice(r.r[:])
	w.floats(&r.rest, &r.excess, &r.exposure)
}
