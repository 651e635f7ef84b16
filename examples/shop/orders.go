package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/audit"
)

// An Order is what a customer wants.
type Order struct {
	ID       int64
	Placed   time.Time
	Customer string
	Email    string
	Product  string
	Quantity int
	Cents    int64  // of the whole order
	Photo    string // file name of the photo to print; "" if none
	Phone    string // for short messages; "" if none. It is kept with the customer
	Deliver  string // the day by which it shall come, "2026-11-27"; "" is left to the shop

	// What has become of it.
	Payment   string     // how far the payment is, in words
	ChargeJob offload.ID // the job behind that
	Charged   int64      // cents
	Receipt   string     // of the payment service
}

// A Product is what the shop sells.
type Product struct {
	Name  string
	Cents int64
}

// Products are what the shop sells.
var Products = []Product{
	{"postcard", 150}, {"poster", 1950}, {"calendar", 2400}, {"frame", 3275},
}

// stocked is how many of each product a new shop has.
const stocked = 100_000

// ErrOrder is what Place wraps when it refuses an order, with a sentence for the customer.
var ErrOrder = errors.New("order refused")

func (s *Shop) stockUp(ctx context.Context) error {
	for _, p := range Products {
		const insert = `INSERT INTO products (name, cents, stocked, stock) VALUES ($1, $2, $3, $3) ON CONFLICT DO NOTHING`
		if _, err := s.DB.ExecContext(ctx, insert, p.Name, p.Cents, stocked); err != nil {
			return fmt.Errorf("stock up: %w", err)
		}
	}
	return nil
}

// Place stores an order with all that follows from it, and returns it with its number: the
// order, its audit entry and its jobs are one transaction. When Place returns, everything else
// happens in the background.
func (s *Shop) Place(ctx context.Context, o Order) (Order, error) {
	if err := s.Check(&o); err != nil {
		return o, err
	}
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if err := insertOrder(ctx, tx, &o); err != nil {
			return err
		}
		if err := know(ctx, tx, o); err != nil {
			return err
		}
		placed := OrderPlaced{Order: o.ID, Product: o.Product, Quantity: o.Quantity, Cents: o.Cents}
		if err := s.Trail.Write(ctx, tx, audit.Entry{Actor: o.Email, Action: "order.place", Entity: entity(o.ID), After: placed}); err != nil {
			return err
		}
		if err := s.Events.Record(ctx, tx, placed); err != nil {
			return err
		}
		if err := s.tellSuppliers(ctx, tx, o); err != nil {
			return err
		}
		jobs, err := s.App.Tx(tx).Enqueue(ctx, s.calls(o)...)
		if err != nil {
			return err
		}
		return s.followPayment(ctx, tx, &o, jobs[0])
	})
	if err != nil {
		return o, fmt.Errorf("place order: %w", err)
	}
	s.count(o)
	return o, nil
}

// calls are the jobs of an order, that of the payment first. The tag finds them:
// offload jobs --tag order=7.
func (s *Shop) calls(o Order) []*offload.Call {
	ref, tag := OrderRef{o.ID}, offload.Tag("order", strconv.FormatInt(o.ID, 10))
	calls := []*offload.Call{Charge.Call(ref, tag), Reserve.Call(ref, tag), s.confirmation(o, tag)}
	if o.Photo != "" {
		calls = append(calls, thumbnail(o, tag))
	}
	return calls
}

// followPayment lets the order's row say how far its payment is, from now on and by itself.
func (s *Shop) followPayment(ctx context.Context, tx *sql.Tx, o *Order, job *offload.Job) error {
	o.ChargeJob = job.ID
	if _, err := tx.ExecContext(ctx, `UPDATE orders SET charge_job = $1 WHERE id = $2`, job.ID.String(), o.ID); err != nil {
		return err
	}
	return s.payments.Track(ctx, tx, o.ID, job)
}

func insertOrder(ctx context.Context, tx *sql.Tx, o *Order) error {
	const insert = `INSERT INTO orders (placed, customer, email, product, quantity, cents, photo, deliver_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`
	row := tx.QueryRowContext(ctx, insert, timeText(o.Placed), o.Customer, o.Email, o.Product, o.Quantity, o.Cents, o.Photo, o.Deliver)
	return row.Scan(&o.ID)
}

// Check looks at what the customer has said, and adds what follows from it.
func (s *Shop) Check(o *Order) error {
	o.Customer = strings.TrimSpace(o.Customer)
	if o.Customer == "" || len(o.Customer) > 100 || strings.ContainsFunc(o.Customer, unicode.IsControl) {
		return fmt.Errorf("%w: please give your name, in one line", ErrOrder)
	}
	address, err := mail.ParseAddress(o.Email)
	if err != nil || strings.ContainsFunc(address.Address, unicode.IsControl) {
		return fmt.Errorf("%w: %q is no mail address", ErrOrder, o.Email)
	}
	if o.Quantity < 1 || o.Quantity > 99 {
		return fmt.Errorf("%w: the quantity is %d; it can be 1 to 99", ErrOrder, o.Quantity)
	}
	product, ok := ProductOf(o.Product)
	if !ok {
		return fmt.Errorf("%w: we don't sell %q", ErrOrder, o.Product)
	}
	if o.Phone != "" && !phoneNumber.MatchString(o.Phone) {
		return fmt.Errorf("%w: %q is no phone number; write it as +436641234567", ErrOrder, o.Phone)
	}
	if _, err := time.Parse(time.DateOnly, o.Deliver); o.Deliver != "" && err != nil {
		return fmt.Errorf("%w: %q is no day", ErrOrder, o.Deliver)
	}
	if o.Photo != "" && (filepath.Base(o.Photo) != o.Photo || !exists(s.Path(PhotoDir, o.Photo))) {
		return fmt.Errorf("%w: we don't have the photo %q", ErrOrder, o.Photo)
	}
	o.Email = address.Address
	o.Cents = product.Cents * int64(o.Quantity)
	o.Placed = time.Now().UTC().Round(0)
	return nil
}

// phoneNumber is how E.164 writes them.
var phoneNumber = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// ProductOf finds a product by its name.
func ProductOf(name string) (Product, bool) {
	for _, p := range Products {
		if p.Name == name {
			return p, true
		}
	}
	return Product{}, false
}

// reserve takes what was ordered out of the stock. At least once would be once too often: so
// the job completes in the very transaction that changes the stock. A worker may die anywhere
// in here, and the job may run again: the stock changes once.
func (s *Shop) reserve(ctx context.Context, in OrderRef) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		o, err := orderIn(ctx, tx, in.Order)
		if err != nil {
			return err
		}
		taken, err := tx.ExecContext(ctx, `UPDATE products SET stock = stock - $1 WHERE name = $2 AND stock >= $1`, o.Quantity, o.Product)
		if err != nil {
			return err
		}
		if n, err := taken.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return offload.Discard(fmt.Errorf("order %d: fewer than %d of %s in stock", o.ID, o.Quantity, o.Product))
		}
		if err := s.Trail.Write(ctx, tx, audit.Entry{Action: "order.reserve", Entity: entity(o.ID)}); err != nil {
			return err
		}
		return s.App.Tx(tx).Complete(ctx)
	})
}

// A querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// selectOrders begins each statement whose rows ordersIn reads.
const selectOrders = `SELECT id, placed, customer, email, product, quantity, cents, photo, deliver_by, payment, charge_job, charged, receipt FROM orders `

// order reads one order. One that is not there never will be.
func (s *Shop) order(ctx context.Context, id int64) (Order, error) { return orderIn(ctx, s.DB, id) }

func orderIn(ctx context.Context, from querier, id int64) (Order, error) {
	orders, err := ordersIn(ctx, from, selectOrders+`WHERE id = $1`, id)
	if err == nil && len(orders) == 0 {
		err = offload.Discard(fmt.Errorf("order %d: %w", id, errNoOrder))
	}
	if err != nil {
		return Order{}, err
	}
	return orders[0], nil
}

var errNoOrder = errors.New("there is no such order")

// All returns all orders, the oldest first.
func (s *Shop) All(ctx context.Context) ([]Order, error) {
	return ordersIn(ctx, s.DB, selectOrders+`ORDER BY id`)
}

func ordersIn(ctx context.Context, from querier, query string, args ...any) ([]Order, error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var orders []Order
	for rows.Next() {
		var o Order
		var placed, job string
		if err := rows.Scan(&o.ID, &placed, &o.Customer, &o.Email, &o.Product, &o.Quantity, &o.Cents, &o.Photo, &o.Deliver,
			&o.Payment, &job, &o.Charged, &o.Receipt); err != nil {
			return nil, err
		}
		if o.Placed, err = time.Parse(time.RFC3339Nano, placed); err != nil {
			return nil, fmt.Errorf("order %d: %w", o.ID, err)
		}
		if job != "" {
			if o.ChargeJob, err = offload.ParseID(job); err != nil {
				return nil, fmt.Errorf("order %d: %w", o.ID, err)
			}
		}
		orders = append(orders, o)
	}
	return orders, rows.Err()
}

// timeText is how times are kept.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// money writes cents as people do.
func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
