package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"bakeoff/rollout"
)

// Hooks calls outside systems over HTTP.
type Hooks interface {
	// Permits says why a URL may not be called; nil when it may.
	Permits(url string) error
	// Post sends a body and returns the answer, bounded by ctx. Its error means
	// that there was none. Repeating a call of one id is the same call.
	Post(ctx context.Context, url, id string, body []byte) (status int, answer string, err error)
}

// HookInput is one call of a hook over HTTP.
type HookInput struct {
	URL  string           `json:"url"`
	Call rollout.HookCall `json:"call"`
}

// HookOutput says what the hook answered.
type HookOutput struct {
	Refused string `json:"refused,omitempty"` // why it says no; "": it says yes
	Status  int    `json:"status"`
}

// Hook posts a call: 2xx says yes, 4xx says no with its words, anything else is
// tried again.
func (a *Activities) Hook(ctx context.Context, in HookInput) (HookOutput, error) {
	doing := "call the hook " + in.Call.At
	if a.Hooks == nil {
		return HookOutput{}, asTemporal(doing, fmt.Errorf("this worker calls none: %w", ErrFinal))
	}
	if err := a.Hooks.Permits(in.URL); err != nil {
		return HookOutput{}, asTemporal(doing, fmt.Errorf("%w: %w", err, ErrFinal))
	}
	body, err := json.Marshal(in.Call)
	if err != nil {
		return HookOutput{}, asTemporal(doing, fmt.Errorf("%w: %w", err, ErrFinal))
	}
	status, answer, err := a.Hooks.Post(ctx, in.URL, in.Call.ID, body)
	switch {
	case err != nil:
		return HookOutput{}, asTemporal(doing, err)
	case status >= 200 && status < 300:
		return HookOutput{Status: status}, nil
	case status == 408 || status == 429 || status >= 500:
		return HookOutput{}, asTemporal(doing, fmt.Errorf("it answered %d %s", status, answer))
	case status >= 400:
		return HookOutput{Status: status, Refused: fmt.Sprintf("%d %s", status, answer)}, nil
	default:
		return HookOutput{}, asTemporal(doing, fmt.Errorf("it answered %d: redirects are not followed: %w", status, ErrFinal))
	}
}

// admitHooks refuses hooks that this worker may not call.
func (a *Activities) admitHooks(p rollout.Plan) []rollout.Problem {
	var out []rollout.Problem
	for i, h := range p.Spec.Hooks {
		if h.HTTP == "" {
			continue
		}
		err := errors.New("this worker calls no hooks")
		if a.Hooks != nil {
			err = a.Hooks.Permits(h.HTTP)
		}
		if err != nil {
			out = append(out, rollout.Problem{Path: fmt.Sprintf("hooks[%d].http", i), Message: err.Error()})
		}
	}
	return out
}
