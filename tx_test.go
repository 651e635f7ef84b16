package offload_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/sqlite"
)

// embedded has a transaction inside, as the values of sqlx and bun do.
type embedded struct{ *sql.Tx }

// ownDatabase opens the program's own database and an app on it.
func ownDatabase(t *testing.T, parts ...offload.Part) (*sql.DB, *offload.App) {
	t.Helper()
	// As SQLite programs with more than one connection must: wait for the lock, and take it first.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db")+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.ExecContext(t.Context(), "create table stock (id integer primary key, n integer)"); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.New(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	app, err := offload.New(t.Context(), s, append(parts, quiet)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	return db, app
}

func begin(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	return tx
}

func wantJobs(t *testing.T, app *offload.App, f offload.Filter, want int) []*offload.Job {
	t.Helper()
	jobs, err := app.Jobs(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs) != want {
		t.Errorf("%d jobs of %+v; want %d", len(jobs), f, want)
	}
	return jobs
}

func TestJobsAreStoredWithTheCallersTransaction(t *testing.T) {
	db, app := ownDatabase(t, noop)

	rolledBack := begin(t, db)
	if _, err := noop.Enqueue(t.Context(), app.Tx(rolledBack), 1); err != nil {
		t.Fatal(err)
	}
	if err := rolledBack.Rollback(); err != nil {
		t.Fatal(err)
	}
	wantJobs(t, app, offload.Filter{}, 0)

	committed := begin(t, db)
	job, err := noop.Enqueue(t.Context(), app.Tx(embedded{committed}), 2, offload.Tag("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	if err := committed.Commit(); err != nil {
		t.Fatal(err)
	}
	if jobs := wantJobs(t, app, offload.Filter{}, 1); jobs[0].ID != job.ID || jobs[0].Tags["a"] != "b" {
		t.Errorf("stored %+v; want %+v", jobs[0], job)
	}

	cancelled := begin(t, db)
	if err := app.Tx(&embedded{cancelled}).Cancel(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if err := cancelled.Commit(); err != nil {
		t.Fatal(err)
	}
	wantJobs(t, app, offload.Filter{States: []offload.State{offload.Cancelled}}, 1)
}

func TestTxRefusesTheWholeDatabase(t *testing.T) {
	db, app := ownDatabase(t, noop)
	_, err := noop.Enqueue(t.Context(), app.Tx(db), 1)
	wantInputError(t, err, "Tx")
}

// A handler that completes its job in the transaction of its effect has that effect exactly
// once, whether it commits or rolls back first, and whatever it returns.
func TestCompleteMakesTheEffectHappenOnce(t *testing.T) {
	take := offload.Declare[int]("take", offload.Backoff(func(int, error) time.Duration { return 0 }))
	var db *sql.DB
	db, app := ownDatabase(t, take.Handle(func(ctx context.Context, id int) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, "insert into stock (id, n) values (?, 1) on conflict (id) do update set n = n + 1", id); err != nil {
			return err
		}
		if err := offload.AppOf(ctx).Tx(tx).Complete(ctx); err != nil {
			return err
		}
		if offload.JobOf(ctx).Failures == 0 {
			return errors.New("rolled back")
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		return errors.New("too late to fail")
	}))
	running(t, app)
	job, err := take.Enqueue(t.Context(), app, 7)
	if err != nil {
		t.Fatal(err)
	}

	ended := wantEnd(t, app, job.ID, offload.Completed)

	var n int
	if err := db.QueryRowContext(t.Context(), "select n from stock where id = 7").Scan(&n); err != nil || n != 1 {
		t.Errorf("the effect happened %d times, %v; want once", n, err)
	}
	if ended.Failures != 1 || ended.Attempt != 2 {
		t.Errorf("completed with %d failures in attempt %d; want 1 in attempt 2", ended.Failures, ended.Attempt)
	}
}

func TestFuncCompletesWithItsResult(t *testing.T) {
	count := offload.DeclareFunc[int, string]("count")
	var db *sql.DB
	db, app := ownDatabase(t, count.Handle(func(ctx context.Context, n int) (string, error) {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return "", err
		}
		defer tx.Rollback()
		if err := count.Complete(ctx, offload.AppOf(ctx).Tx(tx), "in the transaction"); err != nil {
			return "", err
		}
		return "after it", tx.Commit()
	}))
	running(t, app)
	job, err := count.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := count.Wait(t.Context(), app, job.ID); err != nil || got != "in the transaction" {
		t.Errorf("Wait = %q, %v", got, err)
	}
}

// A process whose job was given away cannot commit its effect.
func TestCompleteOfALostLeaseCannotCommit(t *testing.T) {
	errs := make(chan error, 2) // of the attempt whose lease is lost; closed at its end
	take := offload.Declare[int]("take")
	var db *sql.DB
	var s store.Store
	db, app := ownDatabase(t, take.Handle(func(ctx context.Context, id int) error {
		if offload.JobOf(ctx).Attempt > 1 {
			return nil
		}
		defer close(errs)
		ctx = context.WithoutCancel(ctx) // a handler that has not heard of it yet
		processes, err := s.Processes(ctx)
		if err != nil {
			return err
		}
		for _, p := range processes { // declared lost, as after a long stop of the process
			if _, err := s.Reap(ctx, []store.Beaten{{ID: p.ID, Count: -1}}); err != nil {
				return err
			}
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, "insert into stock (id, n) values (?, 1)", id); err != nil {
			return err
		}
		errs <- offload.AppOf(ctx).Tx(tx).Complete(ctx)
		errs <- tx.Commit()
		return nil
	}))
	s = storeOf(t, app)
	running(t, app)
	job, err := take.Enqueue(t.Context(), app, 7)
	if err != nil {
		t.Fatal(err)
	}
	wantEnd(t, app, job.ID, offload.Completed)
	if err := <-errs; !errors.Is(err, offload.ErrLeaseLost) {
		t.Errorf("Complete: %v; want ErrLeaseLost", err)
	}
	if err := <-errs; err == nil {
		t.Error("the transaction could commit")
	}
	var n int
	if err := db.QueryRowContext(t.Context(), "select count(*) from stock").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d effects, %v; want none", n, err)
	}
}

// running works the app's jobs until the test ends.
func running(t *testing.T, app *offload.App) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}
