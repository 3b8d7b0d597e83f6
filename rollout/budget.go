package rollout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrorBudget is how many failures a target may have, whatever version they come
// from: while too little is left of it, or it burns, nothing is started or raised.
type ErrorBudget struct {
	Objective string        `json:"objective"`           // share of requests that must succeed, such as 99.9%
	Over      Duration      `json:"over,omitempty"`      // default 30d
	Failures  string        `json:"failures"`            // selector of a counter
	Requests  string        `json:"requests"`            // selector of a counter
	Windows   []BurnWindows `json:"windows,omitempty"`   // default 1h/5m 14.4 and 6h/30m 6
	MinEvents float64       `json:"minEvents,omitempty"` // least failures within a long window that count as burning; default 10
	Exposure  string        `json:"exposure,omitempty"`  // hold (default) | finishStep | rollback
}

// Why an error budget closes its target.
const (
	BudgetBurns  = "burns"
	BudgetSpent  = "spent"
	BudgetUnread = "unread" // what is not known is not enough
)

const month = Duration(30 * 24 * time.Hour)

// WithDefaults returns the budget with every default filled in.
func (b ErrorBudget) WithDefaults() ErrorBudget {
	if b.Over == 0 {
		b.Over = month
	}
	if len(b.Windows) == 0 {
		b.Windows = burnWindows(month)
	}
	if b.MinEvents == 0 {
		b.MinEvents = 10
	}
	b.Exposure = orElse(b.Exposure, ExposureHold)
	return b
}

// Validate says what is wrong with the budget; paths are below it.
func (b ErrorBudget) Validate() []Problem {
	var out []Problem
	refuse := func(wrong bool, path, format string, args ...any) {
		if wrong {
			out = append(out, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
		}
	}
	refuse(!isObjective(b.Objective), "objective", "%q is not an objective: the share that must succeed, such as 99.9%%, from 50%% to below 100%%", b.Objective)
	refuse(b.Over < 0, "over", "must be positive")
	refuse(strings.TrimSpace(b.Failures) == "", "failures", "which counter counts failures?")
	refuse(strings.TrimSpace(b.Requests) == "", "requests", "which counter counts requests?")
	refuse(b.Exposure != "" && !slices.Contains(exposures, b.Exposure), "exposure", "%q is not one of hold, finishStep, rollback", b.Exposure)
	refuse(b.MinEvents < 0, "minEvents", "must not be negative")
	for i, w := range b.Windows {
		refuse(w.Long <= 0 || w.Short <= 0 || w.Short >= w.Long || w.Factor < 1, fmt.Sprintf("windows[%d]", i),
			"needs long, a shorter short, and a factor of at least 1")
	}
	return out
}

// Stretches are those that must be counted to weigh the budget, each once.
func (b ErrorBudget) Stretches() []Duration {
	all := []Duration{b.Over}
	for _, w := range b.Windows {
		all = append(all, w.Long, w.Short)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Weigh says, from what was counted in each stretch up to now, why nothing may go
// on, and which kind of reason that is; "" when it may. A stretch without requests
// burns nothing.
func (b ErrorBudget) Weigh(counted map[Duration]Counts) (kind, why string) {
	left := 1 - b.burn(counted[b.Over])
	what := fmt.Sprintf("%.0f%% of it is left for %s", 100*max(left, 0), b.Over)
	for _, w := range b.Windows {
		long, short := b.burn(counted[w.Long]), b.burn(counted[w.Short])
		if long >= w.Factor && short >= w.Factor && counted[w.Long].Failures >= b.MinEvents {
			return BudgetBurns, fmt.Sprintf("burns ×%.1f over %s and ×%.1f over %s; %s", long, w.Long, short, w.Short, what)
		}
	}
	if left <= 0 {
		return BudgetSpent, "is spent: " + what
	}
	return "", ""
}

// burn is how many times what the objective allows failed.
func (b ErrorBudget) burn(c Counts) float64 {
	success, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(b.Objective, "%")), 64)
	if err != nil || c.Requests <= 0 {
		return 0
	}
	return c.Failures / c.Requests / (1 - success/100)
}
