package caddy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"bakeoff/activities"
)

// limit bounds an answer: a handler is a few kilobytes.
const limit = 4 << 20

// get reads a path. A connection that breaks off is tried again: each reload
// replaces Caddy's admin server.
func (r *Router) get(ctx context.Context, path string) (body []byte, etag string, err error) {
	body, etag, err = r.call(ctx, http.MethodGet, path, nil, "")
	for i := 0; i < 3 && isTorn(err) && ctx.Err() == nil; i++ {
		body, etag, err = r.call(ctx, http.MethodGet, path, nil, "")
	}
	return body, etag, err
}

// read returns the handler and the ETag of exactly what was read.
func (r *Router) read(ctx context.Context) (handler, string, error) {
	body, etag, err := r.get(ctx, "/id/"+r.id)
	if err != nil {
		return handler{}, "", fmt.Errorf("read handler %s: %w", r.id, err)
	}
	h, err := parseHandler(r.id, body)
	if err != nil {
		return handler{}, "", fmt.Errorf("read handler %s: %w", r.id, err)
	}
	return h, etag, nil
}

func isTorn(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// write replaces the handler if it is still the one of the ETag. Caddy answers
// after the new configuration has taken over; a refused one changes nothing.
func (r *Router) write(ctx context.Context, h handler, etag string) error {
	body, err := json.Marshal(h.fields)
	if err != nil {
		return fmt.Errorf("write handler %s: %w", r.id, err)
	}
	if _, _, err = r.call(ctx, http.MethodPatch, "/id/"+r.id, body, etag); err != nil {
		return fmt.Errorf("write handler %s: %w", r.id, err)
	}
	return nil
}

func (r *Router) call(ctx context.Context, method, path string, body []byte, ifMatch string) ([]byte, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.admin+path, bytes.NewReader(body))
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if ifMatch != "" {
		req.Header.Set("If-Match", ifMatch)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		return nil, "", err
	}
	return answer, resp.Header.Get("Etag"), classify(resp, answer)
}

// classify is the one place that knows what Caddy's answers mean. 412: somebody
// else wrote. 404: no object has the @id, which a reload of the right file may
// mend, so it is tried again. Any other 4xx is our request's fault, for good.
// 5xx is tried again, also "loading new config": a configuration can fail for
// want of something outside it, and what was in force stays in force. A wish to
// wait comes from a proxy in between; it is passed on.
func classify(resp *http.Response, answer []byte) error {
	status := resp.StatusCode
	if status < 300 {
		return nil
	}
	err := fmt.Errorf("caddy answers %d: %s", status, message(answer))
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // absent or a date: no wish
	switch {
	case seconds > 0 && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable):
		return &activities.RetryAfterError{After: time.Duration(seconds) * time.Second, Err: err}
	case status == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", err, errChanged)
	case status == http.StatusConflict:
		return fmt.Errorf("%w: %w", err, activities.ErrConflict)
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: %w", err, activities.ErrNotFound)
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return err
	case status < 500:
		return fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	return err
}

// message is Caddy's own text, cut to a readable length.
func message(answer []byte) string {
	var body struct {
		Error string `json:"error"`
	}
	text := string(bytes.TrimSpace(answer))
	if json.Unmarshal(answer, &body) == nil && body.Error != "" {
		text = body.Error
	}
	if len(text) > 500 {
		text = text[:500] + "…"
	}
	return text
}
