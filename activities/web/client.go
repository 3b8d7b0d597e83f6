package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"go.opentelemetry.io/otel/propagation"

	"bakeoff/activities"
)

// maxAnswer is the largest answer that is read.
const maxAnswer = 1 << 20

// request is one request; the answer is decoded into the value of into, which
// may be nil.
type request struct {
	method, path string
	write        *activities.Write // what it writes by; nil for a read
	ifMatch      string
	body         any
	into         any
}

// do sends one request and returns the answer's ETag. All of it happens within
// the deadline. Errors say what was being done and are classified.
func (c *client) do(ctx context.Context, r request) (etag string, err error) {
	doing := r.method + " " + c.base + r.path
	limited, cancel := context.WithTimeoutCause(ctx, c.deadline, fmt.Errorf("no answer within %s: %w", c.deadline, context.DeadlineExceeded))
	defer cancel()
	req, err := c.build(limited, r)
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	status, header, body, err := c.send(req)
	if err != nil {
		if cause := context.Cause(limited); cause != nil {
			err = cause
		}
		return "", fmt.Errorf("%s: %w", doing, unwrapURL(err))
	}
	if err := classify(status, header, body); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	if r.into == nil {
		return header.Get("ETag"), nil
	}
	if err := decode(body, r.into); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	return header.Get("ETag"), nil
}

func (c *client) build(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("write the body: %w: %w", err, activities.ErrFinal)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	if r.write != nil {
		req.Header.Set("Bakeoff-Intent", r.write.Intent)
		req.Header.Set("Bakeoff-Fence", fmt.Sprintf("%d.%d", r.write.Fence.Epoch, r.write.Fence.Generation))
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(req.Header)) // of a traced act; else nothing
	if r.ifMatch != "" {
		req.Header.Set("If-Match", r.ifMatch)
	}
	return req, nil
}

func (c *client) send(req *http.Request) (status int, header http.Header, body []byte, err error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("read the answer: %w", err)
	}
	return resp.StatusCode, resp.Header, body, nil
}

// decode reads an answer: one JSON value of at most maxAnswer bytes. Fields
// that are not known are left out, because a protocol grows.
func decode(body []byte, into any) error {
	if len(body) > maxAnswer {
		return fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the answer is not the JSON expected (%w): %s", err, excerpt(body))
	}
	return nil
}

// unwrapURL takes off what net/http repeats of the request.
func unwrapURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
