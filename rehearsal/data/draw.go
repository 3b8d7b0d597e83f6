package data

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"time"
)

// between returns a uniform number that is neither 0 nor 1.
func between(r *rand.Rand) float64 { return (float64(r.Uint64()>>11) + 0.5) / (1 << 53) }

// normalAt is the u-th quantile of the standard normal distribution, and
// shareBelow is its inverse. Both ends are bounded, so that no value is infinite.
func normalAt(u float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*u) }

func shareBelow(z float64) float64 {
	return min(max(math.Erfc(-z/math.Sqrt2)/2, 1e-16), 1-1e-16)
}

// kind says what a distribution draws: "numbers", "words" or "dates".
func (d Distribution) kind() string {
	switch {
	case d.Choice != nil:
		return "words"
	case d.Date != nil:
		return "dates"
	}
	return "numbers"
}

// rises reports whether a larger quantile is a larger value.
func (c Column) rises() bool {
	return c.Uniform != nil || c.Normal != nil || c.LogNormal != nil || c.Date != nil
}

// cell is the kind of what the column holds.
func (c Column) cell() Kind {
	if c.Uniform != nil || c.Normal != nil || c.LogNormal != nil || c.Sequence != nil {
		return Number
	}
	return Text
}

// drawn is the u-th quantile of a distribution of numbers or dates, as text.
func (c Column) drawn(d Distribution, u float64) string {
	if d.Date != nil {
		return d.Date.at(u)
	}
	unit := math.Pow10(-c.Decimals)
	var v float64
	switch {
	case d.Uniform != nil:
		steps := math.Floor((d.Uniform.To-d.Uniform.From)/unit + 1e-9)
		v = d.Uniform.From + unit*math.Floor(u*(steps+1))
	case d.Normal != nil:
		v = d.Normal.Mean + d.Normal.Spread*normalAt(u)
	case d.LogNormal != nil:
		v = d.LogNormal.Median * math.Exp(d.LogNormal.Sigma*normalAt(u))
	}
	if c.Min != nil {
		v = max(v, *c.Min)
	}
	if c.Max != nil {
		v = min(v, *c.Max)
	}
	return number(v, c.Decimals)
}

// number writes a value with so many decimals, and never "-0".
func number(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == 0 {
		return strconv.FormatFloat(0, 'f', decimals, 64)
	}
	return s
}

func (d Date) at(u float64) string {
	seconds := int64(d.To.Sub(d.From)/time.Second) + 1
	moment := d.From.Add(time.Duration(float64(seconds)*u) * time.Second).UTC()
	if d.Days {
		return moment.Format(time.DateOnly)
	}
	return moment.Format(time.RFC3339)
}

// ranks are the weights of n ranks by Zipf's law; an exponent of 0 makes them
// the same.
func ranks(n int, exponent float64) []float64 {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = math.Pow(float64(i+1), -exponent)
	}
	return weights
}

// summed returns the sums of the weights up to each.
func summed(weights []float64) []float64 {
	sums, sum := make([]float64, len(weights)), 0.0
	for i, w := range weights {
		sum += w
		sums[i] = sum
	}
	return sums
}

// pick returns the place at which the u-th part of the whole is reached. A
// weight of 0 is never picked.
func pick(sums []float64, u float64) int {
	reach := u * sums[len(sums)-1]
	i := sort.Search(len(sums), func(i int) bool { return sums[i] > reach })
	return min(i, len(sums)-1)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
