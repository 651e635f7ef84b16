package offloadtest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/offloadtest"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// onRealStores runs a test on an empty database of each kind.
func onRealStores(t *testing.T, test func(t *testing.T, address string)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "offload.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, testpg.URL(t))
	})
}

func TestOpenDrainsAndAdvances(t *testing.T) {
	onRealStores(t, func(t *testing.T, address string) {
		ran := map[int64]int{}
		remind := offload.Declare[int]("remind")
		hourly := fmt.Sprintf("%d * * * *", time.Now().Add(30*time.Minute).Minute()) // the next tick is far, whatever time it is
		app := offloadtest.Open(t, address,
			confirm.Handle(func(ctx context.Context, o order) error {
				ran[o.ID]++
				offload.Logger(ctx).Info("confirming", "order", o.ID)
				offload.Progress(ctx, 1, 2, "")
				return nil
			}),
			offloadtest.FailAttempt(confirm, 1, errMailbox),
			remind, offload.Schedule{Name: "hourly", Cron: hourly, Call: remind.Call(1), Overlap: offload.OverlapAllow},
			offload.LogTo(slog.New(slog.DiscardHandler)),
		)
		begun := app.Now()
		job, err := confirm.Enqueue(t.Context(), app, order{ID: 7}, offload.Delay(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		far, err := confirm.Enqueue(t.Context(), app, order{ID: 8}, offload.Delay(100*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if got := app.Drain(); got != (offloadtest.Count{}) {
			t.Errorf("before its time: %+v", got)
		}
		offloadtest.WantEnqueued(t, app, confirm, order{ID: 7})
		app.Advance(30 * time.Minute)
		app.Advance(30 * time.Minute)
		if got := app.Drain(); got.Retried != 1 {
			t.Errorf("at its time: %+v", got)
		}
		app.Advance(time.Minute)
		if got := app.Drain(); got.Completed != 1 || ran[7] != 1 {
			t.Errorf("at its retry: %+v, ran %v", got, ran)
		}
		offloadtest.WantLogged(t, app, job.ID, "confirming", "order", 7)
		offloadtest.WantProgress(t, app, job.ID, 1, 2)

		app.Advance(3 * time.Hour)
		jobs, err := app.Jobs(t.Context(), offload.Filter{Schedule: "hourly"})
		if err != nil || len(jobs) != 4 {
			t.Errorf("%d ticks in 4 hours, %v", len(jobs), err)
		}
		if moved := app.Now().Sub(begun); moved < 4*time.Hour || moved > 5*time.Hour {
			t.Errorf("the clock was moved by %v", moved)
		}
		if job, err := app.Job(t.Context(), far.ID); err != nil || job.State != offload.Scheduled {
			t.Errorf("the job in 100 hours is %+v, %v", job, err)
		}
	})
}

func TestTwiceOnRealStores(t *testing.T) {
	onRealStores(t, func(t *testing.T, address string) {
		right, wrong := map[int64]bool{}, 0
		count := offload.NewTask("count", func(context.Context, int) error { wrong++; return nil })
		app := offloadtest.Open(t, address, count, confirm.Handle(func(ctx context.Context, o order) error { right[o.ID] = true; return nil }))
		offloadtest.Twice(t, app, confirm.Call(order{ID: 7}), func() any { return right })
		fake := &recorder{TB: t}
		if offloadtest.Twice(fake, app, count.Call(1), func() any { return wrong }); len(fake.failures) != 1 || wrong != 2 {
			t.Errorf("%q, counted %d", fake.failures, wrong)
		}
	})
}

func TestTwiceOfAJobThatCompletesItself(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "offload.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA busy_timeout = 5000; CREATE TABLE booking (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	app := offloadtest.Open(t, path, confirm.Handle(func(ctx context.Context, o order) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.Exec("INSERT INTO booking VALUES (?)", o.ID)
		return errors.Join(err, offload.AppOf(ctx).Tx(tx).Complete(ctx), tx.Commit())
	}))
	offloadtest.Twice(t, app, confirm.Call(order{ID: 7}), func() any {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM booking").Scan(&n); err != nil {
			t.Error(err)
		}
		if n != 1 {
			t.Errorf("%d bookings", n)
		}
		return n
	})
}

func TestInlineOnRealStores(t *testing.T) {
	onRealStores(t, func(t *testing.T, address string) {
		app := offloadtest.Open(t, address, offloadtest.Inline(), confirm.Handle(func(context.Context, order) error { return errMailbox }))
		if _, err := confirm.Enqueue(t.Context(), app, order{ID: 7}); !errors.Is(err, errMailbox) {
			t.Errorf("Enqueue = %v", err)
		}
		defer func() {
			if said, _ := recover().(string); !strings.Contains(said, "in memory") {
				t.Errorf("Begin: %v", said)
			}
		}()
		app.Begin()
	})
}

func TestOpenFailsTheTest(t *testing.T) {
	t.Parallel()
	fake := &recorder{TB: t}
	offloadtest.Open(fake, filepath.Join(t.TempDir(), "none", "offload.db"))
	if len(fake.failures) != 1 || !strings.Contains(fake.failures[0], "open sqlite") {
		t.Errorf("%q", fake.failures)
	}
}
