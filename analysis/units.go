package analysis

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Seconds is a duration, written "300ms", "7d", or as a number of seconds.
type Seconds float64

// String writes the duration as Go does, hours and minutes that are 0 left out.
func (s Seconds) String() string {
	text := time.Duration(float64(s) * float64(time.Second)).String()
	for _, rest := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, rest) {
			text = strings.TrimSuffix(text, rest[1:])
		}
	}
	return text
}

// UnmarshalJSON reads "300ms", "7d" or a number of seconds.
func (s *Seconds) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return json.Unmarshal(data, (*float64)(s))
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		*s = Seconds(n * 24 * 3600)
		return err
	}
	d, err := time.ParseDuration(text)
	*s = Seconds(d.Seconds())
	return err
}

// Share is a number from 0 to 1, written 0.999 or "99.9%".
type Share float64

// UnmarshalJSON reads 0.999 or "99.9%".
func (r *Share) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return json.Unmarshal(data, (*float64)(r))
	}
	percent, ok := strings.CutSuffix(text, "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
	if err != nil || math.IsNaN(n) {
		return fmt.Errorf("%q is not a share such as \"99.9%%\"", text)
	}
	*r = Share(n)
	if ok {
		*r = Share(n / 100)
	}
	return nil
}
