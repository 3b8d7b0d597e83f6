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
//
// Requests are not independent, and two sides are never quite alike: what the
// placebo history taught (placebo.go) divides both x by the window's φ, in E
// and R from the first window on, and sets the margin d0. Without it E stays
// as it is, and R begins late.
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

	// Taught by the placebo history, if there was one.
	taught bool
	prior  dispersion
	rate   float64 // events per request in the placebo history
	finest float64 // the margin that the service's own noise calls for; at least 1.1
	reach  float64 // harm up to here is seen between two halves of the baseline, too; 0: none is
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

func (a arms) plus(b arms) arms {
	return arms{nc: a.nc + b.nc, xc: a.xc + b.xc, nb: a.nb + b.nb, xb: a.xb + b.xb}
}

// rate is how many events a request has.
func (a arms) rate() float64 { return (a.xc + a.xb) / max(a.nc+a.nb, 1) }

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

// teach takes over what the placebo history taught of this test; nil: nothing.
func (t *ratioTest) teach(l *LearnedTest) {
	if !l.enough() {
		return
	}
	t.taught, t.prior, t.rate, t.finest, t.reach = true, l.dispersion(), l.Rate, l.Margin, l.reach()
}

// expected is how many events a request has on average, from the windows so far
// and, counted as five of them, the placebo history.
func (t *ratioTest) expected(s *ratio) float64 {
	if s.windows == 0 {
		return t.rate
	}
	own := (s.candidate + s.baseline) / (2 * s.exposure)
	if !t.taught {
		return own
	}
	n := float64(s.windows)
	return (own*n + t.rate*dispersionPull) / (n + dispersionPull)
}

// dispersion is φ of all windows so far, those of the placebo history included.
func (t *ratioTest) dispersion(s *ratio) dispersion { return t.prior.plus(s.dispersion) }

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
	exposure := a.nc * (1 - rho)
	phi := t.dispersion(s).of(t.expected(s) * (a.nc + a.nb) * rho * (1 - rho))
	trust, before := 1.0, s.windows-(restartAt-1)
	if t.taught {
		trust, before = 1/phi, s.windows
	}
	var gain [nodes]float64
	for i, d := range t.d {
		gain[i] = a.xc*t.ln[i] - k*math.Log(1+rho*(d-1))
		s.l[i] += gain[i] * trust
	}
	if before >= 0 {
		steps := tempered(&gain, phi)
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

// accuses reports whether E or R has reached 2/α and the harm is relevant.
func (t *ratioTest) accuses(s *ratio, alpha float64) bool {
	goal := math.Log(2 / alpha)
	return t.accusesAll(s, goal) || t.accusesLate(s, goal)
}

func (t *ratioTest) accusesAll(s *ratio, goal float64) bool {
	return s.reaches(goal) && s.logHarm() >= goal && t.relevant(s)
}

func (t *ratioTest) accusesLate(s *ratio, goal float64) bool {
	return s.restart.log() >= goal && t.relevantSince(s)
}

// fails reports whether E or R accuses, and of more than what two halves of
// the baseline show as well.
func (t *ratioTest) fails(s *ratio, alpha float64) bool {
	goal := math.Log(2 / alpha)
	return t.accusesAll(s, goal) && !t.excuses(s, alpha) ||
		t.accusesLate(s, goal) && !t.excusesLate(s)
}

// excuses reports whether the lower end of the ratio's interval at 1−α is
// within the placebo's reach.
func (t *ratioTest) excuses(s *ratio, alpha float64) bool {
	if t.reach == 0 {
		return false
	}
	low := t.interval(s, alpha)[0]
	return low == nil || *low <= t.reach
}

// excusesLate is excuses for harm that began late, which the interval over all
// windows hides. It has but an estimate from the few windows since R was last
// below 1, and so asks for three times the reach.
func (t *ratioTest) excusesLate(s *ratio) bool {
	return t.reach > 0 && s.recent() <= min(3*t.reach, mostReach)
}

// recent estimates the ratio since R was last below 1, with the baseline's
// share of events over all windows.
func (s *ratio) recent() float64 {
	switch {
	case s.restart.exposure == 0:
		return 1
	case s.baseline == 0:
		return infinite
	default:
		return 1 + s.restart.excess/s.restart.exposure/(s.baseline/s.exposure)
	}
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
