package madeup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store/memory"
)

// Hour makes up a shop with an hour behind it, in which its mail server was away for some minutes, and names that
// people would give: for pictures.
func Hour(ctx context.Context) (*Shop, error) {
	const minutes = 65
	clock := memory.New()
	clock.Advance(-minutes * time.Minute)
	h := &hour{}
	app, err := offload.New(ctx, clock, h.program(), offload.LogTo(slog.New(slog.DiscardHandler)), offload.Grace(0))
	if err != nil {
		return nil, err
	}
	s := &Shop{App: app, ran: make(chan error, 1)}
	for h.minute = range minutes {
		if err := h.pass(ctx, s); err != nil {
			return nil, errors.Join(err, app.Close())
		}
		clock.Advance(time.Minute)
	}
	s.run(ctx, hourQueues...)
	if err := h.now(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

var hourQueues = []string{"default", "mail", "media", "payments", "reports", "sync"}

// An hour is one that passes minute by minute.
type hour struct {
	minute int
	number int // of the last order
}

// away reports whether the mail server is.
func (h *hour) away() bool { return h.minute >= 22 && h.minute < 27 }

func (h *hour) program() offload.Part {
	return offload.Parts(
		offload.Workers("default", 4), offload.Workers("mail", 6), offload.Workers("media", 4), offload.Workers("payments", 2), offload.Workers("sync", 4), offload.Workers("reports", 1),
		mail.Handle(func(ctx context.Context, in Letter) error {
			if h.away() {
				return errors.New("dial tcp 10.2.0.25:587: connect: connection refused")
			}
			offload.Logger(ctx).InfoContext(ctx, "sent", "to", in.To)
			return take(ctx, 3, len(in.To)*len(in.Subject)%19)
		}),
		thumb.Handle(func(ctx context.Context, in Photo) error { return take(ctx, 12, len(in.File)*7%40) }),
		pay.Handle(func(ctx context.Context, in Payment) error {
			if in.Order%97 == 0 {
				return offload.Discard(fmt.Errorf("order %d: card was refused: insufficient funds", in.Order))
			}
			return take(ctx, 6, in.Order%9)
		}),
		fetch.Handle(func(ctx context.Context, in Account) error {
			if in.ID%23 == 0 {
				return fmt.Errorf("GET https://api.example.com/accounts/%d: 503 Service Unavailable", in.ID)
			}
			return take(ctx, 8, in.ID%30)
		}),
		export.Handle(exports),
		report.Handle(func(ctx context.Context, _ Report) error { return take(ctx, 30, 5) }),
		sum.Handle(func(context.Context, []int) (int, error) { return 0, nil }),
		offload.Schedule{Name: "nightly", Cron: "0 3 * * *", Zone: "Europe/Berlin", Call: report.Call(Report{Month: "2026-11"})},
		offload.Schedule{Name: "stock", Every: 10 * time.Minute, Call: sum.Call([]int{1})},
	)
}

// take takes some milliseconds.
func take(ctx context.Context, least, more int) error {
	select {
	case <-time.After(time.Duration(least+more) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass lets a minute pass: what is bought in it is worked.
func (h *hour) pass(ctx context.Context, s *Shop) error {
	orders := 9 + int(6*math.Sin(float64(h.minute)/9)) + h.minute*h.minute%5
	var calls []*offload.Call
	for range orders {
		h.number++
		n := 40_000 + h.number
		to := fmt.Sprintf("customer%d@example.com", n%700)
		calls = append(calls,
			pay.Call(Payment{Order: n, Cents: 500 + n%90*100, Card: "4111 1111 1111 1111"}, offload.Tag("order", fmt.Sprint(n))),
			mail.Call(Letter{To: to, Subject: fmt.Sprintf("Your order %d", n), Tenant: fmt.Sprint("tenant-", n%4)}, offload.Tag("order", fmt.Sprint(n))))
		if n%3 == 0 {
			calls = append(calls, thumb.Call(Photo{File: fmt.Sprintf("photo-%d.jpg", n), Width: 640}), fetch.Call(Account{ID: n}))
		}
	}
	if _, err := s.App.Enqueue(ctx, calls...); err != nil {
		return err
	}
	s.run(ctx, hourQueues...)
	err := s.idle(ctx)
	s.stop()
	return errors.Join(err, <-s.ran)
}

// now is what goes on at the end of it.
func (h *hour) now(ctx context.Context, s *Shop) error {
	first, second := report.Call(Report{Month: "2026-10"}, offload.Delay(2*time.Hour)), report.Call(Report{Month: "2026-11"})
	rows := offload.Batch(thumb.Call(Photo{File: "title.jpg", Width: 1200}), thumb.Call(Photo{File: "back.jpg", Width: 1200}), export.Call(Report{Month: "2026-11"}))
	letter := mail.Call(Letter{To: "board@example.com", Subject: "The month"}, offload.After(second, rows))
	if _, err := s.App.Enqueue(ctx, first, second.With(offload.After(first)), rows, letter, export.Call(Report{Month: "2026-10"})); err != nil {
		return err
	}
	ada := operate.As(s.App, "ada")
	return errors.Join(ada.PauseQueue(ctx, "reports"), ada.ResumeQueue(ctx, "reports"), s.settle(ctx, map[offload.State]int{offload.Running: 2, offload.Blocked: 2, offload.Scheduled: 1}))
}
