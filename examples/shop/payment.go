package shop

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/audit"
	"github.com/offloadhq/offload/kit/notify"
)

// A Bill is what the payment service is asked for, and a Receipt what it answers.
type (
	Bill struct {
		Order int64 `json:"order"`
		Cents int64 `json:"cents"`
	}
	Receipt struct {
		Number string `json:"number"`
		Cents  int64  `json:"cents"`
	}
)

// errRefused is what the payment service will refuse again.
var errRefused = errors.New("payment refused")

// charge asks the payment service for the money, and keeps what it answers. How far it is
// stands in the order's row without a line here: see Track in Place.
func (s *Shop) charge(ctx context.Context, in OrderRef) error {
	o, err := s.order(ctx, in.Order)
	if err != nil {
		return err
	}
	offload.Progress(ctx, 1, 2, "asking the payment service")
	paid, err := s.askPayment(ctx, Bill{o.ID, o.Cents})
	if errors.Is(err, errRefused) {
		return offload.Discard(err)
	} else if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE orders SET charged = $1, receipt = $2 WHERE id = $3`, paid.Cents, paid.Number, o.ID)
		if err != nil {
			return err
		}
		entry := audit.Entry{Action: "order.charge", Entity: entity(o.ID), After: map[string]any{"charged": paid.Cents, "receipt": paid.Number}}
		if err := s.Trail.Write(ctx, tx, entry); err != nil {
			return err
		}
		inTx := s.App.Tx(tx)
		if _, err := notify.Notify.Enqueue(ctx, inTx, paidNotice(o, paid)); err != nil {
			return err
		}
		return inTx.Complete(ctx)
	})
}

// askPayment makes one call. The key lets the service know a call that it has answered
// already, though the answer was lost: nobody pays twice.
func (s *Shop) askPayment(ctx context.Context, b Bill) (Receipt, error) {
	body, err := json.Marshal(b)
	if err != nil {
		return Receipt{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Payment+"/charges", bytes.NewReader(body))
	if err != nil {
		return Receipt{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "order-"+strconv.FormatInt(b.Order, 10))
	response, err := s.web.Do(request)
	if err != nil {
		return Receipt{}, err
	}
	defer response.Body.Close()
	answer := io.LimitReader(response.Body, 64<<10)
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer) // what the service says about it, if it says anything
		err := fmt.Errorf("payment service: %s: %s", response.Status, bytes.TrimSpace(text))
		if response.StatusCode/100 == 4 && response.StatusCode != http.StatusTooManyRequests {
			err = fmt.Errorf("%w: %w", errRefused, err)
		}
		return Receipt{}, err
	}
	var r Receipt
	if err := json.NewDecoder(answer).Decode(&r); err != nil {
		return Receipt{}, fmt.Errorf("payment service: %w", err)
	}
	return r, nil
}
