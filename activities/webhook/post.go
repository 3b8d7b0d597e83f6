// Package webhook tells people by HTTP: a notice as a CloudEvent, signed with a
// secret that sender and receiver share ([New]), or as a message in Slack
// ([NewSlack]).
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"bakeoff/activities"
)

// deadline bounds one request; a receiver that hangs costs no more.
const deadline = 10 * time.Second

// longestWait bounds how long a receiver may ask to be left alone.
const longestWait = 10 * time.Minute

// client follows no redirect: what is sent goes to the configured URL alone.
var client = &http.Client{Timeout: deadline, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// post sends one body. Its error never names the URL, which may be a secret
// itself. 400, 410, 413 and 422 are final: the receiver will never take this
// body. All else is worth trying again.
func post(ctx context.Context, to string, header http.Header, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return errors.New("the url cannot be used")
	}
	req.Header = header
	resp, err := client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return fmt.Errorf("post: %w", err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // only for the error's text
	return classify(resp, strings.TrimSpace(string(said)))
}

func classify(resp *http.Response, said string) error {
	err := fmt.Errorf("post: it answered %s: %s", resp.Status, said)
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	if seconds, bad := strconv.Atoi(resp.Header.Get("Retry-After")); bad == nil && seconds > 0 {
		return &activities.RetryAfterError{After: min(time.Duration(seconds)*time.Second, longestWait), Err: err}
	}
	return err
}

// checkURL says what is wrong with the address of a receiver.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("the url is missing")
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return errors.New("the url cannot be used: write https://host/path")
	case u.User != nil:
		return errors.New("the url holds a user or password: give a secret by reference instead")
	}
	return nil
}
