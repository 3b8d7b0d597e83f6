package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"bakeoff/activities"
)

// bearerKey is the parameter of a driver's configuration that refers to its
// credential. Specs may not have it.
const bearerKey = "bearer"

// secretRef says where a secret stands; the secret itself never stands in a
// file that Bakeoff reads. Exactly one of the fields is set.
type secretRef struct {
	Env  string `json:"env"`  // name of a variable of the worker's environment
	File string `json:"file"` // read anew each time, so that it may be rotated
}

// errLiteral does not quote what stands there: it is the secret itself.
var errLiteral = errors.New("a credential is given by reference: write {env: NAME} or {file: PATH}")

// UnmarshalJSON refuses a credential in the place of its reference.
func (r *secretRef) UnmarshalJSON(text []byte) error {
	if !bytes.HasPrefix(text, []byte("{")) {
		return errLiteral
	}
	type fields secretRef
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode((*fields)(r))
}

// read fetches the secret. No secret where one is referred to is an error.
func (r *secretRef) read() (string, error) {
	if r.Env != "" {
		if value := os.Getenv(r.Env); value != "" {
			return value, nil
		}
		return "", fmt.Errorf("the variable %s is not set", r.Env)
	}
	data, err := os.ReadFile(r.File)
	if err != nil {
		return "", fmt.Errorf("read the credential: %w", err)
	}
	if secret := strings.TrimSpace(string(data)); secret != "" {
		return secret, nil
	}
	return "", fmt.Errorf("%s is empty", r.File)
}

// check says what is wrong with the reference itself.
func (r *secretRef) check() error {
	if (r.Env == "") == (r.File == "") {
		return errors.New("expected {env: NAME} or {file: PATH}")
	}
	return nil
}

// fetch checks and reads in one.
func (r *secretRef) fetch() (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	return r.read()
}

// bearer returns where the driver's credential stands; nil when it has none.
func (d driverConfig) bearer() (*secretRef, error) {
	given, there := d[bearerKey]
	if !there {
		return nil, nil
	}
	fields, _ := given.(map[string]any)
	if fields == nil {
		return nil, errLiteral
	}
	var ref secretRef
	if err := activities.With(fields).Decode(&ref); err != nil {
		return nil, fmt.Errorf("expected {env: NAME} or {file: PATH}: %w", err)
	}
	return &ref, ref.check()
}

// url is the URL that the configuration names for the driver, "" when none.
func (d driverConfig) url() string {
	u, _ := d["url"].(string)
	return u
}

// tokenFor returns the credential for a driver whose parameters are complete:
// only where their url is the one that the configuration names. Everything
// else gets "".
func (d driverConfig) tokenFor(effective activities.With) (string, error) {
	ref, err := d.bearer()
	if err != nil || ref == nil {
		return "", err
	}
	if u, _ := effective["url"].(string); u == "" || !sameURL(u, d.url()) {
		return "", nil
	}
	return ref.read()
}

// sameURL compares as text, apart from slashes at the end: two spellings of
// one place count as two places, which is the safe side.
func sameURL(a, b string) bool { return strings.TrimRight(a, "/") == strings.TrimRight(b, "/") }
