package analysis

import "math"

// dispersion is φ, how much more the split of events varies from window to
// window than chance alone would have it, learned from a check's own windows:
//
//	φ = max(1, (Σ(x_c−kθ̂)²/(kθ̂(1−θ̂)) + 5)/(T+5))
//
// over the T windows whose variance kθ̂(1−θ̂) is above 0.5; θ̂ follows from the
// running ratio (judges.md §1.3). Only windows before the one that it tempers
// enter: those of the placebo history, if there is one (placebo.go), and the
// check's own.
type dispersion struct {
	sum      float64 // of the squared residuals in units of their variance
	variance float64 // Σkρ(1−ρ) over the same windows
	windows  int     // T
}

const (
	leastVariance  = 0.5
	dispersionPull = 5 // windows of pure chance that φ begins with
)

func (d *dispersion) fold(xc, k, rho, ratio float64) {
	theta := rho * ratio / (rho*ratio + 1 - rho)
	variance := k * theta * (1 - theta)
	if variance <= leastVariance {
		return
	}
	d.sum += (xc - k*theta) * (xc - k*theta) / variance
	d.variance += k * rho * (1 - rho)
	d.windows++
}

// plus is the dispersion of both stretches together.
func (d dispersion) plus(other dispersion) dispersion {
	return dispersion{d.sum + other.sum, d.variance + other.variance, d.windows + other.windows}
}

// phi is the mean dispersion so far.
func (d dispersion) phi() float64 {
	return max(1, (d.sum+dispersionPull)/(float64(d.windows)+dispersionPull))
}

// of is φ for a window of the given expected variance kρ(1−ρ). φ does not carry
// over between splits and lengths of window, its excess grows with the variance:
// φ_w = 1 + (φ−1)(1+3/√T)·v_w/v̄. The variance is the expected one because k is
// part of what is judged: where the baseline has nine tenths of the traffic, a
// k that is small by chance goes with harm, and would weigh more.
func (d dispersion) of(variance float64) float64 {
	if d.windows == 0 || d.variance == 0 {
		return 1
	}
	t := float64(d.windows)
	return 1 + (d.phi()-1)*(1+3/math.Sqrt(t))*variance/(d.variance/t)
}
