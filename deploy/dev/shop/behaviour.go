package shop

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Behaviour is how a version answers: how often it fails and how long it takes.
// Latencies are lognormal, apart from a tail that is slower by a factor.
type Behaviour struct {
	Errors     float64       // share of requests answered with 500, 0 to 1
	Median     time.Duration // latency of the middle request
	Spread     float64       // standard deviation of the latency's logarithm
	Tail       float64       // share of requests, the slowest ones, that the factor makes slower
	TailFactor float64       // 1: no tail
	Loses      float64       // share of orders that are acknowledged and not kept
	Doubles    float64       // share of orders that are kept twice
	Alters     float64       // share of orders that are kept with another payload
}

// baseline is a healthy version: one request in five hundred fails, nine in ten
// take 6 to 18 ms.
var baseline = Behaviour{Errors: 0.002, Median: 10 * time.Millisecond, Spread: 0.35, Tail: 0.05, TailFactor: 1}

// BehaviourOf returns what is built into a version. 1.2.0 fails, 1.3.0 has a
// slow tail; every other version is healthy.
func BehaviourOf(version string) Behaviour {
	b := baseline
	switch version {
	case "1.2.0":
		b.Errors = 0.08
	case "1.3.0":
		b.Tail, b.TailFactor = 0.1, 6
	}
	return b
}

// The variables that override what is built in.
const (
	ErrorsVariable     = "SHOP_ERRORS"      // a share: 8% or 0.08
	MedianVariable     = "SHOP_LATENCY"     // a duration: 10ms
	SpreadVariable     = "SHOP_SPREAD"      // a number: 0.35
	TailVariable       = "SHOP_TAIL"        // a share: 5% or 0.05
	TailFactorVariable = "SHOP_TAIL_FACTOR" // a number, at least 1
	LosesVariable      = "SHOP_LOSES"       // a share: of the orders
	DoublesVariable    = "SHOP_DOUBLES"     // a share: of the orders
	AltersVariable     = "SHOP_ALTERS"      // a share: of the orders
)

// Override returns the behaviour with what the variables say. A value that is
// none is an error that names its variable.
func (b Behaviour) Override(getenv func(string) string) (Behaviour, error) {
	for name, read := range map[string]func(string) error{
		ErrorsVariable:  share(&b.Errors),
		TailVariable:    share(&b.Tail),
		LosesVariable:   share(&b.Loses),
		DoublesVariable: share(&b.Doubles),
		AltersVariable:  share(&b.Alters),
		SpreadVariable:  number(&b.Spread, 0),
		MedianVariable: func(s string) (err error) {
			if b.Median, err = time.ParseDuration(s); err == nil && b.Median <= 0 {
				err = fmt.Errorf("%q is not more than 0s", s)
			}
			return err
		},
		TailFactorVariable: number(&b.TailFactor, 1),
	} {
		if value := getenv(name); value != "" {
			if err := read(value); err != nil {
				return b, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return b, nil
}

func share(into *float64) func(string) error {
	return func(s string) error {
		digits, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
		v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if percent {
			v /= 100
		}
		if err != nil || !(v >= 0 && v <= 1) {
			return fmt.Errorf("%q is not a share: write 8%% or 0.08", s)
		}
		*into = v
		return nil
	}
}

func number(into *float64, least float64) func(string) error {
	return func(s string) error {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || !(v >= least && v <= 1000) {
			return fmt.Errorf("%q is not a number from %g to 1000", s, least)
		}
		*into = v
		return nil
	}
}

// Latency is the u-th quantile of the latency, 0 < u < 1: drawn with uniform u
// it is a sample.
func (b Behaviour) Latency(u float64) time.Duration {
	z := math.Sqrt2 * math.Erfinv(2*u-1)
	factor := math.Exp(b.Spread * min(max(z, -4), 4))
	if u >= 1-b.Tail {
		factor *= b.TailFactor
	}
	return time.Duration(float64(b.Median) * factor)
}

// Fails reports whether a request fails, for uniform u in [0, 1).
func (b Behaviour) Fails(u float64) bool { return u < b.Errors }

// String reads "0.2% errors, median 10ms", and names a tail, and what happens to
// orders, where there is such a thing.
func (b Behaviour) String() string {
	s := fmt.Sprintf("%.3g%% errors, median %s", 100*b.Errors, b.Median)
	if b.TailFactor > 1 {
		s += fmt.Sprintf(", the slowest %.3g%% ×%.3g", 100*b.Tail, b.TailFactor)
	}
	for i, share := range []float64{b.Loses, b.Doubles, b.Alters} {
		if share > 0 {
			s += fmt.Sprintf(", %s %.3g%% of the orders", []string{"loses", "doubles", "alters"}[i], 100*share)
		}
	}
	return s
}
