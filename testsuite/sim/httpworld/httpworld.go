// Package httpworld serves a simulated world over the protocol of the generic
// HTTP driver: a deployer, a router and a flag system in one server, with
// metrics to scrape. It is the protocol's reference, and a router's own log for
// tests that look from outside. Read [New] first.
//
//	PUT, GET, DELETE /versions/{version}    GET /versions/{version}/metrics
//	PUT, GET         /primary               GET /metrics, of all versions
//	PUT, GET         /weights
//	GET, PATCH       /flags
//	PUT, DELETE      /cohorts/{cohort}      GET /cohorts
package httpworld

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"bakeoff/activities"
	"bakeoff/testsuite/sim"
)

// Request is one request as it came in, and the status it was answered with.
type Request struct {
	At     time.Time // real time, when it came in
	Took   time.Duration
	Method string
	Path   string
	Header http.Header
	Body   string
	Status int // 0: the connection was cut instead
}

// String is the line of a log: "PUT /weights 200".
func (r Request) String() string {
	return r.Method + " " + r.Path + " " + strconv.Itoa(r.Status)
}

// Handler serves one world.
type Handler struct {
	world *sim.World
	mux   *http.ServeMux

	mu       sync.Mutex
	requests []Request
	pages    map[string]string // version → what its metrics page says instead
}

// New returns a server of the world's. The world's faults show as a real
// server's would: a throttle is 429 with Retry-After, a refusal 403, a conflict
// 409 (412 where If-Match was sent), anything else 500; a lost answer and a
// hanging call cut the connection. An answer's endpoints lead back to the
// server, so that {endpoint}/metrics can be scraped.
func New(world *sim.World) *Handler {
	h := &Handler{world: world, mux: http.NewServeMux(), pages: map[string]string{}}
	for pattern, answer := range map[string]func(*http.Request) (any, error){
		"PUT /versions/{version}":    h.deploy,
		"GET /versions/{version}":    h.version,
		"DELETE /versions/{version}": h.remove,
		"PUT /primary":               h.setPrimary,
		"GET /primary":               h.primary,
		"PUT /weights":               h.shift,
		"GET /weights":               h.weights,
		"PUT /cohorts/{cohort}":      h.setCohort,
		"DELETE /cohorts/{cohort}":   h.removeCohort,
		"GET /cohorts":               h.cohorts,
		"PATCH /flags":               h.setFlags,
		"GET /flags":                 h.flags,
	} {
		h.mux.HandleFunc(pattern, respond(answer))
	}
	h.mux.HandleFunc("GET /versions/{version}/metrics", h.versionMetrics)
	h.mux.HandleFunc("GET /metrics", h.allMetrics)
	h.mux.HandleFunc("GET /{$}", h.visit)
	return h
}

// visit answers a user as the version does that the router chooses, and names it.
func (h *Handler) visit(w http.ResponseWriter, _ *http.Request) {
	version, good := h.world.Visit()
	w.Header().Set("X-Version", version)
	if !good {
		http.Error(w, "this version fails", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, "hello from "+version+"\n")
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, `{"error":"the body cannot be read"}`, http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	seen := &recorder{ResponseWriter: w}
	began := time.Now()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.requests = append(h.requests, Request{
			At: began, Took: time.Since(began), Method: r.Method, Path: r.URL.EscapedPath(),
			Header: r.Header.Clone(), Body: string(body), Status: seen.status,
		})
	}()
	h.mux.ServeHTTP(seen, r)
}

// Requests returns every request that was answered or cut, in that order.
func (h *Handler) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests)
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// tagged is an answer with an ETag.
type tagged struct {
	etag string
	body any
}

// respond turns a result into an HTTP answer.
func respond(answer func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		result, err := answer(r)
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			respondError(w, r, err)
			return
		}
		if t, ok := result.(tagged); ok {
			w.Header().Set("ETag", t.etag)
			result = t.body
		}
		body, err := json.Marshal(result)
		if err != nil {
			respondError(w, r, err)
			return
		}
		if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/versions/") {
			w.WriteHeader(http.StatusAccepted)
		}
		_, _ = w.Write(body) // a client that went away needs no answer
	}
}

func respondError(w http.ResponseWriter, r *http.Request, err error) {
	var later *activities.RetryAfterError
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, sim.ErrLost), r.Context().Err() != nil:
		panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http is told to cut a connection
	case errors.As(err, &later):
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(later.After.Seconds()))))
	case errors.Is(err, errBadRequest):
		status = http.StatusBadRequest
	case errors.Is(err, activities.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, activities.ErrFinal):
		status = http.StatusForbidden
	case errors.Is(err, activities.ErrConflict) && r.Header.Get("If-Match") != "":
		status = http.StatusPreconditionFailed
	case errors.Is(err, activities.ErrConflict):
		status = http.StatusConflict
	}
	body, _ := json.Marshal(map[string]string{"error": err.Error()}) // strings are always JSON
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

var errBadRequest = errors.New("bad request")

func badRequest(format string, args ...any) error {
	return fmt.Errorf("%w: %w", fmt.Errorf(format, args...), errBadRequest)
}

// writeOf reads the headers that every write carries.
func writeOf(r *http.Request) (activities.Write, error) {
	w := activities.Write{Intent: r.Header.Get("Bakeoff-Intent")}
	if w.Intent == "" {
		return w, badRequest("a write needs Bakeoff-Intent")
	}
	fence := r.Header.Get("Bakeoff-Fence")
	epoch, generation, _ := strings.Cut(fence, ".")
	var err error
	if w.Fence.Epoch, err = strconv.ParseInt(epoch, 10, 64); err != nil {
		return w, badRequest("Bakeoff-Fence %q is not <epoch>.<generation>", fence)
	}
	if w.Fence.Generation, err = strconv.Atoi(generation); err != nil {
		return w, badRequest("Bakeoff-Fence %q is not <epoch>.<generation>", fence)
	}
	return w, nil
}

// decode reads a body strictly: what the driver sends has no other fields.
func decode(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return badRequest("the body is not as expected: %w", err)
	}
	return nil
}
