// Package madeup makes up a shop at work: jobs in each state, errors, limits, schedules, workflows, and names of any
// kind, for the dashboard's stories, screenshots and tests.
package madeup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/record"
	_ "github.com/offloadhq/offload/store/memory"
)

// A Shop is an app with made-up jobs, which works until it is closed.
type Shop struct {
	App  *offload.App
	stop context.CancelFunc
	ran  chan error
}

// Names that break what is not careful with them.
const (
	Script = `<script>document.title="broken"</script>`
	Right  = "طلب \u202eمرحبا"
	Emoji  = "🧾 Rechnung 🇨🇭"
)

// Long is a text of 10 kB without a place to break it.
var Long = string(bytes.Repeat([]byte("lang"), 2500))

// Open makes up a shop in the database at an address, an empty one, such as "memory:", and returns when each state has jobs.
func Open(ctx context.Context, address string, parts ...offload.Part) (*Shop, error) {
	app, err := offload.Open(ctx, address, append([]offload.Part{program(), offload.LogTo(slog.New(slog.DiscardHandler)), offload.Grace(0)}, parts...)...)
	if err != nil {
		return nil, err
	}
	s := &Shop{App: app, ran: make(chan error, 1)}
	s.run(ctx, "default", "mail", "media", "payments", "sync") // nobody works reports
	if err := s.fill(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// run works queues until stop.
func (s *Shop) run(ctx context.Context, queues ...string) {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() { s.ran <- s.App.Run(ctx, queues...) }()
}

// Close ends it.
func (s *Shop) Close() error {
	s.stop()
	return errors.Join(<-s.ran, s.App.Close())
}

// fill enqueues, and waits until what shall happen has.
func (s *Shop) fill(ctx context.Context) error {
	for _, enqueue := range []func(context.Context) error{s.letters, s.work, s.waiting, s.workflows, s.people} {
		if err := enqueue(ctx); err != nil {
			return err
		}
	}
	return s.settle(ctx, map[offload.State]int{
		offload.Completed: 48, offload.Running: 2, offload.Retryable: 5, offload.Discarded: 3, offload.Blocked: 2, offload.Scheduled: 3,
		offload.Available: 4, offload.Cancelled: 1, // some expire later
	})
}

// settle waits until there are as many jobs in each state.
func (s *Shop) settle(ctx context.Context, want map[offload.State]int) error {
	for state, n := range want {
		if err := s.until(ctx, fmt.Sprintf("fewer than %d jobs are %s", n, state), func(found int) bool { return found >= n }, state); err != nil {
			return err
		}
	}
	return nil
}

// idle waits until nothing runs, nor will at once.
func (s *Shop) idle(ctx context.Context) error {
	return s.until(ctx, "jobs go on", func(found int) bool { return found == 0 }, offload.Available, offload.Running, offload.Blocked)
}

// until waits until so many jobs are in one of some states as enough wants.
func (s *Shop) until(ctx context.Context, late string, enough func(found int) bool, states ...offload.State) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		jobs, err := s.App.Jobs(ctx, offload.Filter{States: states, Max: 1000})
		if err != nil {
			return err
		}
		if enough(len(jobs)) {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", late, ctx.Err())
		}
	}
}

// people do what operators do.
func (s *Shop) people(ctx context.Context) error {
	views := record.Of[map[string]string](s.App, "offload.view")
	for name, list := range map[string][2]string{"Payments that failed": {"/discarded", "task=pay"}, "Late " + Emoji + Script: {"/retries", "q=503"}} {
		if _, err := views.Put(ctx, name, map[string]string{"path": list[0], "query": list[1], "by": "ada"}); err != nil {
			return err
		}
	}
	ada, bob := operate.As(s.App, "ada"), operate.As(s.App, "bob "+Script)
	return errors.Join(
		ada.PauseQueue(ctx, "reports"),
		ada.SetLimit(ctx, "smtp", 3),
		bob.PauseTask(ctx, crawl.Name()),
		bob.PauseSchedule(ctx, "nightly"),
		ada.SetSchedule(ctx, offload.Schedule{Name: "by-hand", Cron: "30 2 * * SUN", Zone: "America/New_York", Call: report.Call(Report{Month: "2026-10"})}),
	)
}

// Errors waits until failures of an app are in so many groups, as they are soon after they were, and returns them.
func Errors(ctx context.Context, app *offload.App, least int) ([]operate.ErrorGroup, error) {
	for {
		groups, err := operate.As(app, "ada").Errors(ctx, operate.ErrorQuery{})
		if err != nil || len(groups) >= least {
			return groups, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
