package specfile

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rollout"
)

func TestMarshalIsReadable(t *testing.T) {
	spec, problems := Parse("f", []byte(smallest))
	require.Empty(t, problems)
	body, err := Marshal(spec)
	require.NoError(t, err)
	require.Equal(t, `kind: Rollout
service: checkout
environment: production
release:
  version: 2.5.0
target:
  deploy:
    driver: http
    with:
      url: "http://deployer:8080"
  traffic:
    driver: http
  metrics:
    driver: prometheus
strategy:
  canary:
    - weight: 5%
      bake: 10m
    - weight: 25%
      bake: 30m
checks:
  - name: errors
    failures: f
    requests: r
`, string(body))
}

func TestMarshalReadsBackAsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := specs().Draw(t, "spec")
		if problems := spec.Validate(); len(problems) > 0 {
			t.Fatalf("the generator makes invalid specs: %v", problems)
		}
		body, err := Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		have, problems := Parse("f", body)
		if len(problems) > 0 {
			t.Fatalf("%s\n%v", body, problems)
		}
		require.Equal(t, spec, have, "%s", body)
	})
}

func maybe[V any](t *rapid.T, g *rapid.Generator[V], label string) (v V) {
	if rapid.Bool().Draw(t, label+"?") {
		v = g.Draw(t, label)
	}
	return v
}

func names() *rapid.Generator[string] { return rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,8}`) }

// words are texts that people can be shown.
func words() *rapid.Generator[string] {
	return rapid.Map(texts(), func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, s)
	})
}

// texts are awkward on purpose, but no secrets.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching(`[ -~äé\n\t€😀]{1,12}`), rapid.String(), rapid.SampledFrom([]string{
		"null", "~", "true", "No", "1.10", "1e3", "0x1F", "1_000", "007", ".inf", "- a", "a: b", "a #b", "#a", "*a", "&a", "!a", "|", ">-",
		"'", `"`, `\`, "{{.Version}}", "[a", "a\n", "\na", " a", "a ", "a\r\nb", "\u0000", "\u0085", "\u2028", "\ufeff", "%", "@a", "`a", "2026-12-20", "12:30", "=", "<<",
	}))
}

func durations() *rapid.Generator[rollout.Duration] {
	return rapid.Custom(func(t *rapid.T) rollout.Duration {
		return rollout.Duration(rapid.Int64Range(int64(time.Second), int64(400*24*time.Hour)).Draw(t, "ns"))
	})
}

func anythings(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		most := 5
		if depth == 0 {
			most = 3
		}
		switch rapid.IntRange(0, most).Draw(t, "kind") {
		case 0:
			return texts().Draw(t, "text")
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.Float64().Draw(t, "number")
		case 3:
			return nil
		case 4:
			return rapid.SliceOfN(anythings(depth-1), 0, 3).Draw(t, "list")
		default:
			return rapid.MapOfN(rapid.StringMatching(`[a-z .:#-]{0,4}|1|null`), anythings(depth-1), 0, 3).Draw(t, "map")
		}
	})
}

func withs() *rapid.Generator[map[string]any] {
	return rapid.MapOfN(rapid.StringMatching(`[a-oq-z]{1,4}`), anythings(2), 1, 3) // without p: pw, pwd and pass are names of secrets
}

func approvals() *rapid.Generator[*rollout.Approval] {
	return rapid.Custom(func(t *rapid.T) *rollout.Approval {
		a := &rollout.Approval{From: rapid.SliceOfN(texts(), 1, 2).Draw(t, "from"), Quorum: rapid.IntRange(0, 3).Draw(t, "quorum"),
			Within: maybe(t, durations(), "within"), Otherwise: rapid.SampledFrom([]string{"", "rollback", "promote"}).Draw(t, "otherwise")}
		return maybe(t, rapid.Just(a), "filled")
	})
}

func strategies() *rapid.Generator[rollout.Strategy] {
	return rapid.Custom(func(t *rapid.T) rollout.Strategy {
		s := rollout.Strategy{Promote: maybe(t, rapid.Just(&rollout.Promote{Approve: approvals().Draw(t, "approve")}), "promote")}
		s.Window.Cap = maybe(t, rapid.Just(rollout.Duration(24*time.Hour)), "cap")
		if rapid.Bool().Draw(t, "times") {
			warm, keep := maybe(t, durations(), "warmUp"), maybe(t, durations(), "keep")
			s.WarmUp, s.KeepBaseline = &warm, &keep
		}
		if rapid.Bool().Draw(t, "linear") {
			s.Linear = &rollout.Linear{Step: rollout.Weight(rapid.IntRange(1, 5000).Draw(t, "step")), Bake: durations().Draw(t, "bake"),
				Until: maybe(t, rapid.Just(rollout.Weight(rapid.IntRange(5001, 10000).Draw(t, "w"))), "until")}
			return s
		}
		switch rapid.IntRange(0, 4).Draw(t, "other") {
		case 0:
			s.BlueGreen = &rollout.BlueGreen{Preview: durations().Draw(t, "preview")}
			return s
		case 1:
			s.AllAtOnce = &rollout.AllAtOnce{Bake: durations().Draw(t, "bake")}
			return s
		case 2:
			s.Rings = append([]rollout.Step{{Cohort: names().Draw(t, "ring"), Bake: durations().Draw(t, "bake")}}, steps(t)...)
			for i := range s.Rings[1:] {
				s.Rings[i+1].Cohort = ""
			}
			return s
		}
		s.Canary = steps(t)
		return s
	})
}

// steps rise, each with a cohort of its own.
func steps(t *rapid.T) []rollout.Step {
	var out []rollout.Step
	weight := rollout.Weight(0)
	for i := range rapid.IntRange(1, 4).Draw(t, "steps") {
		weight += rollout.Weight(rapid.IntRange(1, 2500).Draw(t, "raise"))
		out = append(out, rollout.Step{Weight: weight, Bake: durations().Draw(t, "bake"), Owner: maybe(t, words(), "owner"),
			Cohort: maybe(t, rapid.Just(string(rune('a'+i))), "cohort"), Approve: approvals().Draw(t, "approve")})
	}
	return out
}

func checks() *rapid.Generator[rollout.Check] {
	return rapid.Custom(func(t *rapid.T) rollout.Check {
		c := rollout.Check{SLO: durations().Draw(t, "slo"), MinRequests: rapid.IntRange(0, 1000).Draw(t, "min"), Weight: rapid.Float64Range(0, 9).Draw(t, "weight")}
		c.By = rapid.SampledFrom([]*rollout.By{nil, {Label: "version"}, {Label: "5"}, {Baseline: `a="b"`, Candidate: "c"}}).Draw(t, "by")
		if rapid.Bool().Draw(t, "advisory") {
			c.Gates = new(bool)
		}
		delta := rapid.Float64Range(0, 1).Draw(t, "delta")
		switch rapid.IntRange(0, 6).Draw(t, "judge") {
		case 0:
			c.Failures, c.Requests = texts().Draw(t, "failures")+"f", texts().Draw(t, "requests")+"r"
			c.Judge = &rollout.Judge{RateRatio: &rollout.RateRatio{SafeMargin: 1.3, MinAbsDelta: &delta, Direction: "decrease"}}
		case 1:
			c.Histogram = "h" + texts().Draw(t, "histogram")
			c.Judge = maybe(t, rapid.Just(&rollout.Judge{TailLadder: &rollout.TailLadder{Quantiles: []float64{0.5, 0.999}}}), "given")
		case 2:
			c.Histogram, c.Judge = "h", &rollout.Judge{SLORate: &rollout.SLORate{Objective: "99.99%", Beta: 1e-7}}
		case 3:
			c.Query, c.Judge = "q", maybe(t, rapid.Just(&rollout.Judge{Points: &rollout.Points{Transform: "log", HarmMargin: 1.1, Step: durations().Draw(t, "step") % rollout.Duration(time.Hour)}}), "given")
		case 4:
			c.Failures, c.Requests, c.Judge = "f", "r", &rollout.Judge{BurnRate: &rollout.BurnRate{Objective: "99.99%", Windows: []rollout.BurnWindows{{Long: rollout.Duration(time.Hour), Short: rollout.Duration(time.Minute * 5), Factor: 14.4}}}}
		case 5:
			c.Query, c.Judge, c.Gates = "q", &rollout.Judge{MeanCS: &rollout.MeanCS{Level: 0.9}}, nil
		default:
			c.Query, c.Judge = "q", &rollout.Judge{Threshold: &rollout.Threshold{Success: texts().Draw(t, "success") + "s", FailureLimit: -1}}
		}
		return c
	})
}

// specs generates valid specs.
func specs() *rapid.Generator[rollout.Spec] {
	return rapid.Custom(func(t *rapid.T) rollout.Spec {
		s := rollout.Spec{Kind: "Rollout", Service: names().Draw(t, "service"), Environment: names().Draw(t, "environment"),
			Unit: maybe(t, names(), "unit"), Owner: maybe(t, words(), "owner"), Purpose: maybe(t, words(), "purpose"),
			Release: rollout.Release{Version: "1" + names().Draw(t, "version"), Artifact: maybe(t, texts(), "artifact"),
				Config: maybe(t, rapid.MapOfN(rapid.StringMatching(`[A-JL-OQ-Z_.]{1,5}`), texts(), 1, 3), "config")},
			Baseline: maybe(t, rapid.Just(&rollout.Baseline{Version: "0.9"}), "baseline"),
			Strategy: strategies().Draw(t, "strategy"),
			Drain:    maybe(t, durations(), "drain"), Deadline: maybe(t, durations(), "deadline"),
		}
		s.Target = rollout.Drivers{Replicas: rapid.SampledFrom([]string{"", "match", "3"}).Draw(t, "replicas"),
			Deploy:  rollout.Driver{Driver: names().Draw(t, "deploy"), With: maybe(t, withs(), "with")},
			Traffic: rollout.Driver{Driver: names().Draw(t, "traffic")}, Metrics: &rollout.Driver{Driver: "m"}}
		if rapid.Bool().Draw(t, "flags") {
			s.Release.Flags, s.Target.Flags = withs().Draw(t, "flags"), &rollout.Driver{Driver: "f"}
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "checks") {
			c := checks().Draw(t, "check")
			c.Name = string(rune('a' + i))
			s.Checks = append(s.Checks, c)
		}
		s.Policy = maybe(t, rapid.Just(rollout.Policy{Alpha: 1e-9, Require: "nonInferior", EndEarly: true, NoData: "rollback", Grace: durations().Draw(t, "grace")}), "policy")
		s.Notify = maybe(t, rapid.Just([]rollout.Notification{{To: "slack", Channel: "#releases"}}), "notify")
		return s
	})
}
