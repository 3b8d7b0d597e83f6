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
		return fmt.Errorf("%q is not an amount: write 900ms, 1%%, 200/s or a number", s)
	}
	*a = Amount{value * scale, unit}
	return nil
}

// digits is how many of them an amount is written with: as many as a number of
// people's keeps through being read.
const digits = 15

// MarshalText writes the amount so that the same is read: runs are repeated from
// it, and fingerprints made of it.
func (a Amount) MarshalText() ([]byte, error) {
	text := func(v float64) string { return strconv.FormatFloat(v, 'g', digits, 64) }
	switch a.Unit {
	case UnitSeconds:
		return []byte(time.Duration(math.Round(a.Value * float64(time.Second))).String()), nil
	case UnitRatio:
		return []byte(text(a.Value*100) + "%"), nil
	}
	return []byte(text(a.Value) + a.Unit), nil
}

// String is the amount as people write it.
func (a Amount) String() string { return inUnit(a.Value, a.Unit) }

// inUnit writes a value for people, with four digits; large numbers as whole ones.
func inUnit(value float64, unit string) string {
	short := func(v float64) string {
		if math.Abs(v) >= 1000 {
			return strconv.FormatFloat(v, 'f', 0, 64)
		}
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	switch unit {
	case UnitSeconds:
		return shortened(time.Duration(math.Round(value * float64(time.Second)))).String()
	case UnitRatio:
		return short(value*100) + "%"
	case UnitRate:
		return short(value) + "/s"
	default:
		return short(value)
	}
}

// shortened is a duration with four digits, and nothing below a microsecond.
func shortened(d time.Duration) time.Duration {
	unit := time.Microsecond
	for d.Abs() >= 10_000*unit {
		unit *= 10
	}
	return d.Round(unit)
}

// counted is a number of things: "1 drill", "3 drills".
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
