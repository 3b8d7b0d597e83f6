package analysis

import (
	"fmt"
	"math"
)

// LogMultinomialE is the multinomial e-process (Lindon and Malek, arXiv
// 2011.03567): the logarithm of the evidence that counts were not drawn with
// the probabilities theta, against a Dirichlet mixture with parameters prior.
//
//	ln BF = lnΓ(A) − lnΓ(A+N) + Σ[lnΓ(aᵢ+Sᵢ) − lnΓ(aᵢ) − Sᵢ ln θᵢ]
//
// It may be looked at after every count: P(ever BF ≥ 1/α) ≤ α, as long as
// theta stays. The three slices have one length; prior and theta are positive.
func LogMultinomialE(prior, theta, counts []float64) float64 {
	sumPrior, sumCounts, log := 0.0, 0.0, 0.0
	for i, a := range prior {
		sumPrior += a
		sumCounts += counts[i]
		log += logGamma(a+counts[i]) - logGamma(a) - counts[i]*math.Log(theta[i])
	}
	return log + logGamma(sumPrior) - logGamma(sumPrior+sumCounts)
}

func logGamma(x float64) float64 {
	log, _ := math.Lgamma(x)
	return log
}

// split guards the traffic share: did the candidate get the part of the
// requests that it was to get? Requests that are lost before they are counted,
// a router with other weights, retries of one side only make a comparison of
// what is left worthless. It never hinders Fail, and is never Pass. Windows
// whose share is not known tell nothing.
//
// Routers are not dice: weights are rounded, connections stick. So the evidence
// has to reach 1/α and the smaller side has to be off by more than a twentieth.
// It begins anew with each step and each change of the share.
type split struct {
	share               uint64 // of the candidate, in parts of 10,000; 0: not known
	candidate, baseline uint64 // requests since the share is what it is
}

const (
	shareAlpha = 0.001
	sharePull  = 100 // Dir(100θ)
	shareParts = 10000
	shareSlack = 0.05 // of the smaller side's share
)

func (s *split) fold(w Window) {
	if w.Share == 0 {
		return
	}
	if share := uint64(math.Round(w.Share * shareParts)); share != s.share {
		*s = split{share: share}
	}
	s.candidate += uint64(math.Round(w.Candidate.total()))
	s.baseline += uint64(math.Round(w.Baseline.total()))
}

// expected is the configured share of the candidate.
func (s *split) expected() float64 { return float64(s.share) / shareParts }

// actual is the candidate's part of the requests.
func (s *split) actual() float64 {
	return float64(s.candidate) / max(float64(s.candidate+s.baseline), 1)
}

// broken reports whether the share is not what was configured.
func (s *split) broken() bool {
	theta := s.expected()
	if theta == 0 || theta >= 1 || math.Abs(s.actual()-theta) <= shareSlack*min(theta, 1-theta) {
		return false
	}
	return s.log() >= math.Log(1/shareAlpha)
}

// log is ln BF.
func (s *split) log() float64 {
	theta := s.expected()
	return LogMultinomialE([]float64{sharePull * theta, sharePull * (1 - theta)}, []float64{theta, 1 - theta},
		[]float64{float64(s.candidate), float64(s.baseline)})
}

// told is the sentence where the split is broken, else "".
func (s *split) told() string {
	if !s.broken() {
		return ""
	}
	return s.String()
}

// String is the sentence about a broken split.
func (s *split) String() string {
	return fmt.Sprintf("the candidate got %s%% of the requests instead of %s%% (p=%s)",
		number(100*s.actual()), number(100*s.expected()), number(min(1, fromLog(-s.log()))))
}
