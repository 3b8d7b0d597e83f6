package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// cohortsKey is the parameter of drivers that send cohorts by headers.
const cohortsKey = "cohorts"

// cohortDrivers lists the drivers that send cohorts.
func cohortDrivers() []string { return []string{"http", "caddy"} }

// readAs reads what stands at a path for somebody else, such as a driver, by the
// rules of the whole file.
func readAs(into, given any, path string) []rollout.Problem {
	text, err := json.Marshal(given)
	if err != nil {
		return []rollout.Problem{{Path: path, Message: err.Error()}}
	}
	problems := specfile.Decode("", text, into)
	for i, p := range problems {
		problems[i] = rollout.Problem{Path: strings.TrimSuffix(path+"."+p.Path, "."), Message: p.Message}
	}
	return problems
}

// validateCohorts says what is wrong with a driver's cohorts: it is read as the
// driver reads it, before the first rollout that needs it.
func (d driverConfig) validateCohorts(name string) []rollout.Problem {
	given, there := d[cohortsKey]
	if !there {
		return nil
	}
	path := "drivers." + name + "." + cohortsKey
	if !slices.Contains(cohortDrivers(), name) {
		return []rollout.Problem{{Path: path, Message: fmt.Sprintf("driver %s sends no cohorts: only %s do", name, strings.Join(cohortDrivers(), ", "))}}
	}
	var headers activities.Headers
	problems := readAs(&headers, given, path)
	if len(problems) > 0 {
		return problems
	}
	if len(headers.ByFlag()) > 0 && name != "http" {
		return []rollout.Problem{{Path: path, Message: name + " sends cohorts by headers alone: cohorts that are made by flags belong to http"}}
	}
	refuse := func(err error) {
		if err != nil {
			field, message, _ := strings.Cut(err.Error(), ": ") // it begins with the parameter
			problems = append(problems, rollout.Problem{Path: "drivers." + name + "." + field, Message: message})
		}
	}
	for _, cohort := range slices.Sorted(maps.Keys(headers)) {
		refuse(activities.Headers{cohort: headers[cohort]}.Validate())
	}
	if len(problems) == 0 {
		refuse(headers.Validate()) // one by one they are right
	}
	return problems
}
