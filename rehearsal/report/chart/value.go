package chart

import (
	"math"
	"strconv"
	"strings"
)

// The units that are written in a way of their own. Others follow their number
// as they are.
const (
	Seconds = "s"     // "870 ms", "2.1 s", "3 min 20 s"
	Ratio   = "ratio" // "0.3 %"
	PerTime = "/s"    // "1,200/s"
	Clock   = "clock" // seconds since the start of a run: "4:05"
	Count   = "count" // of things: axes have whole numbers only
)

// None is written for what was not measured, or is no number.
const None = "–"

// Value writes a measurement for people, with three significant digits: "2.14 s",
// "870 ms", "0.3 %", "1,200 requests". NaN and infinite values are [None].
func Value(x float64, unit string) string {
	if !finite(x) {
		return None
	}
	switch unit {
	case Seconds:
		return seconds(x)
	case Ratio:
		return percent(100*x) + " %"
	case Clock:
		return clock(x)
	case "", Count:
		return digits(x)
	case PerTime:
		return digits(x) + unit
	default:
		if x == 1 && len(unit) > 2 {
			unit = strings.TrimSuffix(unit, "s") // 1 replica
		}
		return digits(x) + " " + unit
	}
}

// percent has two significant digits below 1: a third is noise there.
func percent(x float64) string {
	if size := math.Abs(x); size >= 1 || size < 1e-6 {
		return digits(x)
	}
	return trimmed(strconv.FormatFloat(x, 'f', 1-int(math.Floor(math.Log10(math.Abs(x)))), 64))
}

func seconds(x float64) string {
	size := math.Abs(x)
	switch {
	case size == 0:
		return "0 s"
	case size < 0.9995:
		return digits(1000*x) + " ms"
	case size < 59.95:
		return digits(x) + " s"
	case size < 3600:
		return two(x, 60, "min", "s")
	case size < 48*3600:
		return two(x/60, 60, "h", "min")
	default:
		return two(x/3600, 24, "d", "h")
	}
}

// two writes x in two units, of which the greater has size of the lesser.
func two(x, size float64, greater, lesser string) string {
	sign := ""
	if x < 0 {
		sign = "-"
	}
	whole := int64(math.Round(math.Abs(x)))
	text := sign + grouped(strconv.FormatInt(whole/int64(size), 10)) + " " + greater
	if rest := whole % int64(size); rest > 0 {
		text += " " + strconv.FormatInt(rest, 10) + " " + lesser
	}
	return text
}

func clock(x float64) string {
	sign, whole := "", int64(math.Round(math.Abs(x)))
	if x < 0 && whole > 0 {
		sign = "-"
	}
	padded := func(n int64) string { return strconv.FormatInt(n+100, 10)[1:] }
	if whole < 3600 {
		return sign + strconv.FormatInt(whole/60, 10) + ":" + padded(whole%60)
	}
	return sign + strconv.FormatInt(whole/3600, 10) + ":" + padded(whole/60%60) + ":" + padded(whole%60)
}

// digits writes x with three significant digits and no zeros after them; whole
// numbers are written in full, up to a million millions.
func digits(x float64) string {
	size := math.Abs(x)
	switch {
	case size >= 1e12 || size > 0 && size < 1e-6:
		return strconv.FormatFloat(x, 'g', 3, 64)
	case size >= 100 || x == math.Trunc(x):
		return grouped(strconv.FormatFloat(x, 'f', 0, 64))
	default:
		places := 2 - int(math.Floor(math.Log10(size)))
		return trimmed(strconv.FormatFloat(x, 'f', places, 64))
	}
}

func trimmed(number string) string {
	if !strings.Contains(number, ".") {
		return number
	}
	return strings.TrimSuffix(strings.TrimRight(number, "0"), ".")
}

// grouped puts a comma between thousands.
func grouped(whole string) string {
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	return sign + whole
}

// largest is what can be drawn: beyond it differences are no numbers any more.
const largest = 1e150

func finite(x float64) bool { return math.Abs(x) <= largest }
