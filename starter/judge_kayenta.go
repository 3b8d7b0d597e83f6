package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"bakeoff/analysis"
)

// kayentaLine is what Kayenta would say of one metric.
type kayentaLine struct {
	Metric string   `json:"metric"`
	Groups []string `json:"groups,omitempty"`
	analysis.Classification
	Experiment int `json:"experiment"` // values, without those that are missing
	Control    int `json:"control"`
}

// kayentaSummary is the last line.
type kayentaSummary struct {
	Summary        string   `json:"summary"` // of which config
	Score          float64  `json:"score"`
	Classification string   `json:"classification"`
	Pass           float64  `json:"pass"`
	Marginal       float64  `json:"marginal"`
	Reason         string   `json:"reason,omitempty"`
	Warnings       []string `json:"warnings,omitempty"`
}

// mostPoints is how many values of a side one metric may have: a week of minutes.
const mostPoints = 10_080

// kayenta judges one run as Kayenta would, by its canary config.
func (c *cli) kayenta(ctx context.Context, file string, args []string) error {
	from, err := c.read(file)
	if err != nil {
		return err
	}
	canary, err := analysis.ParseKayenta(from.text)
	if err != nil {
		return fail(exitSpec, "%s: %w", from.name, err)
	}
	data := c.in
	if len(args) == 1 {
		opened, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("read data: %w", err)
		}
		defer opened.Close()
		data = opened
	}
	lines, err := classifyMetrics(ctx, canary, data)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(c.out, 1<<16)
	return errors.Join(tellKayenta(out, canary, from.name, lines), out.Flush())
}

// classifyMetrics reads the data of all metrics, and judges each as it comes. A
// metric that is not there has no data.
func classifyMetrics(ctx context.Context, canary analysis.KayentaCanary, data io.Reader) ([]kayentaLine, error) {
	places := map[string]int{}
	out := make([]kayentaLine, len(canary.Metrics))
	for i, m := range canary.Metrics {
		places[m.Name] = i
		out[i] = kayentaLine{Metric: m.Name, Groups: m.Groups, Classification: m.Judge.Classify(nil, nil)}
	}
	lines := bufio.NewScanner(data)
	lines.Buffer(make([]byte, 1<<16), longestLine)
	seen, number := map[int]bool{}, 0
	for lines.Scan() {
		number++
		if ctx.Err() != nil {
			return nil, fail(exitInterrupted, "interrupted at line %d", number)
		}
		if len(lines.Bytes()) == 0 {
			continue
		}
		name, experiment, control, err := decodePoints(lines.Bytes())
		if err != nil {
			return nil, fail(exitSpec, "line %d: %w", number, err)
		}
		i, known := places[name]
		switch {
		case !known:
			return nil, fail(exitSpec, "line %d: the config has no metric %q", number, name)
		case seen[i]:
			return nil, fail(exitSpec, "line %d: metric %q stands twice", number, name)
		}
		seen[i] = true
		out[i].Classification = canary.Metrics[i].Judge.Classify(experiment, control)
		out[i].Experiment, out[i].Control = present(experiment), present(control)
	}
	if err := lines.Err(); err != nil {
		return nil, fail(exitSpec, "line %d: %w", number+1, err)
	}
	return out, nil
}

// decodePoints reads {"metric":"cpu","experiment":[0.4,null],"control":[0.5,"NaN"]}:
// null and "NaN" are missing values, which Kayenta removes or replaces.
func decodePoints(line []byte) (metric string, experiment, control []float64, err error) {
	var read struct {
		Metric     string   `json:"metric"`
		Experiment *[]point `json:"experiment"`
		Control    *[]point `json:"control"`
	}
	if err := json.Unmarshal(line, &read); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return "", nil, nil, fmt.Errorf("column %d: %w", syntax.Offset, err)
		}
		return "", nil, nil, err
	}
	if read.Metric == "" || read.Experiment == nil || read.Control == nil {
		return "", nil, nil, errors.New("metric, experiment and control are required")
	}
	if most := max(len(*read.Experiment), len(*read.Control)); most > mostPoints {
		return "", nil, nil, fmt.Errorf("metric %q: %d values on one side, at most %d can be judged", read.Metric, most, mostPoints)
	}
	return read.Metric, floats(*read.Experiment), floats(*read.Control), nil
}

// point is a number, or NaN for null and "NaN".
type point float64

// UnmarshalJSON reads a number, null or "NaN".
func (p *point) UnmarshalJSON(data []byte) error {
	if text := string(data); text == "null" || text == `"NaN"` {
		*p = point(math.NaN())
		return nil
	}
	if err := json.Unmarshal(data, (*float64)(p)); err != nil {
		return fmt.Errorf("%s is neither a number nor null nor \"NaN\"", data)
	}
	return nil
}

func floats(points []point) []float64 {
	out := make([]float64, len(points))
	for i, p := range points {
		out[i] = float64(p)
	}
	return out
}

func present(values []float64) int {
	n := 0
	for _, x := range values {
		if !math.IsNaN(x) {
			n++
		}
	}
	return n
}

// tellKayenta writes a line for each metric, one for each group, and one for
// all.
func tellKayenta(out io.Writer, canary analysis.KayentaCanary, name string, lines []kayentaLine) error {
	var classes []analysis.Classification
	for _, line := range lines {
		classes = append(classes, line.Classification)
		if err := writeJSON(out, line); err != nil {
			return err
		}
	}
	score := canary.Score(classes)
	for _, group := range score.Groups {
		if err := writeJSON(out, group); err != nil {
			return err
		}
	}
	return writeJSON(out, kayentaSummary{Summary: name, Score: score.Score, Classification: score.Classification,
		Pass: canary.Pass, Marginal: canary.Marginal, Reason: score.Reason, Warnings: score.Warnings})
}
