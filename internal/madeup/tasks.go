package madeup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
)

// Inputs of the tasks.
type (
	Letter struct {
		To      string `json:"to"`
		Subject string `json:"subject"`
		Tenant  string `json:"tenant"`
	}
	Photo struct {
		File  string `json:"file"`
		Width int    `json:"width"`
	}
	Payment struct {
		Order int    `json:"order"`
		Cents int    `json:"cents"`
		Card  string `json:"card" offload:"secret"`
	}
	Account struct {
		ID   int       `json:"id"`
		From time.Time `json:"from"`
		Deep struct {
			Names []string `json:"names"`
			Dry   bool     `json:"dry"`
		} `json:"deep"`
	}
	Report struct {
		Month string `json:"month"`
		CC    []string
	}
	Health struct {
		Patient string `json:"patient"`
	}
)

var (
	mail    = offload.Declare[Letter]("mail", offload.Queue("mail"), offload.Limit{Name: "smtp", Max: 2}, offload.Limit{Name: "tenant-mails", Max: 60, Per: time.Minute, By: "tenant"})
	thumb   = offload.Declare[Photo]("thumbnail", offload.Queue("media"))
	pay     = offload.Declare[Payment]("pay", offload.Queue("payments"), offload.MaxAttempts(1), offload.Unique{By: "order"})
	fetch   = offload.Declare[Account]("sync-account", offload.Queue("sync"), offload.MaxAttempts(5), offload.Backoff(func(n int, _ error) time.Duration { return time.Duration(n) * 40 * time.Minute }))
	export  = offload.Declare[Report]("export", offload.Queue("media"))
	report  = offload.Declare[Report]("report", offload.Queue("reports"))
	health  = offload.Declare[Health]("health-record", offload.Encrypt())
	strange = offload.Declare[map[string]any]("strange")
	crawl   = offload.Declare[string]("crawl", offload.Queue("sync"), offload.Dangerous())
	sum     = offload.DeclareFunc[[]int, int]("sum")
)

// program is the tasks with what they do, and what else the shop's program declares.
func program() offload.Part {
	return offload.Parts(
		offload.Keys{Current: "k1", ByID: map[string][]byte{"k1": bytes.Repeat([]byte("key of a shop "), 3)[:32]}},
		offload.Workers("default", 4), offload.Workers("mail", 5), offload.Workers("media", 3), offload.Workers("payments", 2), offload.Workers("sync", 2),
		mail.Handle(func(ctx context.Context, in Letter) error {
			offload.Logger(ctx).InfoContext(ctx, "sent", "to", in.To, "took", 12*time.Millisecond)
			return nil
		}),
		thumb.Handle(func(ctx context.Context, in Photo) error {
			if in.Width == 0 {
				return fmt.Errorf("resize %s: %w", in.File, errors.New("width is 0, a number above 0 was expected"))
			}
			return nil
		}),
		pay.Handle(charge),
		fetch.Handle(func(_ context.Context, in Account) error {
			return fmt.Errorf("GET https://api.example.com/accounts/%d: 503 Service Unavailable after 2.1%d s", in.ID, in.ID)
		}),
		export.Handle(exports),
		health.Handle(func(context.Context, Health) error { return nil }),
		strange.Handle(func(_ context.Context, in map[string]any) error {
			if text, ok := in["fail"].(string); ok {
				return errors.New(text)
			}
			return nil
		}),
		report.Handle(func(context.Context, Report) error { return nil }),
		crawl.Handle(func(context.Context, string) error { return nil }),
		sum.Handle(func(_ context.Context, in []int) (n int, err error) {
			for _, v := range in {
				n += v
			}
			return n, nil
		}),
		offload.Schedule{Name: "nightly", Cron: "0 3 * * *", Zone: "Europe/Berlin", Call: report.Call(Report{Month: "2026-11"})},
		offload.Schedule{Name: "heartbeat", Every: 10 * time.Second, Call: sum.Call([]int{1, 2, 3})},
		offload.Schedule{Name: "first-monday", Cron: "0 9 * * MON#1", Zone: "Europe/Berlin", Call: mail.Call(Letter{To: "all@example.com", Subject: "News"})},
	)
}

// charge takes a payment, or panics over it.
func charge(_ context.Context, in Payment) error {
	if in.Order%2 == 0 {
		var card *struct{ Number string }
		_ = card.Number
	}
	return offload.Discard(fmt.Errorf("order %d: card was refused: insufficient funds", in.Order))
}

// exports goes on for as long as the shop is open.
func exports(ctx context.Context, in Report) error {
	log := offload.Logger(ctx)
	log.InfoContext(ctx, "exporting", "month", in.Month)
	for done := 120; ; done = min(done+1, 480) {
		offload.Progress(ctx, done, 480, "orders of "+in.Month)
		if done%100 == 0 {
			log.WarnContext(ctx, "an order has no address", "order", 40_000+done, "html", Script)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
