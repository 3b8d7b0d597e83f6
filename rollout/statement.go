package rollout

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// CommandStart is how a statement names the order to start a rollout.
const CommandStart = "start"

// Signer is whose signature was found to be right.
type Signer struct {
	Name string `json:"name"` // the principal that the key is listed under
	Key  string `json:"key"`  // its fingerprint: SHA256:…
}

// Proven is what was found of a signature, for people: whose it is, or why it does
// not hold; "" where nobody could look.
func Proven(signer *Signer, why string) string {
	switch {
	case why != "":
		return "not verified: " + why
	case signer != nil:
		return fmt.Sprintf("verified: %s, key %s", signer.Name, signer.Key)
	}
	return ""
}

// statement is the wording of what is signed. Fields may be added, with a zero
// that is left out; none is ever renamed.
type statement struct {
	Target  string    `json:"target"`
	Command string    `json:"command"`
	ID      string    `json:"id"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`

	RunID  string   `json:"runId,omitempty"`
	Step   int      `json:"step,omitempty"`
	Digest string   `json:"digest,omitempty"`
	By     Duration `json:"by,omitempty"`
	Full   bool     `json:"full,omitempty"`
	To     string   `json:"to,omitempty"`

	Version   string `json:"version,omitempty"`
	Artifact  string `json:"artifact,omitempty"`
	Spec      string `json:"spec,omitempty"` // sha256 of the spec
	Wait      bool   `json:"wait,omitempty"`
	Supersede bool   `json:"supersede,omitempty"`
	Back      bool   `json:"back,omitempty"`
	Recover   string `json:"recover,omitempty"`

	Override bool `json:"override,omitempty"`

	AskedBy string `json:"askedBy,omitempty"`
	Order   string `json:"order,omitempty"`

	Withdraw bool `json:"withdraw,omitempty"`
}

// CommandStatement is the text of a command to a target that its actor signs:
// the same command always has the same text.
func CommandStatement(target string, c Command) string {
	return statement{
		Target: target, Command: c.Name, ID: c.ID, Actor: c.Actor, Reason: c.Reason, At: c.At.UTC(),
		RunID: c.RunID, Step: c.Step, Digest: c.Digest, By: c.By, Full: c.Full, To: c.To, Override: c.Override,
		AskedBy: c.AskedBy, Order: c.Order, Withdraw: c.Withdraw,
	}.text()
}

// OrderStatement is the same of an order to start. It names the release for
// people, and binds the whole spec by its digest.
func OrderStatement(o Order) string {
	return statement{
		Target: o.Spec.Key().String(), Command: CommandStart, ID: o.ID, Actor: o.Actor, Reason: o.Reason, At: o.At.UTC(),
		Version: o.Spec.Release.Version, Artifact: o.Spec.Release.Artifact, Spec: o.Spec.Digest(),
		Wait: o.Wait, Supersede: o.Supersede, Back: o.Back, Recover: o.Recover, Override: o.Override,
	}.text()
}

// FleetStatement is the same of an order to start a fleet. It binds all units.
func FleetStatement(o FleetOrder) string {
	return statement{
		Target: o.Spec.Key().String(), Command: CommandStart, ID: o.ID, Actor: o.Actor, Reason: o.Reason, At: o.At.UTC(),
		Version: o.Spec.Rollout.Release.Version, Artifact: o.Spec.Rollout.Release.Artifact, Spec: o.Spec.Digest(),
		Wait: o.Wait, Override: o.Override,
	}.text()
}

// text is one field a line, so that people can read what they sign.
func (s statement) text() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(s); err != nil { // plain data, whose times are of this age
		return fmt.Sprintf("%+v", s)
	}
	return b.String()
}

// Digest is the sha256 of the spec as it was given: its JSON with the keys in
// order, so that it stays the same on its way through Temporal.
func (s Spec) Digest() string { return digestOf(s) }

// Digest is the same of a fleet's spec, with all units.
func (s FleetSpec) Digest() string { return digestOf(s) }

// Shortened is as much of a digest as tells the specs of one target apart.
func Shortened(digest string) string {
	hash := strings.TrimPrefix(digest, "sha256:")
	return hash[:min(len(hash), 16)]
}

// digestOf is the same of any plain data.
func digestOf(data any) string {
	body, err := json.Marshal(data)
	var plain any
	if err == nil && json.Unmarshal(body, &plain) == nil {
		body, err = json.Marshal(plain)
	}
	if err != nil { // it came from JSON
		body = fmt.Appendf(nil, "%+v", data)
	}
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// StatementDiffers says in what a signed statement is not the one that it has
// to be: "reason, runId"; "" when they are the same to the byte.
func StatementDiffers(signed, wanted string) string {
	if signed == wanted {
		return ""
	}
	var one, other map[string]any
	if json.Unmarshal([]byte(signed), &one) != nil || json.Unmarshal([]byte(wanted), &other) != nil {
		return "its form"
	}
	all := maps.Clone(other)
	maps.Copy(all, one)
	var names []string
	for name := range all {
		if one[name] != other[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "its form"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
