package rehearsal

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Amount is a value of a signal. It is written with its unit: 900ms, 1% or 200/s;
// a bare number is one of things that are counted, such as replicas.
type Amount struct {
	Value float64 // in seconds, as a ratio, a second, or counted
	Unit  string  // one of the units below
}

// The units of signals.
const (
	UnitSeconds = "s"
	UnitRatio   = "ratio"
	UnitRate    = "/s"
	UnitCount   = ""
)

// UnmarshalText reads an amount as it is written.
func (a *Amount) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	number, unit, scale := s, UnitCount, 1.0
	switch {
	case strings.HasSuffix(s, "%"):
		number, unit, scale = strings.TrimSuffix(s, "%"), UnitRatio, 0.01
	case strings.HasSuffix(s, "/s"):
		number, unit = strings.TrimSuffix(s, "/s"), UnitRate
	case strings.HasSuffix(s, "/m"):
		number, unit, scale = strings.TrimSuffix(s, "/m"), UnitRate, 1.0/60
	default:
		if d, err := time.ParseDuration(s); err == nil && s != "0" {
			*a = Amount{d.Seconds(), UnitSeconds}
			return nil
		}
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return fmt.Errorf("%q is no amount: write 900ms, 1%%, 200/s or a number", s)
	}
	*a = Amount{value * scale, unit}
	return nil
}

// MarshalText writes the amount so that it can be read.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// String is the amount as people write it.
func (a Amount) String() string { return inUnit(a.Value, a.Unit) }

// inUnit writes a value for people.
func inUnit(value float64, unit string) string {
	short := func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	switch unit {
	case UnitSeconds:
		d := time.Duration(math.Round(value * float64(time.Second)))
		return d.Round(max(time.Microsecond, d.Abs()/1000)).String()
	case UnitRatio:
		return short(value*100) + "%"
	case UnitRate:
		return short(value) + "/s"
	default:
		return short(value)
	}
}
