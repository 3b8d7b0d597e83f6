package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/rollout/signature"
)

// signingConfig says whose signatures are right, and which acts need one.
type signingConfig struct {
	AllowedSigners string              `json:"allowedSigners"`    // an OpenSSH file, beside the configuration; read at each use
	Require        map[string][]string `json:"require,omitempty"` // environment → acts; "default" serves the others
}

// signing is what the activities need of it.
func (c *config) signing() activities.Signing {
	if c.Signing == nil {
		return activities.Signing{}
	}
	return activities.Signing{Require: c.Signing.Require, Keys: signature.File(c.allowedSigners())}
}

func (c *config) allowedSigners() string {
	if filepath.IsAbs(c.Signing.AllowedSigners) {
		return c.Signing.AllowedSigners
	}
	return filepath.Join(c.folder, c.Signing.AllowedSigners)
}

// validateSigning says what is wrong with signing.
func (c *config) validateSigning() []rollout.Problem {
	if c.Signing == nil {
		return nil
	}
	var out []rollout.Problem
	add := func(path, format string, args ...any) {
		out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if c.Signing.AllowedSigners == "" {
		add("signing.allowedSigners", "name the file that says whose signatures are right, as ssh-keygen -Y verify -f has it")
	} else if _, err := signature.Read(c.allowedSigners()); err != nil {
		add("signing.allowedSigners", "%v", err)
	}
	for environment, acts := range c.Signing.Require {
		for i, act := range acts {
			path := fmt.Sprintf("signing.require.%s[%d]", environment, i)
			switch {
			case act == rollout.CommandAbort:
				add(path, "an abort is never kept waiting for a signature: take it out")
			case act == activities.ActRetryRefused:
				add(path, "a refused release is tried again with the signature of its start: name start instead")
			case !slices.Contains(permissible(), act):
				add(path, "no such act: known are %s", strings.Join(permissible(), ", "))
			}
		}
	}
	return out
}
