package load

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Rate is how many requests (or journeys) begin in a second. It is written
// "200/s", "30/m" or "10/h"; JSON and YAML hold that string.
type Rate float64

// MostRate is the highest rate that is read.
const MostRate Rate = 1e6

// perUnit is how many seconds the units of a rate have, finest first.
var perUnit = []struct {
	name    string
	seconds float64
}{{"s", 1}, {"m", 60}, {"h", 3600}}

// ParseRate reads "200/s", "0.5/s", "30/m" or "10/h": a number from 0 to a
// million a second, a slash and one unit, without spaces.
func ParseRate(s string) (Rate, error) {
	digits, unit, _ := strings.Cut(s, "/")
	count, err := strconv.ParseFloat(digits, 64)
	plain := strings.Trim(digits, "0123456789.") == ""
	for _, u := range perUnit {
		if u.name != unit || err != nil || !plain {
			continue
		}
		if r := Rate(count / u.seconds); r <= MostRate {
			return r, nil
		}
		return 0, fmt.Errorf("%q is not a rate: it is more than %s", s, MostRate)
	}
	return 0, fmt.Errorf("%q is not a rate: write 200/s, 30/m or 10/h", s)
}

// String writes the rate in the finest unit in which it is a whole number, or
// else a second: "200/s", "30/m".
func (r Rate) String() string {
	for _, u := range perUnit {
		count := float64(r) * u.seconds
		if whole := math.Round(count); whole/u.seconds == float64(r) {
			return strconv.FormatFloat(whole, 'f', -1, 64) + "/" + u.name
		}
	}
	return strconv.FormatFloat(float64(r), 'f', -1, 64) + "/s"
}

// MarshalText writes the rate as String does.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the rate as ParseRate does.
func (r *Rate) UnmarshalText(b []byte) error {
	v, err := ParseRate(string(b))
	if err == nil {
		*r = v
	}
	return err
}
