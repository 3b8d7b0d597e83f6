package vegeta

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"bakeoff/rehearsal/load"
)

// largestAnswer bounds what is kept of an answer that has to be looked into.
const largestAnswer = 1 << 20

// answer is what came of one request.
type answer struct {
	status   int
	version  string
	kind     string
	captured map[string]string
}

// send sends one request, and reads the whole answer. Redirects are answers.
func (a *attack) send(r load.Request) answer {
	ctx, cancel := context.WithTimeout(a.ctx, a.load.Timeout.Std())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(r.Body))
	if err != nil {
		return answer{kind: load.KindNetwork} // what an answer gave made no URL
	}
	for _, h := range r.Headers {
		req.Header.Set(h.Name, h.Value)
		if strings.EqualFold(h.Name, "host") {
			req.Host = h.Value
		}
	}
	res, err := a.transport.RoundTrip(req)
	if err != nil {
		return answer{kind: a.kindOf(err)}
	}
	defer res.Body.Close()
	body, err := read(res.Body, r.Reads())
	out := answer{status: res.StatusCode, version: res.Header.Get(a.load.VersionHeader)}
	if err != nil {
		out.kind = a.kindOf(err)
		return out
	}
	out.kind, out.captured = r.Judge(res.StatusCode, body)
	return out
}

// read reads to the end, so that the connection can be used again.
func read(from io.Reader, keep bool) (body []byte, err error) {
	if keep {
		if body, err = io.ReadAll(io.LimitReader(from, largestAnswer)); err != nil {
			return nil, err
		}
	}
	_, err = io.Copy(io.Discard, from)
	return body, err
}

// kindOf says why there is no answer.
func (a *attack) kindOf(err error) string {
	var network net.Error
	switch {
	case a.ctx.Err() != nil:
		return load.KindStopped
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return load.KindTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return load.KindRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return load.KindReset
	}
	return load.KindNetwork
}
