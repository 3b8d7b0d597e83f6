package judgesim

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// source returns the random numbers of one run of one configuration of one
// row. They depend on nothing else, so that a figure is the same however many
// workers compute it, and whichever other rows are computed beside it.
func source(seed uint64, row, config string, run int) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(row + "\x00" + config)) // never fails
	return rand.New(rand.NewPCG(seed^h.Sum64(), uint64(run)))
}

// few is the mean below which numbers are drawn by inversion of one uniform
// number; above it by transformed rejection (W. Hörmann, 1993).
const few = 10

// binomial draws from Bin(n, p).
func binomial(r *rand.Rand, n, p float64) float64 {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(r, n, 1-p)
	case n*p < few:
		return invert(r.Float64(), math.Exp(n*math.Log1p(-p)), n, func(k float64) float64 { return (n - k) / (k + 1) * p / (1 - p) })
	}
	spread := math.Sqrt(n * p * (1 - p))
	b := 1.15 + 2.53*spread
	a := -0.0873 + 0.0248*b + 0.01*p
	odds, mode := math.Log(p/(1-p)), math.Floor((n+1)*p)
	top := logFactorial(mode) + logFactorial(n-mode)
	for {
		u, v := r.Float64()-0.5, r.Float64()
		near := 0.5 - math.Abs(u)
		k := math.Floor((2*a/near+b)*u + n*p + 0.5)
		switch {
		case k < 0 || k > n:
		case near >= 0.07 && v <= 0.92-4.2/b:
			return k
		case math.Log(v*(2.83+5.1/b)*spread/(a/(near*near)+b)) <= top-logFactorial(k)-logFactorial(n-k)+(k-mode)*odds:
			return k
		}
	}
}

// poisson draws from the Poisson distribution.
func poisson(r *rand.Rand, mean float64) float64 {
	if mean < few {
		return invert(r.Float64(), math.Exp(-mean), math.Inf(1), func(k float64) float64 { return mean / (k + 1) })
	}
	b := 0.931 + 2.53*math.Sqrt(mean)
	a := -0.059 + 0.02483*b
	log, scale := math.Log(mean), math.Log(1.1239+1.1328/(b-3.4))
	for {
		u, v := r.Float64()-0.5, r.Float64()
		near := 0.5 - math.Abs(u)
		k := math.Floor((2*a/near+b)*u + mean + 0.43)
		switch {
		case near >= 0.07 && v <= 0.9277-3.6224/(b-2):
			return k
		case k < 0 || near < 0.013 && v > near:
		case math.Log(v)+scale-math.Log(a/(near*near)+b) <= k*log-mean-logFactorial(k):
			return k
		}
	}
}

// invert returns the smallest k whose distribution function reaches u; first
// is the mass at 0, ratio that of the masses at k+1 and k.
func invert(u, first, most float64, ratio func(k float64) float64) float64 {
	k, mass := 0.0, first
	for u > mass && k < most && mass > 0 {
		u -= mass
		mass *= ratio(k)
		k++
	}
	return k
}

func logFactorial(k float64) float64 {
	l, _ := math.Lgamma(k + 1)
	return l
}

// unevenly is a factor with mean 1 and about the given relative deviation.
func unevenly(r *rand.Rand, deviation float64) float64 {
	if deviation == 0 {
		return 1
	}
	return math.Exp(deviation*r.NormFloat64() - deviation*deviation/2)
}
