package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"bakeoff/activities"
)

// maxWait bounds the wish to wait that is followed: a server must not be able
// to put off a restore for long.
const maxWait = time.Minute

// maxText is how much of a server's own words is shown, in characters.
const maxText = 300

// classify says what a status means: nil for done and accepted; ErrNotFound
// for 404, which each request judges; ErrConflict for 409 and 412; worth
// another try for 429 and 5xx, not before Retry-After where there is one (at
// most a minute); final for all else, redirects included.
func classify(status int, header http.Header, body []byte) error {
	err := fmt.Errorf("%d %s", status, reason(status, header, body))
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: %w", err, activities.ErrNotFound)
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", err, activities.ErrConflict)
	case status == http.StatusTooManyRequests, status >= 500:
		if after := retryAfter(header.Get("Retry-After"), time.Now()); after > 0 {
			return &activities.RetryAfterError{After: after, Err: err}
		}
		return err
	}
	return fmt.Errorf("%w: %w", err, activities.ErrFinal)
}

// final turns a 404 into a final error, for requests that cannot do with one.
func final(err error) error {
	if errors.Is(err, activities.ErrNotFound) {
		return &misplacedError{err}
	}
	return err
}

// misplacedError is an ErrNotFound that is final instead: the server does not
// know the request, so the URL is wrong.
type misplacedError struct{ err error }

func (e *misplacedError) Error() string { return e.err.Error() + " (is the url right?)" }

// Is makes it ErrFinal, and nothing else.
func (e *misplacedError) Is(target error) bool { return target == activities.ErrFinal }

// reason is what the server says in {"error":"…"}, or where a redirect leads,
// or the name of the status with a piece of what was answered.
func reason(status int, header http.Header, body []byte) string {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &said) == nil && said.Error != "" {
		return excerpt([]byte(said.Error))
	}
	text := http.StatusText(status)
	if to := header.Get("Location"); status >= 300 && status < 400 && to != "" {
		return text + " to " + excerpt([]byte(to)) + ": redirects are not followed, write the final url"
	}
	if !strings.HasPrefix(strings.TrimSpace(string(body)), "<") { // pages of proxies say nothing in a line
		text += " " + excerpt(body)
	}
	return strings.TrimSpace(text)
}

// excerpt makes a server's words fit for a line: no control characters, single
// spaces, at most maxText characters.
func excerpt(body []byte) string {
	body = body[:min(len(body), 8*maxText)]
	printable := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(body), " "))
	runes := []rune(strings.Join(strings.Fields(printable), " "))
	if len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return string(runes)
}

// retryAfter reads the header, seconds or a date; 0 when it says nothing that
// can be read, at most maxWait.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxWait)
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(now), 0), maxWait)
	}
	return 0
}
