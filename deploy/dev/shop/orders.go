package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// OrdersVariable says where orders are kept: file:/folder or postgres://…; all
// versions of a shop share the place. Without it the shop has no orders.
const OrdersVariable = "SHOP_ORDERS"

// largestOrder bounds an order, in bytes.
const largestOrder = 64 << 10

// Order is what somebody ordered.
type Order struct {
	ID      string `json:"id"` // chosen by who orders
	Payload string `json:"payload"`
}

// Orders keeps orders. Implementations are safe for concurrent use, also by
// several processes.
type Orders interface {
	// Add keeps an order for good: it is on disk when Add returns. The same again
	// is kept twice.
	Add(ctx context.Context, o Order) error
	// Find returns the order that was kept first under an id, and how many there
	// are: 0 is none.
	Find(ctx context.Context, id string) (o Order, copies int, err error)
	// Ready says why no order could be kept now.
	Ready(ctx context.Context) error
	io.Closer
}

// OpenOrders opens the place that a value of SHOP_ORDERS names.
func OpenOrders(ctx context.Context, place string) (Orders, error) {
	folder, isFile := strings.CutPrefix(place, "file:")
	switch {
	case isFile && filepath.IsAbs(folder):
		return openLog(filepath.Join(folder, "orders.log"))
	case strings.HasPrefix(place, "postgres://"), strings.HasPrefix(place, "postgresql://"):
		return openPostgres(ctx, place)
	}
	return nil, errors.New("no place for orders: write file:/folder or postgres://user@host/database")
}

func problem(code int, text string) (int, any) { return code, map[string]string{"error": text} }

// take keeps an order, in the way of the version: it may lose it, keep it twice
// or change it, and says 201 all the same.
func (s *Shop) take(r *http.Request) (int, any) {
	body, err := io.ReadAll(io.LimitReader(r.Body, largestOrder+1))
	if err != nil {
		return problem(http.StatusBadRequest, "the order did not arrive")
	}
	if len(body) > largestOrder {
		return problem(http.StatusRequestEntityTooLarge, fmt.Sprintf("an order has at most %d bytes", largestOrder))
	}
	var o Order
	if err := json.Unmarshal(body, &o); err != nil || o.ID == "" {
		return problem(http.StatusBadRequest, `write {"id": "…", "payload": "…"}`)
	}
	answer := o
	copies := 1
	if s.uniform() < s.Behaviour.Loses {
		copies = 0
	}
	if s.uniform() < s.Behaviour.Doubles {
		copies *= 2
	}
	if s.uniform() < s.Behaviour.Alters {
		o.Payload += " (altered)"
	}
	for range copies {
		if err := s.orders.Add(r.Context(), o); err != nil {
			slog.Error("an order is not kept", "id", o.ID, "error", err)
			return problem(http.StatusServiceUnavailable, "orders cannot be kept now")
		}
	}
	return http.StatusCreated, answer
}

// find returns an order and how often it is there.
func (s *Shop) find(r *http.Request) (int, any) {
	o, copies, err := s.orders.Find(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		slog.Error("an order cannot be read", "error", err)
		return problem(http.StatusServiceUnavailable, "orders cannot be read now")
	case copies == 0:
		return problem(http.StatusNotFound, "there is no such order")
	}
	return http.StatusOK, struct {
		Order
		Copies int `json:"copies"`
	}{o, copies}
}

// readyWithin bounds how long the orders may take to say that they are there.
const readyWithin = time.Second

// ready says why the shop cannot serve; "": it can.
func (s *Shop) ready(ctx context.Context) string {
	if s.draining.Load() {
		return "draining"
	}
	if s.orders == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := s.orders.Ready(ctx); err != nil {
		slog.Error("orders cannot be kept", "error", err)
		return "orders cannot be kept now"
	}
	return ""
}
