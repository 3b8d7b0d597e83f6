package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A verdict is worth as much as what it came from. The worker keeps the raw
// windows, and bakeoff judge folds them again, without Temporal and without
// the shop: whoever doubts a rollback can have the same verdict from them.

// check is what a result says of one check, and bakeoff judge as well.
type check struct {
	Name    string  `json:"name"`  // in a result
	Check   string  `json:"check"` // of bakeoff judge
	Judge   string  `json:"judge"`
	Verdict string  `json:"verdict"`
	Reason  string  `json:"reason"`
	Ratio   float64 `json:"ratio"`
	E       float64 `json:"e"`
	Windows int     `json:"windows"`
}

// derivation is a verdict as it was recorded, and as the raw windows have it.
type derivation struct{ recorded, again check }

func (d derivation) isSame() bool {
	a, b := d.recorded, d.again
	return a.Name == b.Check && a.Verdict == b.Verdict && a.E == b.E && a.Ratio == b.Ratio
}

// derivable are the judges that a reader is shown again.
var derivable = []string{"rateRatio", "sloRate", "tailLadder"}

// judgeAgain derives every verdict that put a baseline back from its windows.
func (d *demo) judgeAgain(ctx context.Context, chapters []chapter) error {
	for i := range chapters {
		c := &chapters[i]
		if c.result.Cause != "verdict" {
			continue
		}
		again, err := d.judge(ctx, *c)
		if err != nil {
			return fmt.Errorf("judge %s again: %w", c.Version, err)
		}
		c.derived = derive(c.result.Checks, again)
	}
	return nil
}

// derive puts beside each recorded Fail what was derived; a check that was not
// judged again stays empty.
func derive(recorded, again []check) []derivation {
	var all []derivation
	for _, r := range recorded {
		if r.Verdict != "Fail" || !slices.Contains(derivable, r.Judge) {
			continue
		}
		d := derivation{recorded: r}
		for _, v := range again {
			if v.Check == r.Name {
				d.again = v
			}
		}
		all = append(all, d)
	}
	return all
}

// judge does what the command does that [chapter.judgeAgain] prints.
func (d *demo) judge(ctx context.Context, c chapter) ([]check, error) {
	files, err := filepath.Glob(filepath.Join(d.town.Dir, c.windows()))
	if err != nil {
		return nil, err
	}
	var windows bytes.Buffer
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		windows.Write(body)
	}
	judge := d.cli
	judge.In = &windows
	out, code, err := judge.Call(ctx, func(string) {}, "judge", c.file())
	if err == nil && code != 0 {
		err = fmt.Errorf("exit %d", code)
	}
	var verdicts []check
	for line := range bytes.Lines(out) {
		var v check
		err = errors.Join(err, json.Unmarshal(line, &v))
		verdicts = append(verdicts, v)
	}
	return verdicts, err
}

// windows are the files of raw windows, which the worker puts into one folder
// for each rollout, named after its beginning. Their names are in the order of
// time as long as the steps last.
func (c chapter) windows() string {
	return filepath.Join(windowFolder, shopTarget, strconv.FormatInt(c.result.StartedAt.UnixMilli(), 10), "*.jsonl")
}

// judgedAgain says what the raw windows led to.
func (c chapter) judgedAgain() string {
	var all []string
	for _, d := range c.derived {
		same := "the same"
		if !d.isSame() {
			same = "not what was recorded: " + d.recorded.Reason
		}
		all = append(all, fmt.Sprintf("re-derived from %d windows: %s: %s", d.again.Windows, d.again.Reason, same))
	}
	return strings.Join(all, "; ")
}

// judgeAgain is the command with which a reader can do it.
func (c chapter) judgeAgain() string {
	if len(c.derived) == 0 {
		return ""
	}
	return fmt.Sprintf("cat %s | bakeoff judge %s", c.windows(), c.file())
}

// verifyDerived demands that the raw windows led to the recorded verdict.
func (c chapter) verifyDerived() error {
	for _, d := range c.derived {
		if !d.isSame() {
			return fmt.Errorf("%s: its raw windows lead to another verdict: %+v, recorded %+v", c.Version, d.again, d.recorded)
		}
	}
	return nil
}
