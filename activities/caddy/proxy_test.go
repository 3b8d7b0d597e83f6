package caddy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"sync"
	"testing"
	"time"

	"bakeoff/testsuite/conform"
)

// proxy stands before a real Caddy's admin API and can be made to misbehave.
type proxy struct {
	url   string
	mu    sync.Mutex
	fault func(w http.ResponseWriter, r *http.Request) bool // true: handled
	lose  bool
}

func startProxy(t *testing.T, admin string) *proxy {
	p := &proxy{}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", admin, admin
	}}
	// A connection that breaks off behind the proxy breaks off before it: Caddy does
	// that to some when it reloads, and a proxy's 502 would hide it.
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault, lose := p.state(r)
		switch {
		case fault != nil && fault(w, r):
		case lose:
			forward.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

func (p *proxy) state(r *http.Request) (func(http.ResponseWriter, *http.Request) bool, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lose := p.lose && r.Method != http.MethodGet
	p.lose = p.lose && !lose
	return p.fault, lose
}

func (p *proxy) set(fault func(http.ResponseWriter, *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// answer makes the proxy answer every call, or every write, by itself.
func (p *proxy) answer(writesOnly bool, status int, text string, header ...string) {
	p.set(func(w http.ResponseWriter, r *http.Request) bool {
		if writesOnly && r.Method == http.MethodGet {
			return false
		}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
		return true
	})
}

func (p *proxy) faults() conform.Faults {
	return conform.Faults{
		Throttle: func(_ *testing.T, after time.Duration) {
			p.answer(false, http.StatusTooManyRequests, "slow down", "Retry-After", strconv.Itoa(int(after.Seconds())))
		},
		Refuse:   func(_ *testing.T, why string) { p.answer(false, http.StatusForbidden, why) },
		Conflict: func(*testing.T) { p.answer(true, http.StatusPreconditionFailed, "did not match") },
		Break:    func(*testing.T) { p.answer(false, http.StatusInternalServerError, "loading new config") },
		Hang: func(*testing.T) {
			p.set(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
		},
		LoseAnswer: func(*testing.T) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.lose = true
		},
		Heal: func(*testing.T) { p.set(nil) },
	}
}
