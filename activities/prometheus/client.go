package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"bakeoff/activities"
)

// answerLimit is far above any sensible answer: it protects the worker from a
// selector that matches everything.
const answerLimit = 64 << 20

// shared keeps connections over many short-lived drivers. It follows no
// redirect: a token must not travel on.
var shared = http.Client{
	Transport:     limited{http.DefaultTransport},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// limited refuses answers that are larger than answerLimit.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, answerLimit)
	}
	return resp, err
}

// client adds the token and keeps what the API's own errors drop: the status
// and its Retry-After.
type client struct {
	api.Client
	token string
}

// Do sends one request. Answers that the API itself gives (2xx, 400 and 422)
// pass; everything else is a statusError.
func (c *client) Do(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, body, err := c.Client.Do(ctx, req)
	if err != nil {
		return resp, body, err
	}
	switch code := resp.StatusCode; {
	case code/100 == 2, code == http.StatusBadRequest, code == http.StatusUnprocessableEntity:
		return resp, body, nil
	}
	return resp, body, &statusError{code: resp.StatusCode, header: resp.Header, body: string(body)}
}

// statusError is an answer that does not come from the query engine, or only
// to say that it could not work.
type statusError struct {
	code   int
	header http.Header
	body   string
}

// Error says what the server answered.
func (e *statusError) Error() string {
	text := strings.TrimSpace(e.body)
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	if to := e.header.Get("Location"); to != "" {
		text = "redirects to " + to + ": name that place instead"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", e.code, http.StatusText(e.code), text))
}

// checkError is a failure of one query, not of the server.
type checkError struct {
	err  error
	slow bool // the query timed out: its own fault, or the server's when all do

	never bool // no other moment gives it a number: it is not understood, or it is about something else
}

// Error says what is wrong with the query.
func (e *checkError) Error() string { return e.err.Error() }

// Unwrap returns the failure itself.
func (e *checkError) Unwrap() error { return e.err }

// notANumber begins what the API client says of a query that gives a string.
const notANumber = "unexpected value type"

// classify is the one place that says what an error of the query API means: a
// *checkError concerns one check, everything else the whole call, to be tried
// again unless it is ErrFinal.
func classify(err error) error {
	var status *statusError
	var answer *v1.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &checkError{err: fmt.Errorf("the answer is larger than %d bytes: select fewer series", tooLarge.Limit)}
	case errors.As(err, &status):
		return status.classify(err)
	case errors.As(err, &answer):
		switch kind := answer.Type; {
		case kind == v1.ErrBadData, strings.HasPrefix(answer.Msg, notANumber):
			return &checkError{err: err, never: true}
		case kind == v1.ErrExec:
			return &checkError{err: err}
		case kind == v1.ErrTimeout:
			return &checkError{err: err, slow: true}
		case kind == v1.ErrClient:
			return fmt.Errorf("%w (no answer of a query API): %w", err, activities.ErrFinal)
		}
	}
	return err
}

// Status says what an HTTP answer means that brings nothing to read: 408, 429
// and 5xx may be tried again, with Retry-After (at most a minute) as a
// *activities.RetryAfterError; every other one is ErrFinal. The body is for
// people; 200 bytes are kept.
func Status(code int, header http.Header, body string) error {
	status := &statusError{code: code, header: header, body: body}
	return status.classify(status)
}

func (e *statusError) classify(err error) error {
	switch {
	case e.code == http.StatusServiceUnavailable && strings.Contains(e.body, `"errorType":"timeout"`):
		return &checkError{err: err, slow: true}
	case e.code == http.StatusTooManyRequests, e.code == http.StatusRequestTimeout, e.code >= 500:
		if after := retryAfter(e.header.Get("Retry-After"), time.Now()); after > 0 {
			return &activities.RetryAfterError{After: after, Err: err}
		}
		return err
	}
	return fmt.Errorf("%w: %w", err, activities.ErrFinal)
}

// maxWait bounds the wish to wait that is followed: a server must not be able
// to put off a verdict for long.
const maxWait = time.Minute

// retryAfter reads seconds or an HTTP date; 0 when there is nothing to wait for.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(seconds, int(maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(at.Sub(now), maxWait)
	}
	return 0
}
