package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/offloadhq/offload"
)

// A charge is what the payment service is asked for, and a receipt what it answers.
type (
	charge struct {
		Order int64 `json:"order"`
		Cents int64 `json:"cents"`
	}
	receipt struct {
		Number string `json:"number"`
		Cents  int64  `json:"cents"`
	}
)

// A payment is an order's status row.
type payment struct {
	Status string // queued, calling, retrying, done or failed
	Calls  int
	Cents  int64  // charged
	Note   string // the receipt, or what went wrong
}

// errRefused is what the payment service will refuse again.
var errRefused = errors.New("payment refused")

// charge asks the payment service for the money, and keeps the order's status row up to date.
func (s *Shop) charge(ctx context.Context, in OrderRef) error {
	o, err := orderOf(ctx, s.db, in.Order)
	if err != nil {
		return err
	}
	const calling = `UPDATE payments SET status = 'calling', calls = calls + 1 WHERE order_id = ?`
	if _, err := s.db.ExecContext(ctx, calling, o.ID); err != nil {
		return err
	}
	paid, err := s.askPayment(ctx, charge{o.ID, o.Cents})
	switch {
	case errors.Is(err, errRefused):
		if err := s.setPayment(ctx, o.ID, "failed", 0, err.Error()); err != nil {
			return err // so that it is tried again, and the customer gets to know
		}
		return offload.Discard(err)
	case err != nil:
		return errors.Join(err, s.setPayment(ctx, o.ID, "retrying", 0, err.Error()))
	}
	return s.setPayment(ctx, o.ID, "done", paid.Cents, paid.Number)
}

// setPayment writes how a call has gone into the order's status row.
func (s *Shop) setPayment(ctx context.Context, order int64, status string, cents int64, note string) error {
	const update = `UPDATE payments SET status = ?, cents = ?, note = ? WHERE order_id = ?`
	_, err := s.db.ExecContext(ctx, update, status, cents, note, order)
	return err
}

// askPayment makes one call. The key lets the service know a call that it has answered
// already, though the answer was lost: nobody pays twice.
func (s *Shop) askPayment(ctx context.Context, c charge) (receipt, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return receipt{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Payment+"/charges", bytes.NewReader(body))
	if err != nil {
		return receipt{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "order-"+strconv.FormatInt(c.Order, 10))
	response, err := s.web.Do(request)
	if err != nil {
		return receipt{}, err
	}
	defer response.Body.Close()
	answer := io.LimitReader(response.Body, 64<<10)
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer) // what the service says about it, if it says anything
		err := fmt.Errorf("payment service: %s: %s", response.Status, bytes.TrimSpace(text))
		if response.StatusCode/100 == 4 && response.StatusCode != http.StatusTooManyRequests {
			err = fmt.Errorf("%w: %w", errRefused, err)
		}
		return receipt{}, err
	}
	var r receipt
	if err := json.NewDecoder(answer).Decode(&r); err != nil {
		return receipt{}, fmt.Errorf("payment service: %w", err)
	}
	return r, nil
}

// paymentOf reads the status row of an order.
func (s *Shop) paymentOf(ctx context.Context, order int64) (p payment, err error) {
	const query = `SELECT status, calls, cents, note FROM payments WHERE order_id = ?`
	err = s.db.QueryRowContext(ctx, query, order).Scan(&p.Status, &p.Calls, &p.Cents, &p.Note)
	if err != nil {
		return payment{}, fmt.Errorf("payment of order %d: %w", order, err)
	}
	return p, nil
}
