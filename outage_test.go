package offload_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
)

// An outage takes a store away and brings it back.
type outage struct {
	address    string
	away, back func()
}

// onEachOutage runs a test on a store of each kind that it can take away.
func onEachOutage(t *testing.T, test func(t *testing.T, o outage)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, lockedFile(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := testpg.Start(t)
		test(t, outage{
			address: server.Database(t),
			away:    func() { server.Stop(t, syscall.SIGQUIT) },
			back:    func() { server.Start(t) },
		})
	})
}

// lockedFile is a file that another program holds for long.
func lockedFile(t *testing.T) outage {
	path := filepath.Join(t.TempDir(), "offload.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	exec := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
			t.Fatal(err)
		}
	}
	return outage{
		address: path,
		away: func() {
			exec("pragma busy_timeout = 5000")
			exec("begin immediate")
		},
		back: func() { exec("rollback") },
	}
}

// An impatient context ends as soon as somebody waits: between two tries.
type impatient struct {
	context.Context
	cancel context.CancelFunc
}

func (c impatient) Done() <-chan struct{} {
	c.cancel()
	return c.Context.Done()
}

// An enqueue that the store does not answer says that nothing is known, and the same call
// again makes one job of it.
func TestEnqueueInAnOutageCanBeRepeated(t *testing.T) {
	onEachOutage(t, func(t *testing.T, o outage) {
		app := open(t, o.address, noop)
		call := noop.Call(1)
		o.away()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := app.Enqueue(impatient{ctx, cancel}, call); !errors.Is(err, offload.ErrUnavailable) {
			t.Errorf("Enqueue without a store: %v; want ErrUnavailable", err)
		}
		o.back()
		for range 2 {
			if _, err := app.Enqueue(t.Context(), call); err != nil {
				t.Fatal(err)
			}
		}
		if jobs := wantJobs(t, app, offload.Filter{}, 1); jobs[0].ID != call.ID() {
			t.Errorf("stored %s; want %s", jobs[0].ID, call.ID())
		}
	})
}

// An outage ends neither Run nor a handler that it is shorter than, and what was enqueued
// meanwhile is stored when it is over.
func TestRunOutlastsAnOutage(t *testing.T) {
	onEachOutage(t, func(t *testing.T, o outage) {
		started, goOn := make(chan bool, 2), make(chan bool)
		long := offload.NewTask("long", func(ctx context.Context, _ int) error {
			started <- true
			select {
			case <-goOn:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		app := open(t, o.address, long, noop)
		begun(t, app)
		runs, waits := enqueue(t, app, long, 1), enqueue(t, app, noop, any(1), offload.Delay(100*time.Millisecond))
		<-started
		o.away()
		call := noop.Call(2)
		enqueued := make(chan error, 1)
		go func() {
			_, err := app.Enqueue(t.Context(), call)
			enqueued <- err
		}()
		close(goOn) // it ends while the store is away
		o.back()
		if err := <-enqueued; err != nil {
			t.Errorf("Enqueue in a short outage: %v", err)
		}
		for _, id := range []offload.ID{runs, waits, call.ID()} {
			if job := wantEnd(t, app, id, offload.Completed); job.Attempt != 1 || job.Failures != 0 {
				t.Errorf("job of %s took %d attempts, %d failures", job.Task, job.Attempt, job.Failures)
			}
		}
	})
}

// A stop returns although the store is away, and the jobs run elsewhere later.
func TestStopReturnsInAnOutage(t *testing.T) {
	onEachOutage(t, func(t *testing.T, o outage) {
		started := make(chan offload.ID, 1)
		long := offload.NewTask("long", func(ctx context.Context, in string) error {
			started <- offload.JobOf(ctx).ID
			<-ctx.Done()
			return ctx.Err()
		}, offload.Timeout(0))
		app := open(t, o.address, long, offload.Grace(0))
		stop := begun(t, app)
		id := enqueue(t, app, long, "stop")
		<-started
		o.away()
		stop()
		o.back()
		if err := app.Close(); err != nil {
			t.Error(err)
		}
		next := open(t, o.address, long)
		begun(t, next)
		if again := <-started; again != id {
			t.Errorf("job %s runs; want %s", again, id)
		}
		if job := read(t, next, id); job.Failures != 0 {
			t.Errorf("the stop counts as a failure: %+v", job)
		}
		if err := next.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, next, id, offload.Cancelled)
	})
}

// A database that does not answer when a program starts is ErrUnavailable, so that it can
// try again; Run waits for one that goes away before it has begun.
func TestRunWaitsForItsStore(t *testing.T) {
	onEachOutage(t, func(t *testing.T, o outage) {
		app := open(t, o.address, noop)
		id := enqueue(t, app, noop, any(1))
		o.away()
		begun(t, app)
		o.back()
		wantEnd(t, app, id, offload.Completed)
	})
}
