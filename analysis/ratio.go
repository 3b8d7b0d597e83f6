package analysis

import "math"

// The exact sequential test of two event rates that rateRatio and tailLadder
// share. In a window the sides have n_c, n_b requests and x_c, x_b events;
// ρ = n_c/(n_c+n_b), k = x_c+x_b. For a ratio of rates d the log-likelihood is
//
//	ℓ(d) = Σ x_c·ln d − k·ln(ρd+1−ρ)
//
// harm: H0 says P_c ≤ d0·P_b in every window; alternatives d_j = d0·(1+u_j):
//
//	L_j = ℓ(d_j) − ℓ(d0);   E = mean exp(L_j)
//
// safe: H0 says P_c ≥ m·P_b; alternatives from 0.25 to 0.97·m. E is an e-process
// for binomial counts, without approximation (proof: judges.md §1.1), so that
// P(ever E ≥ 1/α) ≤ α. R (restart.go) is one too; having both costs the 2 in
// FAIL when E ≥ 2/α or R ≥ 2/α.
const (
	alternatives = 12
	harmNull     = 0
	safeNull     = alternatives + 1
	nodes        = 2 * (alternatives + 1)

	smallestHarm, largestHarm = 0.1, 30.0  // u_j, log-spaced
	smallestSafe, largestSafe = 0.25, 0.97 // the latter times m

	// restartAt is the number of the window with which R begins: without
	// placebo history φ has to be learned in the windows before it.
	// Untempered, R alarms at .22–.37 under 16 % noise (judges.md §1.1).
	restartAt = 30
)

// ratioTest is what is fixed for one check.
type ratioTest struct {
	d, ln               [nodes]float64        // where ℓ is known: nulls and alternatives
	excess              [alternatives]float64 // u_j
	minDelta, minEvents float64
}

// ratio is the state of one test.
type ratio struct {
	l                   [nodes]float64 // ℓ at the nodes
	candidate, baseline float64        // Σx_c(1−ρ) and Σx_bρ: Mantel-Haenszel
	exposure            float64        // Σn_c(1−ρ)
	events              float64        // Σx_c
	windows             int            // with traffic on both sides and events
	restart             restart
	dispersion          dispersion
}

// arms are the counts of one window that the test sees.
type arms struct{ nc, xc, nb, xb float64 }

func newRatioTest(p RateRatio) *ratioTest {
	t := &ratioTest{minDelta: *p.MinAbsDelta, minEvents: p.MinCanaryEvents}
	t.d[harmNull], t.d[safeNull] = p.HarmMargin, p.SafeMargin
	for j := range alternatives {
		t.excess[j] = logSpaced(smallestHarm, largestHarm, j)
		t.d[harmNull+1+j] = p.HarmMargin * (1 + t.excess[j])
		t.d[safeNull+1+j] = logSpaced(smallestSafe, largestSafe*p.SafeMargin, j)
	}
	for i, d := range t.d {
		t.ln[i] = math.Log(d)
	}
	return t
}

// logSpaced is the j-th alternative from low to high.
func logSpaced(low, high float64, j int) float64 {
	return low * math.Pow(high/low, float64(j)/(alternatives-1))
}

// fold adds a window. One without traffic on both sides or without events
// changes nothing.
func (t *ratioTest) fold(s *ratio, a arms) {
	k := a.xc + a.xb
	if a.nc == 0 || a.nb == 0 || k == 0 {
		return
	}
	rho := a.nc / (a.nc + a.nb)
	var gain [nodes]float64
	for i, d := range t.d {
		gain[i] = a.xc*t.ln[i] - k*math.Log(1+rho*(d-1))
		s.l[i] += gain[i]
	}
	exposure := a.nc * (1 - rho)
	if before := s.windows - (restartAt - 1); before >= 0 {
		steps := tempered(&gain, s.dispersion.of(k*rho*(1-rho)))
		s.restart.fold(&steps, before, a.xc-k*rho, exposure)
	}
	s.dispersion.fold(a.xc, k, rho, s.running())
	s.windows++
	s.events += a.xc
	s.exposure += exposure
	s.candidate += a.xc * (1 - rho)
	s.baseline += a.xb * rho
}

// tempered is a window's step of each L_j, divided by φ.
func tempered(gain *[nodes]float64, phi float64) (steps [alternatives]float64) {
	for j := range steps {
		steps[j] = (gain[harmNull+1+j] - gain[harmNull]) / phi
	}
	return steps
}

// running is the ratio so far, drawn to 1 while there are few events.
func (s *ratio) running() float64 { return (s.candidate + 0.5) / (s.baseline + 0.5) }

// mantelHaenszel is Σx_c(1−ρ)/Σx_bρ: unlike the pooled ratio it is not misled
// by a ramp. 0 when nothing happened yet.
func (s *ratio) mantelHaenszel() float64 {
	switch {
	case s.candidate == 0:
		return 0
	case s.baseline == 0:
		return infinite
	default:
		return min(s.candidate/s.baseline, infinite)
	}
}

// logHarm is ln E.
func (s *ratio) logHarm() float64 {
	return logMeanExp(s.l[harmNull+1:harmNull+1+alternatives], s.l[harmNull])
}

// logSafe is ln E_safe.
func (s *ratio) logSafe() float64 {
	return logMeanExp(s.l[safeNull+1:safeNull+1+alternatives], s.l[safeNull])
}

// reaches reports whether E could be exp(goal), cheaply: the mean is at most
// the largest.
func (s *ratio) reaches(goal float64) bool {
	for j := range alternatives {
		if s.l[harmNull+1+j]-s.l[harmNull] >= goal {
			return true
		}
	}
	return false
}

// relevant reports whether the harm over all windows is large enough to act on.
func (t *ratioTest) relevant(s *ratio) bool {
	return s.events >= t.minEvents && s.candidate-s.baseline >= t.minDelta*s.exposure
}

// relevantSince is relevant over the stretch that R accuses.
func (t *ratioTest) relevantSince(s *ratio) bool {
	return s.events >= t.minEvents && s.restart.excess >= t.minDelta*s.restart.exposure
}

// fails reports whether E or R has reached exp(goal) and the harm is relevant.
func (t *ratioTest) fails(s *ratio, goal float64) bool {
	return s.reaches(goal) && s.logHarm() >= goal && t.relevant(s) ||
		s.restart.log() >= goal && t.relevantSince(s)
}

func (s *ratio) visit(w *state) {
	w.slice(s.l[:])
	w.floats(&s.candidate, &s.baseline, &s.exposure, &s.events)
	w.counts(&s.windows)
	s.restart.visit(w)
	w.floats(&s.dispersion.sum, &s.dispersion.variance)
	w.counts(&s.dispersion.windows)
}

// logMeanExp is ln of the mean of exp(x−from).
func logMeanExp(xs []float64, from float64) float64 {
	top := math.Inf(-1)
	for _, x := range xs {
		top = max(top, x-from)
	}
	if math.IsInf(top, -1) {
		return top
	}
	sum := 0.0
	for _, x := range xs {
		sum += math.Exp(x - from - top)
	}
	return top + math.Log(sum/float64(len(xs)))
}
