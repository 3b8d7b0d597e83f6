package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bakeoff/activities"
	"bakeoff/activities/web"
	"bakeoff/rollout"
)

// hooksConfig says how hooks are signed, and for whom.
type hooksConfig struct {
	Secret *secretRef `json:"secret,omitempty"`
	URLs   []string   `json:"urls,omitempty"` // those that begin so are signed; "*" as in allow.urls
}

// validate says what is wrong with it.
func (h hooksConfig) validate() []rollout.Problem {
	var out []rollout.Problem
	add := func(path string, err error) {
		if err != nil {
			out = append(out, rollout.Problem{Path: "hooks." + path, Message: err.Error()})
		}
	}
	switch s := h.Secret; {
	case s == nil && len(h.URLs) > 0:
		add("secret", errors.New("is missing: what are they signed with?"))
	case s == nil:
	case (s.Env == "") == (s.File == ""):
		add("secret", errors.New("expected {env: NAME} or {file: PATH}"))
	case len(h.URLs) == 0:
		add("urls", errors.New("is missing: a signature is given only to the URLs that stand here"))
	default:
		_, err := s.read()
		add("secret", err)
	}
	for i, pattern := range h.URLs {
		add(fmt.Sprintf("urls[%d]", i), checkPattern(pattern))
	}
	return out
}

// secretFor is what a call of the URL is signed with; "" where it is not one of
// those that are.
func (h hooksConfig) secretFor(url string) (string, error) {
	if signed := (allowConfig{URLs: h.URLs}).permitsURL(url) == nil; h.Secret == nil || !signed {
		return "", nil
	}
	return h.Secret.read()
}

// hooks calls what the configuration in force allows.
type hooks struct{ live *live }

var _ activities.Hooks = hooks{}

// Permits implements [activities.Hooks].
func (h hooks) Permits(url string) error {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return fmt.Errorf("%q is not an http(s) URL", url)
	}
	allow := h.live.config().Allow
	if len(allow.URLs) == 0 {
		allow.URLs = []string{"http://*", "https://*"}
	}
	return allow.permitsURL(url)
}

// Post implements [activities.Hooks].
func (h hooks) Post(ctx context.Context, url, id string, body []byte) (int, string, error) {
	secret, err := h.live.config().Hooks.secretFor(url)
	if err != nil {
		return 0, "", err
	}
	return web.PostHook(ctx, url, id, secret, body)
}
