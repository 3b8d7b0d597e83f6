package shop

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresOrders keeps orders in the table orders, which is made where it is
// not there.
type postgresOrders struct {
	pool *pgxpool.Pool
}

var _ Orders = postgresOrders{}

// makeOrders is run by every version that starts, one after the other.
const makeOrders = `
SELECT pg_advisory_xact_lock(7467);
CREATE TABLE IF NOT EXISTS orders (number bigserial PRIMARY KEY, id text NOT NULL, payload text NOT NULL);
CREATE INDEX IF NOT EXISTS orders_by_id ON orders (id);`

func openPostgres(ctx context.Context, address string) (Orders, error) {
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return nil, errors.New("the address of the orders cannot be read: write postgres://user@host:5432/database") // what it says may hold a password
	}
	// By the simple protocol all of it is one message, and so one transaction.
	if _, err := pool.Exec(ctx, makeOrders, pgx.QueryExecModeSimpleProtocol); err != nil {
		pool.Close()
		return nil, fmt.Errorf("make the table of orders: %w", err)
	}
	return postgresOrders{pool}, nil
}

// Add implements [Orders].
func (p postgresOrders) Add(ctx context.Context, o Order) error {
	_, err := p.pool.Exec(ctx, "INSERT INTO orders (id, payload) VALUES ($1, $2)", o.ID, o.Payload)
	if err != nil {
		return fmt.Errorf("keep an order: %w", err)
	}
	return nil
}

// Find implements [Orders].
func (p postgresOrders) Find(ctx context.Context, id string) (o Order, copies int, err error) {
	err = p.pool.QueryRow(ctx, `SELECT coalesce((array_agg(payload ORDER BY number))[1], ''), count(*) FROM orders WHERE id = $1`, id).Scan(&o.Payload, &copies)
	if err != nil {
		return Order{}, 0, fmt.Errorf("read the orders: %w", err)
	}
	o.ID = id
	return o, copies, nil
}

// Ready implements [Orders].
func (p postgresOrders) Ready(ctx context.Context) error {
	_, err := p.pool.Exec(ctx, "SELECT FROM orders LIMIT 1")
	if err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}
	return nil
}

// Close implements [Orders].
func (p postgresOrders) Close() error {
	p.pool.Close()
	return nil
}
