package analysis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Defaults of a check.
const (
	defaultAlpha       = 0.01
	defaultBeta        = 0.05
	defaultMinRequests = 20
)

// Config is one check as far as judging it goes; a zero field means its default.
type Config struct {
	Name string `json:"name"`

	// MinRequests is the minimum evidence of a step on each side, default 20.
	// It binds Pass, never Fail.
	MinRequests float64 `json:"minRequests,omitempty"`

	// Gates is false for an advisory check; nil gates.
	Gates *bool `json:"gates,omitempty"`

	// Weight is the check's part in sharing α, and in the score, default 1.
	Weight float64 `json:"weight,omitempty"`

	// Group is the check's part of the reported score; see Score. It never decides.
	Group string `json:"group,omitempty"`

	// SLO is the latency objective in seconds; 0: none. A spec writes "300ms".
	SLO float64 `json:"slo,omitempty"`

	Judge Params `json:"judge,omitzero"`

	// Alpha is this check's share of the chance that a harmless release
	// fails, default 0.01; see ShareAlpha. Beta is the chance that a harmful
	// one is proved safe, default 0.05.
	Alpha float64 `json:"alpha,omitempty"`
	Beta  float64 `json:"beta,omitempty"`

	// Bounds are the latencies in seconds, fixed in advance, at which
	// tailLadder counts; see ChooseBounds. Empty: learned from the first
	// windows, which are then not judged.
	Bounds []float64 `json:"bounds,omitempty"`

	// AnyShare takes a candidate that gets another share of the requests than
	// the windows say for judgeable: it is told in Evidence.Share only. Counters
	// often hold requests that no router has divided.
	AnyShare bool `json:"anyShare,omitempty"`

	// Learned is what the placebo history taught; see Learn. Nil: nothing.
	Learned *Learned `json:"learned,omitempty"`
}

// Params is the judge of a check with its parameters: exactly one is set.
type Params struct {
	RateRatio  *RateRatio  `json:"rateRatio,omitempty"`
	TailLadder *TailLadder `json:"tailLadder,omitempty"`
	Threshold  *Threshold  `json:"threshold,omitempty"`
	SLORate    *SLORate    `json:"sloRate,omitempty"`
	Points     *Points     `json:"points,omitempty"`
	BurnRate   *BurnRate   `json:"burnRate,omitempty"`
	MeanCS     *MeanCS     `json:"meanCs,omitempty"`

	// Offline judges, which no rollout can use: see Offline.
	MannWhitney     *MannWhitney     `json:"mannWhitney,omitempty"`
	GroupSequential *GroupSequential `json:"groupSequential,omitempty"`
	RunCompare      *RunCompare      `json:"runCompare,omitempty"`
	KayentaV1       *KayentaV1       `json:"kayentaV1,omitempty"`
}

// Judges are the names of the judges that exist, as specs write them.
func Judges() []string {
	return []string{"rateRatio", "tailLadder", "points", "threshold", "sloRate", "burnRate", "meanCs",
		"mannWhitney", "groupSequential", "runCompare", "kayentaV1"}
}

// Name returns the judge's name as specs write it, "" when none is chosen.
func (p Params) Name() string {
	switch {
	case p.RateRatio != nil:
		return "rateRatio"
	case p.TailLadder != nil:
		return "tailLadder"
	case p.Threshold != nil:
		return "threshold"
	case p.SLORate != nil:
		return "sloRate"
	case p.Points != nil:
		return "points"
	case p.BurnRate != nil:
		return "burnRate"
	case p.MeanCS != nil:
		return "meanCs"
	default:
		return p.offlineName()
	}
}

// Absolute reports whether the judge looks at the candidate alone.
func (p Params) Absolute() bool { return p.Threshold != nil || p.SLORate != nil || p.BurnRate != nil }

// ofValues reports whether a step's evidence is counted in values, not in
// requests, and how many of them the minimum is.
func (p Params) ofValues() (least float64, ok bool) {
	switch {
	case p.Points != nil:
		return or(float64(p.Points.MinPoints), defaultMinPoints), true
	case p.MeanCS != nil:
		return or(float64(p.MeanCS.MinPoints), defaultMinPoints), true
	default:
		return 0, false
	}
}

// DefaultJudge returns the judge that suits what a window holds: buckets →
// tailLadder, failures and requests → rateRatio, values → points.
func DefaultJudge(w Window) (Params, error) {
	for _, side := range []*Counts{w.Candidate, w.Baseline} {
		switch {
		case side == nil:
		case len(side.Buckets) > 0:
			return Params{TailLadder: &TailLadder{}}, nil
		case side.Value != nil:
			return Params{Points: &Points{}}, nil
		case side.Requests > 0:
			return Params{RateRatio: &RateRatio{}}, nil
		}
	}
	return Params{}, errors.New("nothing in the window says which judge suits it")
}

// UnmarshalJSON reads {"rateRatio": {…}}: one judge by its name, its parameters strictly.
func (p *Params) UnmarshalJSON(data []byte) error {
	var named map[string]json.RawMessage
	if err := json.Unmarshal(data, &named); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	if len(named) != 1 {
		return fmt.Errorf("judge: exactly one of %s, not %d", strings.Join(Judges(), ", "), len(named))
	}
	for name, params := range named {
		into := p.choose(name)
		if into == nil {
			return fmt.Errorf("judge: unknown %q, known are %s", name, strings.Join(Judges(), ", "))
		}
		d := json.NewDecoder(bytes.NewReader(params))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			return fmt.Errorf("judge %s: %w", name, err)
		}
	}
	return nil
}

// choose makes the judge of that name the only one, with parameters to be read
// into; nil where there is no such judge.
func (p *Params) choose(name string) any {
	*p = Params{}
	switch name {
	case "rateRatio":
		return fresh(&p.RateRatio)
	case "tailLadder":
		return fresh(&p.TailLadder)
	case "threshold":
		return fresh(&p.Threshold)
	case "sloRate":
		return fresh(&p.SLORate)
	case "points":
		return fresh(&p.Points)
	case "burnRate":
		return fresh(&p.BurnRate)
	case "meanCs":
		return fresh(&p.MeanCS)
	case "mannWhitney":
		return fresh(&p.MannWhitney)
	case "groupSequential":
		return fresh(&p.GroupSequential)
	case "runCompare":
		return fresh(&p.RunCompare)
	case "kayentaV1":
		return fresh(&p.KayentaV1)
	default:
		return nil
	}
}

func fresh[T any](place **T) *T {
	*place = new(T)
	return *place
}

// ParseConfig reads the JSON of a spec's check. What only concerns its queries
// is ignored. Without a judge its fields choose: failures → rateRatio,
// histogram → tailLadder, query → points; with none of them the judge stays
// open for DefaultJudge. What New would refuse is refused here too.
func ParseConfig(checkJSON []byte) (Config, error) {
	var read struct {
		Config
		SLO       Seconds         `json:"slo"`
		Failures  json.RawMessage `json:"failures"`
		Histogram json.RawMessage `json:"histogram"`
		Query     json.RawMessage `json:"query"`
	}
	if err := json.Unmarshal(checkJSON, &read); err != nil {
		return Config{}, fmt.Errorf("read check: %w", err)
	}
	c := read.Config
	c.SLO = float64(read.SLO)
	if c.Judge.Name() == "" {
		switch {
		case read.Histogram != nil:
			c.Judge.TailLadder = &TailLadder{}
		case read.Failures != nil:
			c.Judge.RateRatio = &RateRatio{}
		case read.Query != nil:
			c.Judge.Points = &Points{}
		default:
			return c, c.withDefaults().check()
		}
	}
	if _, err := New(c); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Gating reports whether the check decides, or is advisory, as one that
// meanCs judges always is.
func (c Config) Gating() bool { return c.Judge.MeanCS == nil && (c.Gates == nil || *c.Gates) }

// ShareAlpha sets each check's Alpha: the gating checks share alpha by weight
// (default equal), so that all of them together fail a harmless release with
// chance alpha at most. An advisory check gets alpha as if it were alone.
func ShareAlpha(configs []Config, alpha float64) {
	sum := 0.0
	for _, c := range configs {
		if c.Gating() {
			sum += c.withDefaults().Weight
		}
	}
	for i, c := range configs {
		configs[i].Alpha = alpha
		if c.Gating() {
			configs[i].Alpha = alpha * (c.withDefaults().Weight / sum) // to the last bit as a rollout does
		}
	}
}

func (c Config) withDefaults() Config {
	c.MinRequests = or(c.MinRequests, defaultMinRequests)
	c.Weight = or(c.Weight, 1)
	c.Alpha = or(c.Alpha, defaultAlpha)
	c.Beta = or(c.Beta, defaultBeta)
	return c
}

func or(x, fallback float64) float64 {
	if x == 0 {
		return fallback
	}
	return x
}

func (c Config) check() error {
	return errors.Join(
		c.within("minRequests", c.MinRequests, 1, largestCount),
		c.within("weight", c.Weight, 1e-6, 1e6),
		c.within("slo", c.SLO, 0, 1e9),
		c.within("alpha", c.Alpha, 1e-12, 0.5),
		c.within("beta", c.Beta, 1e-12, 0.5),
		c.Learned.check(c),
	)
}

// within refuses a parameter outside its bounds, NaN included.
func (c Config) within(parameter string, x, low, high float64) error {
	if x >= low && x <= high {
		return nil
	}
	return &ParameterError{Check: c.Name, Judge: c.Judge.Name(), Parameter: parameter, Value: x, Low: low, High: high}
}

// ParameterError is a parameter outside its bounds, of the check itself or of
// its judge, by the names that specs have for them.
type ParameterError struct {
	Check, Judge, Parameter string
	Value, Low, High        float64
}

// Error names the check, the parameter and its bounds.
func (e *ParameterError) Error() string {
	return fmt.Sprintf("check %q: %s is %g, must be from %g to %g", e.Check, e.Parameter, e.Value, e.Low, e.High)
}
