package web

import (
	"context"
	"io"
	"net/http"

	"bakeoff/activities"
)

// Prober asks services over HTTP whether they are well.
type Prober struct{}

var _ activities.Prober = Prober{}

// maxProbed is how much of an answer's body is looked at.
const maxProbed = 64 << 10

// prober opens a connection for each question, as a new user would: one that is kept
// does not notice that nobody listens any more. It knows no proxy, and follows no
// redirect.
var prober = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Ask sends GET, bounded by ctx alone.
func (Prober) Ask(ctx context.Context, url string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, unwrapURL(err)
	}
	resp, err := prober.Do(req)
	if err != nil {
		return 0, nil, unwrapURL(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if body, err = io.ReadAll(io.LimitReader(resp.Body, maxProbed)); err != nil {
		return 0, nil, err
	}
	return resp.StatusCode, body, nil
}
