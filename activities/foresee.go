package activities

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// Outlook is a step as far as foresight needs it.
type Outlook struct {
	Number int              `json:"number"`
	Weight rollout.Weight   `json:"weight"`
	Bake   rollout.Duration `json:"bake"`
	Copy   bool             `json:"copy,omitempty"` // compared with a copy of the baseline that gets as much
}

// sides are the requests a second on both sides together, and the candidate's
// part of them, where the target has so many.
func (o Outlook) sides(requests float64) (both, part float64) {
	w := share(o.Weight)
	if o.Copy {
		return 2 * w * requests, 0.5
	}
	return requests, w
}

// Outlooks are the steps of a plan in which the candidate has a share of the
// users.
func Outlooks(p rollout.Plan) []Outlook {
	var out []Outlook
	for _, s := range p.Steps {
		if s.Apart {
			continue
		}
		out = append(out, Outlook{Number: s.Number, Weight: s.Weight, Bake: s.Bake, Copy: p.Copy != ""})
	}
	return out
}

// How long the traffic is looked at: back in time where the metrics remember,
// else for a moment.
const (
	lookBack    = 5 * time.Minute
	defaultLook = 2 * time.Second
)

// slowShare is the share of slow requests that a latency forecast is made for:
// those above the baseline's 95th percentile.
const slowShare = 0.05

// foresee says what the relative checks will be able to see in each step, at the
// traffic that the baseline has now. Checks that cannot be read are left out.
func (a *Activities) foresee(ctx context.Context, j Job, checks []rollout.Check, steps []Outlook, alpha float64) ([]rollout.Foresight, error) {
	driver, err := a.Drivers.metrics(j.Drivers.Metrics)
	if err != nil || j.Baseline == "" {
		return nil, err
	}
	traffic, err := a.present(ctx, driver, j, checks)
	if err != nil {
		return nil, err
	}
	var out []rollout.Foresight
	for _, step := range steps {
		for _, check := range checks {
			t, known := traffic[check.Name]
			if !known {
				continue
			}
			config, err := configOf(check)
			if err != nil {
				return nil, err
			}
			config.Alpha = alpha * shareOf(check, checks)
			var part float64
			t.Requests, part = step.sides(t.Requests)
			f, ok := analysis.Foresee(config, t, part, step.Bake.Std().Seconds())
			if !ok && t.Requests > 0 {
				continue
			}
			out = append(out, rollout.Foresight{Step: step.Number, Check: check.Name, Requests: t.Requests, Failures: t.Failures,
				Bake: step.Bake, Evidence: secondsOr0(f.Evidence), Detects: f.Detects, Double: secondsOr0(f.Double)})
		}
	}
	return out, nil
}

// secondsOr0 is a duration, 0 for what takes longer than ten years.
func secondsOr0(s float64) rollout.Duration {
	if s > 10*365*24*3600 {
		return 0
	}
	return rollout.Duration(s * float64(time.Second))
}

// present reads the baseline twice and returns what it did in between, by
// check.
func (a *Activities) present(ctx context.Context, driver Metrics, j Job, checks []rollout.Check) (map[string]analysis.Traffic, error) {
	var relative []rollout.Check
	for _, c := range checks {
		if !c.IsAbsolute() && c.Query == "" {
			relative = append(relative, c)
		}
	}
	if len(relative) == 0 {
		return nil, nil
	}
	read := func(at time.Time) (Reading, error) {
		return driver.Read(ctx, MetricsQuery{Checks: relative, At: at,
			Sides: map[Side]Version{Baseline: {Version: j.Baseline, Endpoints: j.Endpoints[j.Baseline]}}})
	}
	end := a.now().Add(-driver.Delay())
	_, remembers := driver.(interface{ Remembers() })
	start := end.Add(-lookBack)
	if !remembers {
		start = end
	}
	before, err := read(start)
	if err != nil {
		return nil, fmt.Errorf("read the present traffic: %w", err)
	}
	if !remembers {
		if err := sleep(ctx, cmp.Or(a.Look, defaultLook)); err != nil {
			return nil, err
		}
		end = a.now().Add(-driver.Delay())
	}
	after, err := read(end)
	if err != nil {
		return nil, fmt.Errorf("read the present traffic: %w", err)
	}
	return between(before, after, relative, end.Sub(start).Seconds()), nil
}

func between(before, after Reading, checks []rollout.Check, elapsed float64) map[string]analysis.Traffic {
	traffic := map[string]analysis.Traffic{}
	for _, check := range checks {
		was, found := before.Checks[check.Name].Sides[Baseline]
		now, still := after.Checks[check.Name].Sides[Baseline]
		if !found || !still {
			continue
		}
		c, known, err := reference{check.Name: {Baseline: was}}.counts(check.Name, Baseline, now)
		if err != nil || !known || elapsed <= 0 {
			continue
		}
		t := analysis.Traffic{Requests: c.Requests / elapsed}
		if len(c.Buckets) > 0 {
			t = analysis.Traffic{Requests: c.Buckets["+Inf"] / elapsed, Failures: slowShare}
		} else if c.Requests > 0 {
			t.Failures = c.Failures / c.Requests
		}
		traffic[check.Name] = t
	}
	return traffic
}

// doubts are the steps whose checks cannot come to a verdict at the traffic
// seen, as sentences.
func doubts(list []rollout.Foresight) []string {
	var out []string
	for _, f := range list {
		if f.Requests > 0 && (!f.Concludes() || f.Failures > 0 && f.Detects == 0) {
			out = append(out, fmt.Sprintf("step %d: %s", f.Step, f))
		}
	}
	return out
}
