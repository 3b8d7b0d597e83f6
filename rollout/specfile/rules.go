package specfile

import (
	"strings"

	"bakeoff/rollout"
)

// What the Go types cannot say of a spec's fields. Keys are the type
// and the field's json name. Tests hold that Validate knows the same rules, of a
// spec as of a manifest.

// enums lists the words that a field, or each item of a list, may hold.
var enums = map[string][]string{
	"rollout.Spec.kind":           {"Rollout"},
	"rollout.FleetSpec.kind":      {"Fleet"},
	"rollout.FleetSpec.onFailure": {"all", "wave", "unit"},
	"rollout.Approval.otherwise":  {"rollback", "promote"},
	"rollout.RateRatio.direction": {"increase", "decrease"},
	"rollout.Points.direction":    {"increase", "decrease"},
	"rollout.Points.transform":    {"log", "diff"},
	"rollout.MeanCS.transform":    {"log", "diff"},
	"rollout.Policy.require":      {"noHarm", "nonInferior"},
	"rollout.Policy.inconclusive": {"hold", "rollback", "promote"},
	"rollout.Policy.noData":       {"hold", "rollback"},
	"rollout.Policy.error":        {"hold", "rollback"},
	"rollout.Policy.drift":        {"hold", "putBack", "rollback"},
	"rollout.Policy.otherwise":    {"rollback", "promote"},
	"rollout.Policy.onNewRelease": {"reject", "queue", "keepNewest", "supersede"},
	"rollout.Strategy.baseline":   {"serving", "sameAge"},
	"rollout.Policy.absolute":     {"warn", "required"},
	"rollout.Policy.foresight":    {"warn", "required"},
	"rollout.Policy.share":        {"warn", "required"},
	"rollout.Notification.events": strings.Split(rollout.OccasionNames(), ", "),
	"rollout.Hook.at":             {"beforeStart", "beforeStep", "afterStep", "beforePromote", "onRollback", "after"},
	"rollout.Hook.otherwise":      {"rollback", "goOn"},

	"rehearsal.Manifest.isolation": {"own", "shared", "production"},
	"rehearsal.Manifest.hooks":     {"beforeStart", "beforeStep", "afterStep", "beforePromote", "onRollback", "after"},
	"rehearsal.Manifest.outcome":   {"Promoted", "RolledBack"},
	"rehearsal.Drill.verdict":      {"Fail", "NoData", "Error", "Inconclusive"},
	"rehearsal.Signal.unit":        {"s", "ratio", "/s"},
	"rehearsal.Probe.mode":         {"before", "after", "edge", "continuous"},
	"rehearsal.Probe.onFailure":    {"halt", "record"},
	"rehearsal.Probe.signal":       {"errors", "latency-p50", "latency-p90", "latency-p99", "latency-max"},
	"load.Load.arrivals":           {"even", "poisson"},
	"load.Step.ledger":             {"write", "read"},
	"load.Replay.format":           {"har", "combined", "common", "json", "gor"},
	"data.Mask.as":                 {"text", "email", "card", "blank", "keep"},
	"data.Into.after":              {"keep", "restore"},
	"fault.Process.do":             {"kill", "freeze"},
	"fault.Toxiproxy.direction":    {"downstream", "upstream"},
	"scaling.Trigger.signal":       {"queue", "rate", "latency", "utilisation"},
}

// bounds lists the numbers that a field may hold, ends included.
var bounds = map[string][2]string{
	"rollout.Policy.alpha":            {"0", "0.5"},
	"rehearsal.Probe.failures":        {"0", "100"},
	"rollout.FleetSpec.maxParallel":   {"1", ""},
	"rollout.FleetSpec.failureBudget": {"0", ""},
	"rollout.Approval.quorum":         {"1", "100"},
	"rollout.Check.minRequests":       {"0", ""},
	"rollout.Check.weight":            {"0", ""},
	"rollout.RateRatio.safeMargin":    {"0", "10"},
	"rollout.RateRatio.harmMargin":    {"0", "10"},
	"rollout.RateRatio.beta":          {"0", "0.5"},
	"rollout.TailLadder.safeMargin":   {"0", "10"},
	"rollout.TailLadder.harmMargin":   {"0", "10"},
	"rollout.TailLadder.beta":         {"0", "0.5"},
	"rollout.SLORate.beta":            {"0", "0.5"},
	"rollout.Points.minPoints":        {"0", "1000000"},
	"rollout.Points.harmMargin":       {"0", "10"},
	"rollout.Points.safeMargin":       {"0", "10"},
	"rollout.Points.beta":             {"0", "0.5"},
	"rollout.BurnRate.minEvents":      {"0", "1000000"},
	"rollout.BurnWindows.factor":      {"1", "1000000"},
	"rollout.MeanCS.tOpt":             {"0", "1000000000"},
	"rollout.MeanCS.burnIn":           {"0", "1000000"},
	"rollout.MeanCS.level":            {"0", "0.999999"},
	"rollout.MeanCS.minPoints":        {"0", "1000000"},
}

// least lists the fields whose zero value in Go means their default: what a
// zero that somebody wrote is taken as, or "" where it is refused.
var least = map[string]string{
	"rollout.Spec.drain":        "1ms",
	"rollout.Policy.grace":      "1ms",
	"rollout.Policy.holdFor":    "1ms",
	"rollout.Check.minRequests": "1",
	"rehearsal.Drill.after":     "1ms",

	"rollout.Spec.readyWithin":     "",
	"rollout.Spec.settleWithin":    "",
	"rollout.Spec.needsHumanAfter": "",
	"rollout.Spec.deadline":        "",
	"rollout.FleetSpec.deadline":   "",
	"rollout.WindowSpec.first":     "",
	"rollout.WindowSpec.cap":       "",
	"rollout.WindowSpec.poll":      "",
	"rollout.Approval.quorum":      "",
	"rollout.Approval.within":      "",
	"rollout.Policy.alpha":         "",
	"rollout.Check.weight":         "",
	"rollout.Hook.timeout":         "",

	// Of the worker's configuration, whose TestZeros holds that they are there.
	"activities.Approvals.quorum":   "",
	"activities.Approvals.within":   "",
	"rollout.ErrorBudget.over":      "",
	"rollout.ErrorBudget.minEvents": "",
	"main.rehearsalsConfig.rate":    "",
	"main.rehearsalsConfig.longest": "",
	"fault.Limits.atOnce":           "",
	"fault.Limits.longest":          "",
	"faults.Process.within":         "",
}

// unset lists the fields of a rehearsal whose 0 is refused, because nobody could tell
// it from a field that is left out: with what that means, which is something else.
var unset = map[string]string{
	"rehearsal.Drill.decideWithin": "that it is not asked",
	"rehearsal.Quotas.requests":    "any number",
	"rehearsal.Quotas.for":         "2h, or what the worker allows",
	"rehearsal.Suite.parallel":     "one at a time",
	"load.Load.for":                "until the recording ends",
	"load.Load.timeout":            "10s",
	"load.Load.connections":        "1000",
	"load.Load.shards":             "one generator",
	"load.Expect.status":           "any status below 400",
	"load.Replay.speed":            "as fast as it was recorded",
	"fault.Toxiproxy.bandwidth":    "any bandwidth; timeout: 0s lets nothing pass",
	"fault.Errors.status":          "503",
	"fault.Disk.size":              "the file system that is mounted there",
	"data.Set.rows":                "as many as the template says",
	"data.Sequence.step":           "steps of 1",
	"scaling.Expect.downWithin":    "that it is not judged",
	"scaling.Expect.swing":         "one replica",
	"scaling.Expect.needed":        "that it is not known",
	"scaling.Expect.capacity":      "that it is not known",
	"scaling.Expect.poll":          "1s",
	"rehearsal.Signal.poll":        "1s",
	"scaling.Waiting.queue":        "that it is not judged",
	"scaling.Waiting.latency":      "that it is not judged",
}

// elsewhere says of fields that exist, but not in a spec, why not.
var elsewhere = map[string]string{
	"rollout.Alternative.any":       "lists of which one is enough do not nest: write all of them into one list",
	"rollout.Judge.mannWhitney":     offlineOnly + "it looks once, and a rollout looks after every window; points may",
	"rollout.Judge.runCompare":      offlineOnly + "it compares whole runs of a rehearsal, pair by pair",
	"rollout.Judge.kayentaV1":       offlineOnly + "it repeats Kayenta's faults, for migration; points and rateRatio do its work",
	"rollout.Judge.groupSequential": offlineOnly + "its looks are planned in advance, and holds and extensions of a rollout add some; rateRatio may look as often as one likes",
}

const offlineOnly = "only for bakeoff judge: "

// The shapes of text, for Go's regular expressions and JavaScript's alike.
const (
	namePattern      = `^(\.{0,2}[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3}[A-Za-z0-9._-]*)$`
	versionPattern   = `^(\.{0,2}[A-Za-z0-9_+-][A-Za-z0-9._+-]*|\.{3}[A-Za-z0-9._+-]*)$`
	weightPattern    = `^(100(\.0*)?|[0-9]{1,2}(\.[0-9]{0,2}0*)?|\.[0-9]{1,2}0*)%$`
	durationPattern  = `^(0|([0-9]+(\.[0-9]*)?d)?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))*)$`
	budgetPattern    = `^\s*[1-9][0-9]*\s*(failures?)?\s*$`
	objectivePattern = `^\s*[0-9]{0,2}(\.[0-9]*)?\s*%\s*$`
	replicasPattern  = `^(match|[1-9][0-9]{0,5})$`
)

// patterns lists the shape of text fields.
var patterns = map[string]string{
	"rollout.FleetSpec.service":     namePattern,
	"rollout.FleetSpec.environment": namePattern,
	"rollout.Spec.service":          namePattern,
	"rollout.Spec.environment":      namePattern,
	"rollout.Spec.unit":             namePattern,
	"rollout.Check.name":            namePattern,
	"rollout.Step.cohort":           namePattern,
	"rollout.Release.version":       versionPattern,
	"rollout.Baseline.version":      versionPattern,
	"rollout.SLORate.objective":     objectivePattern,
	"rollout.BurnRate.objective":    objectivePattern,
	"rollout.Drivers.replicas":      replicasPattern,
}
