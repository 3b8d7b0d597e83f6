package scrape

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"bakeoff/activities"
)

// maxWait bounds the wish to wait that is followed: a page must not be able to
// put off a verdict for long.
const maxWait = time.Minute

// classify says what a page that did not come means: 408, 429 and 5xx may be
// tried again, with Retry-After as a *activities.RetryAfterError; any other
// answer is final. The body is for people.
func classify(code int, header http.Header, body string) error {
	text := strings.TrimSpace(body)
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	if to := header.Get("Location"); to != "" {
		text = "redirects to " + to + ": name that place instead"
	}
	err := fmt.Errorf("%d %s %s", code, http.StatusText(code), text)
	if code != http.StatusRequestTimeout && code != http.StatusTooManyRequests && code < 500 {
		return fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	if seconds, bad := strconv.Atoi(header.Get("Retry-After")); bad == nil && seconds > 0 {
		return &activities.RetryAfterError{After: min(time.Duration(seconds)*time.Second, maxWait), Err: err}
	}
	return err
}
