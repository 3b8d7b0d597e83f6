package analysis

import (
	"encoding/json"
	"fmt"
	"math"
)

// countedLatencies is the JSON of Latencies: pairs of bucket number and count,
// of those buckets that have any, and the longest latency.
type countedLatencies struct {
	Max    float64  `json:"max,omitempty"`
	Counts []uint64 `json:"counts,omitempty"`
}

// MarshalJSON writes what was counted, a few bytes for each bucket that has
// any: {"max":0.21,"counts":[110,5,175,1]}. An infinite latency is 1e300.
func (l Latencies) MarshalJSON() ([]byte, error) {
	out := countedLatencies{Max: min(l.most, 1e300)}
	for i, n := range l.counts {
		if n > 0 {
			out.Counts = append(out.Counts, uint64(i), n)
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote. Bucket numbers that are not, or
// do not rise, are an error.
func (l *Latencies) UnmarshalJSON(text []byte) error {
	var in countedLatencies
	if err := json.Unmarshal(text, &in); err != nil {
		return fmt.Errorf("read latencies: %w", err)
	}
	out := Latencies{most: in.Max}
	if in.Max >= 1e300 {
		out.most = math.Inf(1)
	}
	next := uint64(0)
	for i := 0; i < len(in.Counts); i += 2 {
		bucket := in.Counts[i]
		if i+1 == len(in.Counts) || bucket < next || bucket >= latencyBuckets {
			return fmt.Errorf("read latencies: item %d of counts is not a bucket and its count", i)
		}
		out.counts[bucket], next = in.Counts[i+1], bucket+1
	}
	*l = out
	return nil
}
