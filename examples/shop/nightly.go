package shop

import (
	"context"
	"database/sql"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
)

// A Day is the input of a report: "2026-11-27". The nightly one has none, and means the day
// before.
type Day struct {
	Day string `json:"day,omitempty"`
}

// Validate refuses what is no day.
func (d Day) Validate() error {
	if _, err := time.Parse(time.DateOnly, d.Day); d.Day != "" && err != nil {
		return &offload.InputError{Field: "day", Got: d.Day, Want: `a day such as "2026-11-27"`}
	}
	return nil
}

// nightly makes the report of each day, at three in the night.
var nightly = offload.Schedule{Name: "nightly-report", Cron: "0 3 * * *", Call: Report.Call(Day{})}

// A sale is what was sold of a product on a day.
type sale struct {
	name             string
	orders, quantity int64
	cents            int64
}

// report writes down what was sold on a day and mails it to the owner: the mail is on its way
// exactly once, and with the row.
func (s *Shop) report(ctx context.Context, in Day) error {
	if in.Day == "" {
		in.Day = dayBefore(offload.JobOf(ctx))
	}
	sales, err := s.sales(ctx, in.Day)
	if err != nil {
		return err
	}
	var orders, cents int64
	lines := []map[string]any{}
	for _, p := range sales {
		orders, cents = orders+p.orders, cents+p.cents
		lines = append(lines, map[string]any{"name": p.name, "quantity": p.quantity, "total": money(p.cents)})
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		const keep = `INSERT INTO reports (day, orders, cents) VALUES ($1, $2, $3)
			ON CONFLICT (day) DO UPDATE SET orders = excluded.orders, cents = excluded.cents`
		if _, err := tx.ExecContext(ctx, keep, in.Day, orders, cents); err != nil {
			return err
		}
		inTx := s.App.Tx(tx)
		_, err := mail.Send.Enqueue(ctx, inTx, mail.Message{
			To: []string{OwnerAddress}, Template: "report",
			Data: mail.Fill(map[string]any{"day": in.Day, "orders": orders, "total": money(cents), "products": lines}),
		})
		if err != nil {
			return err
		}
		return inTx.Complete(ctx)
	})
}

// dayBefore is the day before the one on which a job was due.
func dayBefore(job *offload.Job) string {
	due := job.Tick
	if due.IsZero() { // enqueued by a person
		due = job.CreatedAt
	}
	return due.UTC().AddDate(0, 0, -1).Format(time.DateOnly)
}

func (s *Shop) sales(ctx context.Context, day string) ([]sale, error) {
	rows, err := s.DB.QueryContext(ctx, `SELECT product, count(*), sum(quantity), sum(cents) FROM orders
		WHERE placed >= $1 AND placed < $2 GROUP BY product ORDER BY product`, day, day+"U") // "U" is behind the "T" of times
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sales []sale
	for rows.Next() {
		var p sale
		if err := rows.Scan(&p.name, &p.orders, &p.quantity, &p.cents); err != nil {
			return nil, err
		}
		sales = append(sales, p)
	}
	return sales, rows.Err()
}
