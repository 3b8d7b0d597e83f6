package analysis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
)

// KayentaCanary is what a Kayenta canary config says about judging. What it
// says about queries, scopes and templates is ignored.
type KayentaCanary struct {
	Metrics      []KayentaMetric
	GroupWeights map[string]float64
	Pass         float64 // score from which the canary passes; default 95
	Marginal     float64 // score from which it is marginal; default 75

	// Warnings are about the config itself.
	Warnings []string
}

// KayentaMetric is one metric of a canary config.
type KayentaMetric struct {
	Name   string
	Groups []string
	Judge  KayentaV1
}

// ParseKayenta reads a canary config. Words that Kayenta takes for its default
// because it does not know them are taken so here, with a warning. The error
// names the line and column of what is no JSON or of the wrong type, else the
// metric.
func ParseKayenta(data []byte) (KayentaCanary, error) {
	var read struct {
		Metrics []struct {
			Name     string   `json:"name"`
			Groups   []string `json:"groups"`
			Analysis struct {
				Canary KayentaV1 `json:"canary"`
			} `json:"analysisConfigurations"`
		} `json:"metrics"`
		Classifier struct {
			GroupWeights map[string]float64 `json:"groupWeights"`
			Thresholds   *kayentaThresholds `json:"scoreThresholds"`
		} `json:"classifier"`
		Thresholds *kayentaThresholds `json:"scoreThresholds"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return KayentaCanary{}, placed(data, err)
	}
	out := KayentaCanary{GroupWeights: read.Classifier.GroupWeights, Pass: 95, Marginal: 75}
	for _, given := range []*kayentaThresholds{read.Classifier.Thresholds, read.Thresholds} {
		if given != nil && given.Pass != nil {
			out.Pass = *given.Pass
		}
		if given != nil && given.Marginal != nil {
			out.Marginal = *given.Marginal
		}
	}
	for _, m := range read.Metrics {
		judge := m.Analysis.Canary
		out.lenient(m.Name, &judge)
		out.Metrics = append(out.Metrics, KayentaMetric{Name: m.Name, Groups: m.Groups, Judge: judge})
	}
	if err := out.check(); err != nil {
		return KayentaCanary{}, err
	}
	out.warn()
	return out, nil
}

type kayentaThresholds struct {
	Pass     *float64 `json:"pass"`
	Marginal *float64 `json:"marginal"`
}

// placed adds line and column to an error of encoding/json.
func placed(data []byte, err error) error {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	at := int64(len(data))
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &wrong):
		at = wrong.Offset
		err = fmt.Errorf("%s: expected %s, found %s", wrong.Field, wrong.Type, wrong.Value)
	}
	before := data[:max(0, min(at, int64(len(data)))-1)]
	if at == 0 {
		before = nil
	}
	line, column := 1+bytes.Count(before, []byte("\n")), len(before)-bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// lenient takes unknown words for the default, as Kayenta does.
func (k *KayentaCanary) lenient(metric string, p *KayentaV1) {
	for _, word := range []struct {
		name  string
		value *string
		known []string
	}{
		{"direction", &p.Direction, []string{"", increase, decrease, either}},
		{"nanStrategy", &p.NaNStrategy, []string{"", removeValues, replaceValues}},
		{"outliers.strategy", &p.Outliers.Strategy, []string{"", keepValues, removeValues}},
		{"effectSize.measure", &p.EffectSize.Measure, []string{"", measureRatio, measureCLES}},
	} {
		if !slices.Contains(word.known, *word.value) {
			k.Warnings = append(k.Warnings, fmt.Sprintf("unknownWord: metric %q: %s %q is taken for the default", metric, word.name, *word.value))
			*word.value = ""
		}
	}
}

func (k *KayentaCanary) check() error {
	if len(k.Metrics) == 0 {
		return errors.New("no metrics")
	}
	seen := map[string]bool{}
	for i, m := range k.Metrics {
		switch {
		case m.Name == "":
			return fmt.Errorf("metrics[%d] has no name", i)
		case seen[m.Name]:
			return fmt.Errorf("metric %q stands twice", m.Name)
		}
		seen[m.Name] = true
		if err := m.Judge.withDefaults().check(Config{Name: m.Name}); err != nil {
			return err
		}
	}
	for group, weight := range k.GroupWeights {
		if weight < 0 || weight > 1e6 {
			return fmt.Errorf("classifier.groupWeights: %q has the weight %g", group, weight)
		}
	}
	if !(k.Marginal >= 0 && k.Marginal <= k.Pass && k.Pass <= 100) {
		return fmt.Errorf("scoreThresholds: pass %g and marginal %g are not 0 ≤ marginal ≤ pass ≤ 100", k.Pass, k.Marginal)
	}
	return nil
}

// warn says which weights do not come to 100.
func (k *KayentaCanary) warn() {
	sum, groups := 0.0, map[string]bool{}
	for _, m := range k.Metrics {
		if len(m.Groups) == 0 {
			k.Warnings = append(k.Warnings, fmt.Sprintf("noGroup: metric %q is in no group, so it cannot lower the score", m.Name))
		}
		for _, g := range m.Groups {
			groups[g] = true
		}
	}
	unweighted := len(groups)
	for group, weight := range k.GroupWeights {
		sum += weight
		if groups[group] {
			unweighted--
		}
	}
	switch {
	case sum > 100 && unweighted > 0:
		k.Warnings = append(k.Warnings, fmt.Sprintf("weights: they sum to %g, so groups without a weight count negative", sum))
	case sum != 100 && unweighted == 0:
		k.Warnings = append(k.Warnings, fmt.Sprintf("weights: they sum to %g, not to 100", sum))
	}
	for _, group := range sortedKeys(k.GroupWeights) {
		if !groups[group] {
			k.Warnings = append(k.Warnings, fmt.Sprintf("emptyGroup: the weight of %q, which has no metric, is lost", group))
		}
	}
}

func sortedKeys(m map[string]float64) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// KayentaGroup is the score of one group.
type KayentaGroup struct {
	Name   string  `json:"group"`
	Score  float64 `json:"score"`
	Weight float64 `json:"weight"`
	NoData bool    `json:"noData,omitempty"` // counts 100 in the summary
}

// KayentaScore is what the classifications of all metrics come to.
type KayentaScore struct {
	Groups         []KayentaGroup
	Score          float64
	Classification string // Pass, Marginal or Fail
	Reason         string
	Warnings       []string
}

// Score sums up the classifications, one for each metric and in their order
// (WeightedSumScorer, ThresholdScoreClassifier). Muted metrics count nowhere.
func (k *KayentaCanary) Score(classes []Classification) KayentaScore {
	out := KayentaScore{Groups: k.groups(classes), Warnings: slices.Clone(k.Warnings)}
	nodata, judged := 0, 0
	for i, class := range classes {
		if k.Metrics[i].Judge.Muted {
			continue
		}
		judged++
		switch {
		case class.Critical && class.Class != ClassPass && out.Reason == "":
			out.Reason = fmt.Sprintf("critical metric %q: %s", k.Metrics[i].Name, class.Class)
		case class.Class == ClassError:
			out.Warnings = append(out.Warnings, fmt.Sprintf("ignoredError: metric %q has an error and does not count", k.Metrics[i].Name))
		}
		if class.Class == ClassNodata {
			nodata++
		}
	}
	switch {
	case out.Reason != "":
	case judged == 0 || 2*nodata >= judged:
		out.Reason = fmt.Sprintf("%d of %d metrics have no data", nodata, judged)
	default:
		for _, g := range out.Groups {
			effective := g.Score
			if g.NoData {
				effective = 100
			}
			out.Score += effective * g.Weight / 100
		}
		out.Score = math.Round(out.Score*100) / 100
	}
	out.classify(k.Pass, k.Marginal)
	return out
}

func (s *KayentaScore) classify(pass, marginal float64) {
	switch {
	case s.Score >= pass:
		s.Classification = "Pass"
	case s.Score >= marginal:
		s.Classification = "Marginal"
	default:
		s.Classification = "Fail"
	}
	if s.Score == marginal && s.Classification == "Marginal" {
		s.Warnings = append(s.Warnings, "onMarginal: a score of exactly marginal ends a canary of several intervals")
	}
}

// groups are in the order in which the metrics name them.
func (k *KayentaCanary) groups(classes []Classification) []KayentaGroup {
	var out []KayentaGroup
	var passed, counted []float64
	for i, class := range classes {
		if k.Metrics[i].Judge.Muted {
			continue
		}
		for _, group := range k.Metrics[i].Groups {
			at := slices.IndexFunc(out, func(g KayentaGroup) bool { return g.Name == group })
			if at < 0 {
				at = len(out)
				out = append(out, KayentaGroup{Name: group})
				passed, counted = append(passed, 0), append(counted, 0)
			}
			switch class.Class {
			case ClassPass:
				passed[at]++
				counted[at]++
			case ClassHigh, ClassLow, ClassNodataFail:
				counted[at]++
			}
		}
	}
	rest := k.rest(out)
	for i := range out {
		weight, given := k.GroupWeights[out[i].Name]
		out[i].Weight = weight
		if !given {
			out[i].Weight = rest
		}
		out[i].NoData = counted[i] == 0
		if counted[i] > 0 {
			out[i].Score = 100 * passed[i] / counted[i]
		}
	}
	return out
}

// rest is the weight of each group that has none of its own.
func (k *KayentaCanary) rest(groups []KayentaGroup) float64 {
	left, without := 100.0, 0.0
	for _, weight := range k.GroupWeights {
		left -= weight
	}
	for _, g := range groups {
		if _, given := k.GroupWeights[g.Name]; !given {
			without++
		}
	}
	return left / max(without, 1)
}
