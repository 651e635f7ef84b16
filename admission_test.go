package offload_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/offloadhq/offload"
)

// database opens the database of an address as a program's own.
func database(t *testing.T, address string) *sql.DB {
	t.Helper()
	driver, source := "sqlite", "file:"+address+"?_pragma=busy_timeout(5000)&_txlock=immediate"
	if strings.HasPrefix(address, "postgres") {
		driver, source = "pgx", address
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// yield lets others run, so that what runs at once is seen to.
func yield() {
	for range 1000 {
		runtime.Gosched()
	}
}

// Two processes keep to one limit for each tenant, whatever comes when, and all jobs run.
func TestLimitsHoldAcrossProcesses(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		var atOnce [3]atomic.Int64
		perTenant := offload.Limit{Name: "crm", Max: 2, By: "tenant"}
		handle := func(_ context.Context, in crm) error {
			n := &atOnce[in.Doc]
			if n.Add(1) > 2 {
				t.Errorf("more than 2 jobs of tenant %d run at once", in.Doc)
			}
			yield()
			n.Add(-1)
			return nil
		}
		push := offload.NewTask("push", handle, perTenant, offload.Fair{By: "tenant"})
		pull := offload.NewTask("pull", handle, perTenant, offload.Queue("other"))
		one, other := open(t, address, push, pull), open(t, address, push, pull)
		var ids []offload.ID
		for round := range 20 {
			for tenant := range int64(len(atOnce)) {
				in := crm{Tenant: fmt.Sprint(tenant), Doc: tenant}
				ids = append(ids, enqueue(t, one, push, in), enqueue(t, other, pull, in))
			}
			if round == 10 {
				begun(t, one)
				begun(t, other)
			}
		}
		for _, id := range ids {
			wantEnd(t, one, id, offload.Completed)
		}
	})
}

// A rate is kept by the store's clock, between processes too.
func TestRatesHoldAcrossProcesses(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		const perSecond, burst = 50, 5
		pull := offload.NewTask("pull", nothing[int], offload.Limit{Name: "api", Max: perSecond, Per: time.Second, Burst: burst})
		one, other := open(t, address, pull), open(t, address, pull)
		jobs, err := pull.EnqueueMany(t.Context(), one, make([]int, 40))
		if err != nil {
			t.Fatal(err)
		}
		begun(t, one)
		begun(t, other)
		var started []time.Time
		for _, job := range jobs {
			started = append(started, wantEnd(t, one, job.ID, offload.Completed).StartedAt)
		}
		for _, from := range started {
			for _, to := range started {
				n, d := 0, to.Sub(from)
				for _, at := range started {
					if !at.Before(from) && !at.After(to) {
						n++
					}
				}
				if d >= 0 && n > burst+1+int(d*perSecond/time.Second) { // one more for what is rounded
					t.Fatalf("%d jobs started within %v", n, d)
				}
			}
		}
	})
}

// Of many that enqueue at once, one wins, and all know which.
func TestUniqueAcrossProcesses(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		push := offload.NewTask("push", nothing[crm], offload.Unique{By: "tenant"})
		apps := []*offload.App{open(t, address, push), open(t, address)} // the second does not know the task
		var won atomic.Int64
		var mu sync.Mutex
		ids := map[offload.ID]bool{}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				jobs, err := apps[i%2].Enqueue(t.Context(), offload.NewCall("push", []byte(`{"tenant":"acme"}`)))
				if err != nil {
					t.Error(err)
					return
				}
				if !jobs[0].Existing {
					won.Add(1)
				}
				mu.Lock()
				ids[jobs[0].ID] = true
				mu.Unlock()
			})
		}
		all.Wait()
		if won.Load() != 1 || len(ids) != 1 {
			t.Errorf("%d of 20 made a job, and %d jobs were answered; want one", won.Load(), len(ids))
		}

		_, err := push.Enqueue(t.Context(), apps[1], crm{Tenant: "acme"}, offload.Unique{By: "tenant", OnConflict: offload.ConflictFail})
		var conflict *offload.ConflictError
		if !errors.As(err, &conflict) || !ids[conflict.ID] {
			t.Errorf("error is %v; want a ConflictError that names the job", err)
		}
		replaced := enqueued(t, apps[1], push, crm{Tenant: "acme", Note: "new"}, true, offload.Unique{By: "tenant", OnConflict: offload.ConflictReplace})
		if !ids[replaced.ID] || !replaced.Replaced || !strings.Contains(string(replaced.Input), "new") {
			t.Errorf("replaced, the job is %+v", replaced)
		}
		begun(t, apps[0])
		wantEnd(t, apps[0], replaced.ID, offload.Completed)
		enqueued(t, apps[1], push, crm{Tenant: "acme"}, false)
	})
}

// A job that is stored by the caller's transaction is under its limits and unique keys, also
// where the app hears of them then.
func TestTermsWithinTheCallersTransaction(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		var atOnce atomic.Int64
		push := offload.NewTask("push", func(context.Context, crm) error {
			if atOnce.Add(1) > 1 {
				t.Error("two jobs run at once")
			}
			yield()
			atOnce.Add(-1)
			return nil
		}, offload.Limit{Name: "crm", Max: 1}, offload.Unique{By: "doc"})
		web, db := open(t, address), database(t, address)
		var ids []offload.ID
		for i := range int64(6) {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			job := enqueued(t, web.Tx(tx), push, crm{Doc: i + 1}, false)
			again := enqueued(t, web.Tx(tx), push, crm{Doc: i + 1}, true)
			if again.ID != job.ID {
				t.Errorf("within the transaction the key is %s's, then %s's", job.ID, again.ID)
			}
			end := tx.Commit
			if i%3 == 0 {
				end = tx.Rollback
			} else {
				ids = append(ids, job.ID)
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
		}
		ids = append(ids, enqueued(t, web, push, crm{Doc: 1}, false).ID)
		enqueued(t, web, push, crm{Doc: 2}, true)
		worker := open(t, address, push)
		begun(t, worker)
		for _, id := range ids {
			wantEnd(t, worker, id, offload.Completed)
		}
	})
}

// A tick is one job, however many processes take ticks, and each tells where it comes from.
func TestSchedulesAcrossProcesses(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		every := offload.Schedule{Name: "each-second", Cron: "* * * * * *", Call: report.Call("x"), Overlap: offload.OverlapAllow}
		app := open(t, address, report, every)
		begun(t, app)
		for range 3 {
			begun(t, open(t, address, report, every))
		}
		if err := app.SetSchedule(t.Context(), offload.Schedule{Name: "by-hand", Every: time.Second, Call: report.Call("y")}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"each-second", "by-hand"} {
			until(t, name+" has ticked three times", func() bool {
				jobs, err := app.Jobs(t.Context(), offload.Filter{Schedule: name})
				if err != nil {
					t.Fatal(err)
				}
				ticks := map[time.Time]bool{}
				for _, job := range jobs {
					if ticks[job.Tick.UTC()] || job.Tick.Nanosecond() != 0 || job.Schedule != name {
						t.Fatalf("job %s is the second of tick %v, or of none: %+v", job.ID, job.Tick, job)
					}
					ticks[job.Tick.UTC()] = true
				}
				return len(ticks) >= 3
			})
		}
		if err := app.RemoveSchedule(t.Context(), "by-hand"); err != nil {
			t.Fatal(err)
		}
		wantInputError(t, app.RemoveSchedule(t.Context(), "each-second"), "schedule")
	})
}

// Any program makes jobs by writing rows, as it does with its own tables.
func TestInboxOnEachStore(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		push := offload.NewTask("push", nothing[crm], offload.Limit{Name: "crm", Max: 5, By: "tenant"})
		app, db := open(t, address, push), database(t, address)
		table := "offload_inbox"
		if strings.HasPrefix(address, "postgres") {
			table = "offload.inbox"
		}
		begun(t, app)
		for _, statement := range []string{
			`insert into ` + table + ` (task, input) values ('push', '{"tenant":"acme"}')`,
			`insert into ` + table + ` (task, input, options) values ('push', '{"tenant":"acme"}', '{"tags":{"by":"sql"},"priority":1}')`,
			`insert into ` + table + ` (task, input) values ('push', 'no JSON')`,
		} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "two rows are jobs", func() bool {
			jobs, err := app.Jobs(t.Context(), offload.Filter{Limit: "crm", Key: "acme", States: []offload.State{offload.Completed}})
			return err == nil && len(jobs) == 2
		})
		until(t, "the third is refused", func() bool {
			refused, err := storeOf(t, app).InboxRows(t.Context(), true, 10)
			return err == nil && len(refused) == 1 && strings.Contains(refused[0].Error, "want JSON")
		})
	})
}

func TestExpireOnEachStore(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		push := offload.NewTask("push", nothing[crm], offload.Expire(time.Millisecond), offload.Queue("later"))
		app := open(t, address, push)
		id := enqueue(t, app, push, crm{})
		begun(t, app, "other") // what expires needs nobody who works its queue
		job := wantEnd(t, app, id, offload.Expired)
		if job.Attempt != 0 || job.Expire != time.Millisecond {
			t.Errorf("the expired job is %+v", job)
		}
		why, err := app.Why(t.Context(), id)
		if err != nil || why.Code != offload.WhyExpired {
			t.Errorf("why it does not run: %+v, %v", why, err)
		}
	})
}

func TestHandleManyOnEachStore(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		index := offload.DeclareFunc[int, int]("index")
		var calls atomic.Int64
		app := open(t, address, index.HandleMany(50, time.Hour, func(_ context.Context, in []int) (out []int, err error) {
			calls.Add(1)
			for _, n := range in {
				out = append(out, 2*n)
			}
			return out, nil
		}))
		in := make([]int, 200)
		for i := range in {
			in[i] = i
		}
		jobs, err := index.EnqueueMany(t.Context(), app, in)
		if err != nil {
			t.Fatal(err)
		}
		begun(t, app)
		for i, job := range jobs {
			if out, err := index.Wait(t.Context(), app, job.ID); err != nil || out != 2*i {
				t.Errorf("the result of job %d is %d, %v", i, out, err)
			}
		}
		if n := calls.Load(); n != 4 { // full ones wait for nobody
			t.Errorf("%d calls for 200 jobs, 50 at a time", n)
		}
	})
}
