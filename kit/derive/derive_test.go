package derive_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/derive"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if driver := os.Getenv("DERIVE_CHILD"); driver != "" {
		child(driver, os.Getenv("DERIVE_DSN"), os.Getenv("DERIVE_ADDRESS"))
		return
	}
	goleak.VerifyTestMain(m)
}

type placed struct {
	Order int `json:"order"`
	N     int `json:"n"`
}

func (e placed) Event() (name, entity string) { return "order.placed", fmt.Sprint("order/", e.Order) }

type paid struct {
	Order int `json:"order"`
}

func (e *paid) Event() (name, entity string) { return "order.paid", fmt.Sprint("order/", e.Order) }

// A shop is a database with events.
type shop struct {
	*testing.T
	driver, dsn, address string
	db                   *sql.DB
}

func onBoth(t *testing.T, f func(s *shop)) {
	t.Helper()
	open := func(t *testing.T, driver, dsn, address string) {
		db, err := sql.Open(driver, dsn)
		must(t, err)
		t.Cleanup(func() { db.Close() })
		s := &shop{t, driver, dsn, address, db}
		s.makeSeen()
		f(s)
	}
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "shop.db")
		open(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)", path)
	})
	t.Run("postgres", func(t *testing.T) {
		address := testpg.URL(t)
		open(t, "pgx", address, address)
	})
}

// makeSeen makes the table of what handlers have seen, in order.
func (s *shop) makeSeen() {
	s.Helper()
	key := map[string]string{"sqlite": "INTEGER PRIMARY KEY", "pgx": "bigserial PRIMARY KEY"}[s.driver]
	s.exec("CREATE TABLE seen (id " + key + ", handler text, entity text, n bigint, seq bigint)")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shop) exec(statement string, args ...any) {
	s.Helper()
	_, err := s.db.ExecContext(s.Context(), statement, args...)
	must(s, err)
}

func (s *shop) open(opts ...derive.Option) *derive.Events {
	s.Helper()
	e, err := derive.Open(s.Context(), s.db, opts...)
	must(s, err)
	return e
}

// run runs an app with the events, and ends it.
func (s *shop) run(e *derive.Events, f func(app *offload.App), parts ...offload.Part) {
	s.Helper()
	app, err := offload.Open(s.Context(), s.address, append(parts, e, offload.LogTo(slog.New(slog.DiscardHandler)), offload.Grace(0))...)
	must(s, err)
	ctx, stop := context.WithCancel(s.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := app.Run(ctx); err != nil {
			s.Error(err)
		}
	})
	defer func() {
		stop()
		running.Wait()
		must(s, app.Close())
	}()
	f(app)
}

// see is a handler that writes down what it sees.
func see(handler string, opts ...derive.HandlerOption) derive.Option {
	return derive.OnMany(handler, func(ctx context.Context, tx *sql.Tx, all []derive.Event[placed]) error {
		return note(ctx, tx, handler, all...)
	}, opts...)
}

func note(ctx context.Context, tx *sql.Tx, handler string, all ...derive.Event[placed]) error {
	for _, e := range all {
		_, entity := e.Value.Event()
		if _, err := tx.ExecContext(ctx, "INSERT INTO seen (handler, entity, n, seq) VALUES ($1, $2, $3, $4)", handler, entity, e.Value.N, e.Seq); err != nil {
			return err
		}
	}
	return nil
}

// saw is what a handler has seen of an entity, in the order in which it did.
func (s *shop) saw(handler, entity string) (all []int) {
	s.Helper()
	rows, err := s.db.QueryContext(s.Context(), "SELECT n FROM seen WHERE handler = $1 AND (entity = $2 OR $2 = '') ORDER BY id", handler, entity)
	must(s, err)
	defer rows.Close()
	for rows.Next() {
		var n int
		must(s, rows.Scan(&n))
		all = append(all, n)
	}
	must(s, rows.Err())
	return all
}

func (s *shop) until(what string, so func() bool) {
	s.Helper()
	deadline := time.After(3 * time.Minute)
	for !so() {
		select {
		case <-deadline:
			s.Fatalf("it never came that %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *shop) progress(e *derive.Events, handler string) derive.Progress {
	s.Helper()
	all, err := e.Handlers(s.Context())
	must(s, err)
	for _, p := range all {
		if p.Handler == handler {
			return p
		}
	}
	s.Fatalf("there is no handler %s among %+v", handler, all)
	return derive.Progress{}
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestEachHandlerSeesWhatWasCommittedOnceInOrder(t *testing.T) {
	onBoth(t, func(s *shop) {
		e := s.open(see("one"), see("two"), derive.On("three", func(ctx context.Context, tx *sql.Tx, e derive.Event[placed]) error {
			return note(ctx, tx, "three", e)
		}))
		ctx := s.Context()
		s.run(e, func(*offload.App) {
			var writing sync.WaitGroup
			for w := range 4 {
				writing.Go(func() {
					for n := range 200 {
						for _, commit := range []bool{n%5 != 0, true} { // each fifth is rolled back first
							tx, err := s.db.BeginTx(ctx, nil)
							if err == nil {
								err = e.Record(ctx, tx, placed{Order: w, N: n})
							}
							if err == nil && commit {
								err = tx.Commit()
							} else if err == nil {
								err = tx.Rollback()
							}
							if err != nil {
								s.Error(err)
								return
							}
							if commit {
								break
							}
						}
					}
				})
			}
			writing.Wait()
			for _, handler := range []string{"one", "two", "three"} {
				s.until(handler+" has seen all", func() bool { return len(s.saw(handler, "")) >= 800 })
				for w := range 4 {
					if got := s.saw(handler, fmt.Sprint("order/", w)); !slices.Equal(got, upTo(200)) {
						s.Errorf("%s saw of order %d %v", handler, w, got)
					}
				}
			}
		})
	})
}

func TestWithPgx(t *testing.T) {
	address := testpg.URL(t)
	db, err := sql.Open("pgx", address)
	must(t, err)
	defer db.Close()
	s := &shop{t, "pgx", address, address, db}
	s.makeSeen()
	e := s.open(see("one"))
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	// One that began first commits last: nobody passes it by.
	late, err := conn.Begin(t.Context())
	must(t, err)
	must(t, e.Record(t.Context(), late, placed{Order: 1, N: 1}))
	must(t, e.Record(t.Context(), db, placed{Order: 2, N: 2}))
	s.run(e, func(*offload.App) {
		s.until("the second is seen", func() bool { return len(s.saw("one", "")) == 1 })
		must(t, late.Commit(t.Context()))
		s.until("the first is seen", func() bool { return slices.Equal(s.saw("one", ""), []int{2, 1}) })
	})
}

func TestAFailureHoldsItsEntityAlone(t *testing.T) {
	onBoth(t, func(s *shop) {
		var broken atomic.Bool
		broken.Store(true)
		e := s.open(see("well"), derive.On("ill", func(ctx context.Context, tx *sql.Tx, e derive.Event[placed]) error {
			if err := note(ctx, tx, "ill", e); err != nil {
				return err
			}
			if broken.Load() && e.Value.Order == 3 && e.Value.N == 20 {
				if e.Value.N%2 == 0 {
					panic("it is 20")
				}
			}
			return nil
		}, derive.Retries(offload.MaxAttempts(2), offload.Backoff(func(int, error) time.Duration { return time.Millisecond }))))
		var facts []derive.Fact
		for n := range 100 {
			for order := range 6 {
				facts = append(facts, placed{order, n})
			}
		}
		must(s, e.Record(s.Context(), s.db, facts...))
		s.run(e, func(app *offload.App) {
			s.until("both have passed all", func() bool {
				return s.progress(e, "ill").Behind == 0 && s.progress(e, "well").Behind == 0
			})
			for order := range 6 {
				want := upTo(100)
				if order == 3 {
					want = upTo(20)
				}
				if got := s.saw("ill", fmt.Sprint("order/", order)); !slices.Equal(got, want) {
					s.Errorf("of order %d it saw %v", order, got)
				}
				if got := s.saw("well", fmt.Sprint("order/", order)); !slices.Equal(got, upTo(100)) {
					s.Errorf("of order %d the other saw %v", order, got)
				}
			}
			if p := s.progress(e, "ill"); p.Held != 1 {
				s.Errorf("it is %+v", p)
			}
			var job *offload.Job
			s.until("its job has failed for good", func() bool {
				jobs, err := app.Jobs(s.Context(), offload.Filter{Tasks: []string{"derive.ill"}})
				must(s, err)
				if len(jobs) == 1 {
					job = jobs[0]
				}
				return job != nil && job.State == offload.Discarded
			})
			if job.Tags["handler"] != "ill" || !strings.Contains(job.Error, "it is 20") || string(job.Input) != `{"entity":"order/3"}` {
				s.Errorf("the job is %+v", job)
			}
			must(s, e.Record(s.Context(), s.db, placed{3, 100}, placed{4, 100}))
			s.until("others go on", func() bool { return len(s.saw("ill", "order/4")) == 101 })
			broken.Store(false)
			must(s, app.Retry(s.Context(), job.ID))
			s.until("it is let go", func() bool { return s.progress(e, "ill").Held == 0 })
			if got := s.saw("ill", "order/3"); !slices.Equal(got, upTo(101)) {
				s.Errorf("mended, it saw %v", got)
			}
			must(s, e.Record(s.Context(), s.db, placed{3, 101}))
			s.until("it goes on", func() bool { return slices.Equal(s.saw("ill", "order/3"), upTo(102)) })
		})
	})
}

// A handler that passes over an error has a transaction on PostgreSQL that can't be committed. It is the event that fails then, not the handler as a whole.
func TestAnErrorThatIsPassedOver(t *testing.T) {
	onBoth(t, func(s *shop) {
		e := s.open(derive.On("careless", func(ctx context.Context, tx *sql.Tx, e derive.Event[placed]) error {
			if e.Value.Order == 2 {
				_, _ = tx.ExecContext(ctx, "INSERT INTO nowhere VALUES (1)")
				return nil
			}
			return note(ctx, tx, "careless", e)
		}, derive.Retries(offload.MaxAttempts(1))))
		must(s, e.Record(s.Context(), s.db, placed{1, 0}, placed{2, 0}, placed{3, 0}, placed{1, 1}))
		s.run(e, func(*offload.App) {
			s.until("the others are handled", func() bool { return slices.Equal(s.saw("careless", ""), []int{0, 0, 1}) })
			want := map[string]int64{"sqlite": 0, "pgx": 1}[s.driver]
			if p := s.progress(e, "careless"); p.Held != want {
				s.Errorf("it is %+v", p)
			}
		})
	})
}

// While a new version of a program is rolled out, the old one passes by none of the events that only the new one handles.
func TestAnOlderVersionWaits(t *testing.T) {
	onBoth(t, func(s *shop) {
		old := s.open(see("one"))
		fresh := s.open(see("one"), derive.On("one", func(ctx context.Context, tx *sql.Tx, e derive.Event[*paid]) error {
			return note(ctx, tx, "paid", derive.Event[placed]{Value: placed{e.Value.Order, e.Value.Order}})
		}), see("two"))
		s.run(old, func(*offload.App) {
			must(s, old.Record(s.Context(), s.db, &paid{1}, placed{1, 0}))
			s.run(fresh, func(*offload.App) {
				s.until("the new one has handled both", func() bool { return len(s.saw("paid", "")) == 1 && len(s.saw("one", "")) == 1 })
			})
			must(s, old.Record(s.Context(), s.db, &paid{2}, placed{2, 0}))
			s.until("it is late", func() bool { return s.progress(fresh, "one").Behind == 2 })
		})
		back := s.open(see("one")) // the program is taken back to what it was
		s.run(back, func(*offload.App) { s.until("it goes on", func() bool { return len(s.saw("one", "")) == 2 }) })
	})
}

// A handler of which a thousand entities are held waits, and goes on when fewer are.
func TestABrokenHandlerWaits(t *testing.T) {
	onBoth(t, func(s *shop) {
		e := s.open(derive.On("ill", func(ctx context.Context, tx *sql.Tx, e derive.Event[placed]) error {
			if e.Value.Order < 1000 {
				return errors.New("it is broken")
			}
			return note(ctx, tx, "ill", e)
		}, derive.Retries(offload.MaxAttempts(1))))
		var facts []derive.Fact
		for i := range 1100 {
			facts = append(facts, placed{i, i})
		}
		must(s, e.Record(s.Context(), s.db, facts...))
		if _, err := e.Unhandled(s.Context()); err != nil { // they have numbers then
			s.Fatal(err)
		}
		// As after a thousand failures, each with its job, of which a crash has kept all from being enqueued.
		tx, err := s.db.BeginTx(s.Context(), nil)
		must(s, err)
		for i := range 1000 {
			_, err := tx.ExecContext(s.Context(), "INSERT INTO offload_events_held (handler, entity, seq, job, since) VALUES ('ill', $1, $2, $3, '')",
				fmt.Sprint("order/", i), i+1, offload.NewID().String())
			must(s, err)
		}
		_, err = tx.ExecContext(s.Context(), "UPDATE offload_events_cursor SET seq = 1000 WHERE handler = 'ill'")
		must(s, err)
		must(s, tx.Commit())
		s.run(e, func(app *offload.App) {
			s.until("all jobs have failed", func() bool {
				jobs, err := app.Jobs(s.Context(), offload.Filter{States: []offload.State{offload.Discarded}, Max: 1000})
				must(s, err)
				return len(jobs) == 1000
			})
			if p := s.progress(e, "ill"); p.Behind != 100 || p.Held != 1000 {
				s.Errorf("it is %+v", p)
			}
			must(s, e.Skip(s.Context(), app, "ill", "order/7"))
			s.until("it has handled the others", func() bool { return len(s.saw("ill", "")) == 100 })
			if p := s.progress(e, "ill"); p.Behind != 0 || p.Held != 999 {
				s.Errorf("it is %+v", p)
			}
		})
	})
}

func TestSkip(t *testing.T) {
	onBoth(t, func(s *shop) {
		e := s.open(derive.On("ill", func(ctx context.Context, tx *sql.Tx, e derive.Event[placed]) error {
			if e.Value.N%2 == 1 {
				return offload.Discard(errors.New("it is odd"))
			}
			return note(ctx, tx, "ill", e)
		}))
		must(s, e.Record(s.Context(), s.db, placed{1, 0}, placed{1, 1}, placed{1, 2}, placed{1, 3}, placed{1, 4}))
		s.run(e, func(app *offload.App) {
			for _, want := range [][]int{{0}, {0, 2}} {
				s.until("the odd one holds it", func() bool {
					jobs, err := app.Jobs(s.Context(), offload.Filter{States: []offload.State{offload.Discarded}})
					must(s, err)
					return s.progress(e, "ill").Held == 1 && len(jobs) == len(want)
				})
				if got := s.saw("ill", ""); !slices.Equal(got, want) {
					s.Errorf("it saw %v, want %v", got, want)
				}
				page := e.Page(app)
				w := httptest.NewRecorder()
				page.ServeHTTP(w, httptest.NewRequestWithContext(s.Context(), http.MethodGet, "/", nil))
				for _, part := range []string{">ill<", "order/1", "Give up the event", `href="../../jobs/`} {
					if !strings.Contains(w.Body.String(), part) {
						s.Errorf("the page (%d) has no %s:\n%s", w.Code, part, w.Body)
					}
				}
				for form, code := range map[string]int{"skip=ill&entity=order/2": 404, "skip=x&entity=order/1": 409, "skip=ill&entity=order/1": 303} {
					r := httptest.NewRequestWithContext(s.Context(), http.MethodPost, "/", strings.NewReader(form))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					w = httptest.NewRecorder()
					if page.ServeHTTP(w, r); w.Code != code {
						s.Errorf("%s is %d: %s", form, w.Code, w.Body)
					}
				}
			}
			s.until("it is let go", func() bool { return s.progress(e, "ill").Held == 0 })
			if got := s.saw("ill", ""); !slices.Equal(got, []int{0, 2, 4}) {
				s.Errorf("it saw %v", got)
			}
			if err := e.Skip(s.Context(), app, "ill", "order/1"); !errors.Is(err, offload.ErrNotFound) {
				s.Errorf("what isn't held is skipped: %v", err)
			}
			if err := e.Skip(s.Context(), app, "other", "order/1"); err == nil {
				s.Error("a handler that isn't there skips")
			}
		})
	})
}

func TestANewHandlerCatchesUpAndAReplayGoesBack(t *testing.T) {
	onBoth(t, func(s *shop) {
		e := s.open(see("old"))
		must(s, e.Record(s.Context(), s.db, placed{1, 0}, placed{1, 1}))
		s.run(e, func(*offload.App) { s.until("old has seen two", func() bool { return len(s.saw("old", "")) == 2 }) })
		between := time.Now()
		must(s, e.Record(s.Context(), s.db, placed{1, 2}))
		e = s.open(see("old"), see("new"), see("now", derive.FromNow()))
		must(s, e.Record(s.Context(), s.db, placed{1, 3}))
		s.run(e, func(*offload.App) {
			s.until("all have seen the last", func() bool {
				return slices.Equal(s.saw("old", ""), upTo(4)) && slices.Equal(s.saw("new", ""), upTo(4)) && slices.Equal(s.saw("now", ""), []int{3})
			})
			must(s, e.Replay(s.Context(), "old", between))
			s.until("old has seen two again", func() bool { return slices.Equal(s.saw("old", ""), []int{0, 1, 2, 3, 2, 3}) })
			must(s, e.Replay(s.Context(), "now", time.Time{}))
			s.until("now has seen all", func() bool { return slices.Equal(s.saw("now", ""), []int{3, 0, 1, 2, 3}) })
			must(s, e.Replay(s.Context(), "new", time.Now().Add(time.Hour)))
			if p := s.progress(e, "new"); p.Behind != 0 || len(s.saw("new", "")) != 4 {
				s.Errorf("replayed from later than all, it is %+v", p)
			}
			for _, name := range []string{"none", " numbered", " counted"} {
				if err := e.Replay(s.Context(), name, between); !errors.Is(err, offload.ErrNotFound) {
					s.Errorf("replay of %q: %v", name, err)
				}
			}
		})
	})
}

func TestWhatNobodyHandlesIsNamedAndCounted(t *testing.T) {
	onBoth(t, func(s *shop) {
		e := s.open(see("one"))
		must(s, e.Record(s.Context(), s.db, placed{1, 0}, &paid{1}, &paid{2}))
		for range 2 {
			all, err := e.Unhandled(s.Context())
			must(s, err)
			if len(all) != 1 || all[0].Type != "order.paid" || all[0].Events != 2 || all[0].Last.IsZero() {
				s.Errorf("unhandled is %+v", all)
			}
		}
		e = s.open(see("one"), derive.On("one", func(ctx context.Context, tx *sql.Tx, e derive.Event[*paid]) error {
			return note(ctx, tx, "paid", derive.Event[placed]{Value: placed{e.Value.Order, e.Value.Order}})
		}))
		must(s, e.Record(s.Context(), s.db, &paid{3}))
		if all, err := e.Unhandled(s.Context()); err != nil || len(all) != 0 {
			s.Errorf("handled, it is %+v, %v", all, err)
		}
		s.run(e, func(*offload.App) {
			s.until("it has seen all", func() bool { return slices.Equal(s.saw("paid", ""), []int{1, 2, 3}) && len(s.saw("one", "")) == 1 })
		})
	})
}

func TestJobsOfAHandlerExistIfItsTransactionDoes(t *testing.T) {
	onBoth(t, func(s *shop) {
		var ran, failed atomic.Int64
		mail := offload.NewTask("mail", func(context.Context, int) error { ran.Add(1); return nil })
		e := s.open(derive.On("mails", func(ctx context.Context, tx *sql.Tx, e derive.Event[placed]) error {
			if _, err := mail.Enqueue(ctx, offload.AppOf(ctx).Tx(tx), e.Value.N); err != nil {
				return err
			}
			if e.Value.N == 7 && failed.Add(1) < 3 {
				return errors.New("not yet")
			}
			return nil
		}, derive.Retries(offload.Backoff(func(int, error) time.Duration { return time.Millisecond }))))
		for n := range 10 {
			must(s, e.Record(s.Context(), s.db, placed{n, n}))
		}
		s.run(e, func(app *offload.App) {
			s.until("all have run", func() bool {
				return ran.Load() >= 10 && s.progress(e, "mails").Held == 0 && s.progress(e, "mails").Behind == 0
			})
			jobs, err := app.Jobs(s.Context(), offload.Filter{Tasks: []string{"mail"}})
			must(s, err)
			if len(jobs) != 10 {
				s.Errorf("there are %d jobs", len(jobs))
			}
		}, mail)
	})
}

func TestFillOverwritesNobody(t *testing.T) {
	onBoth(t, func(s *shop) {
		s.exec("CREATE TABLE orders (id bigint PRIMARY KEY, vat text, weight bigint)")
		for i, vat := range []any{nil, "", "DE1", "mine", "old"} {
			s.exec("INSERT INTO orders VALUES ($1, $2, NULL)", i, vat)
		}
		asked, goOn := make(chan int), make(chan bool)
		e := s.open(
			derive.Fill("vat", "orders", "id", "vat", func(_ context.Context, e derive.Event[placed]) (derive.Filling, error) {
				if e.Value.Order == 0 {
					asked <- e.Value.Order
					<-goOn
				}
				f := derive.Filling{ID: e.Value.Order, Value: fmt.Sprint("filled ", e.Value.Order)}
				if e.Value.Order == 4 {
					f.Was = "old"
				}
				return f, nil
			}),
			derive.Fill("weight", "orders", "id", "weight", func(_ context.Context, e derive.Event[placed]) (derive.Filling, error) {
				if e.Value.Order == 1 {
					return derive.Filling{}, nil
				}
				return derive.Filling{ID: e.Value.Order, Value: 100 + e.Value.Order}, nil
			}))
		for i := range 5 {
			must(s, e.Record(s.Context(), s.db, placed{i, 0}))
		}
		s.run(e, func(app *offload.App) {
			<-asked
			s.exec("UPDATE orders SET vat = 'by hand' WHERE id = 0") // while the value is looked up
			close(goOn)
			s.until("all jobs are done", func() bool {
				jobs, err := app.Jobs(s.Context(), offload.Filter{States: []offload.State{offload.Completed}})
				must(s, err)
				return len(jobs) == 10
			})
			for i, want := range []string{"by hand", "filled 1", "DE1", "mine", "filled 4"} {
				var vat string
				var weight sql.NullInt64
				must(s, s.db.QueryRowContext(s.Context(), "SELECT vat, weight FROM orders WHERE id = $1", i).Scan(&vat, &weight))
				if vat != want || weight.Valid != (i != 1) || weight.Valid && weight.Int64 != int64(100+i) {
					s.Errorf("order %d has %q, %v; want %q", i, vat, weight, want)
				}
			}
		})
		for _, names := range [][3]string{{"orders; DROP", "id", "vat"}, {"orders", "a.b", "vat"}, {"orders", "id", `"`}} {
			_, err := derive.Open(s.Context(), s.db, derive.Fill("x", names[0], names[1], names[2], func(context.Context, derive.Event[placed]) (derive.Filling, error) {
				return derive.Filling{}, nil
			}))
			var wrong *offload.InputError
			if !errors.As(err, &wrong) {
				s.Errorf("%q: %v", names, err)
			}
		}
		for _, names := range [][3]string{{"invoices", "id", "vat"}, {"orders", "nr", "vat"}, {"orders", "id", "tax"}} {
			_, err := derive.Open(s.Context(), s.db, derive.Fill("x", names[0], names[1], names[2], func(context.Context, derive.Event[placed]) (derive.Filling, error) {
				return derive.Filling{}, nil
			}))
			if err == nil || !strings.Contains(err.Error(), "Fill x") || !strings.Contains(err.Error(), "in table "+names[0]) {
				s.Errorf("%q, which is not there: %v", names, err)
			}
		}
	})
}

// The jobs may be in another database than the events.
func TestJobsInAnotherDatabase(t *testing.T) {
	onBoth(t, func(s *shop) {
		s.address = filepath.Join(s.TempDir(), "jobs.db")
		s.exec("CREATE TABLE orders (id bigint PRIMARY KEY, vat text)")
		s.exec("INSERT INTO orders VALUES (1, NULL)")
		var failed atomic.Bool
		e := s.open(derive.On("once", func(ctx context.Context, tx *sql.Tx, e derive.Event[placed]) error {
			if err := note(ctx, tx, "once", e); err != nil {
				return err
			}
			if e.Value.N == 3 && offload.JobOf(ctx).Task == "" || e.Value.N == 3 && !failed.Swap(true) {
				return errors.New("not yet")
			}
			return nil
		}, derive.Retries(offload.Backoff(func(int, error) time.Duration { return time.Millisecond }))),
			derive.Fill("vat", "orders", "id", "vat", func(_ context.Context, e derive.Event[placed]) (derive.Filling, error) {
				return derive.Filling{ID: e.Value.Order, Value: fmt.Sprint("filled ", e.Value.N)}, nil
			}))
		for n := range 6 {
			must(s, e.Record(s.Context(), s.db, placed{1, n}))
		}
		s.run(e, func(app *offload.App) {
			s.until("all was handled, after two failures", func() bool { return slices.Equal(s.saw("once", ""), upTo(6)) })
			s.until("all was looked up", func() bool {
				jobs, err := app.Jobs(s.Context(), offload.Filter{Tasks: []string{"derive.fill.vat"}, States: []offload.State{offload.Completed}})
				must(s, err)
				return len(jobs) == 6
			})
			var vat string
			must(s, s.db.QueryRowContext(s.Context(), "SELECT vat FROM orders").Scan(&vat))
			if !strings.HasPrefix(vat, "filled ") {
				s.Errorf("it is %q", vat)
			}
		})
	})
}

// What a crash has kept from being enqueued is enqueued later.
func TestAHeldEntityWithoutItsJob(t *testing.T) {
	onBoth(t, func(s *shop) {
		e := s.open(see("one"))
		must(s, e.Record(s.Context(), s.db, placed{1, 0}, placed{1, 1}, placed{2, 0}))
		s.run(e, func(*offload.App) { s.until("all is handled", func() bool { return len(s.saw("one", "")) == 3 }) })
		s.exec("INSERT INTO offload_events_held (handler, entity, seq, job, since) VALUES ('one', 'order/1', 1, $1, '')", offload.NewID().String())
		s.run(e, func(*offload.App) { s.until("it was let go", func() bool { return s.progress(e, "one").Held == 0 }) })
		if got := s.saw("one", "order/1"); !slices.Equal(got, []int{0, 1, 0, 1}) {
			s.Errorf("it saw %v", got)
		}
	})
}

func TestEventsGoWhenAllHaveHandledThem(t *testing.T) {
	onBoth(t, func(s *shop) {
		count := func() (n int) {
			must(s, s.db.QueryRowContext(s.Context(), "SELECT count(*) FROM offload_events").Scan(&n))
			return n
		}
		e := s.open(see("one"), see("gone"))
		must(s, e.Record(s.Context(), s.db, placed{1, 0}, placed{1, 1}))
		s.run(e, func(*offload.App) {
			s.until("both have seen all", func() bool {
				return s.progress(e, "gone").Behind == 0 && s.progress(e, "one").Behind == 0 && s.progress(e, "one").Seq == 2
			})
		})
		e = s.open(see("one"), derive.Keep(time.Nanosecond))
		must(s, e.Record(s.Context(), s.db, placed{1, 2}))
		s.run(e, func(*offload.App) {
			s.until("one has seen all", func() bool { return len(s.saw("one", "")) == 3 })
		})
		if err := e.Forget(s.Context(), "one"); err == nil {
			s.Error("a handler that runs is forgotten")
		}
		if _, err := e.Unhandled(s.Context()); err != nil { // and counts
			s.Error(err)
		}
		s.run(e, func(*offload.App) { s.until("what is needed stays", func() bool { return count() == 1 }) })
		must(s, e.Forget(s.Context(), "gone"))
		s.run(e, func(*offload.App) { s.until("all have gone", func() bool { return count() == 0 }) })
		must(s, e.Record(s.Context(), s.db, placed{1, 3}))
		s.run(e, func(*offload.App) {
			s.until("it goes on", func() bool { return slices.Equal(s.saw("one", ""), upTo(4)) })
		})
	})
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	onBoth(t, func(s *shop) {
		e := s.open()
		var wrong *offload.InputError
		for _, f := range []derive.Fact{nil, (*paid)(nil), named{"", "a"}, named{"a b", "a"}, named{"a", ""}, named{"a", "a\x00"}, named{"a", strings.Repeat("a", 501)}, bad{}} {
			if err := e.Record(s.Context(), s.db, f); !errors.As(err, &wrong) {
				s.Errorf("%#v: %v", f, err)
			}
		}
		if err := e.Record(s.Context(), nil, placed{}); !errors.As(err, &wrong) || wrong.Field != "tx" {
			s.Error(err)
		}
		for name, o := range map[string]derive.Option{
			"no name": see(""), "a name with a space": see("a b"), "no function": derive.On[placed]("x", nil), "Keep": derive.Keep(-1),
			"a type with no name": derive.On("x", func(context.Context, *sql.Tx, derive.Event[named]) error { return nil }),
			"an interface":        derive.On("x", func(context.Context, *sql.Tx, derive.Event[derive.Fact]) error { return nil }),
		} {
			if _, err := derive.Open(s.Context(), s.db, o); !errors.As(err, &wrong) {
				s.Errorf("%s: %v", name, err)
			}
		}
		if _, err := derive.Open(s.Context(), s.db, see("x"), see("x")); !errors.As(err, &wrong) {
			s.Errorf("two of one name and type: %v", err)
		}
	})
}

type named struct{ name, entity string }

func (n named) Event() (name, entity string) { return n.name, n.entity }

type bad struct{ C chan int }

func (bad) Event() (name, entity string) { return "a", "b" }

// child is a process that handles events until it is killed.
func child(driver, dsn, address string) {
	ctx := context.Background()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		panic(err)
	}
	e, err := derive.Open(ctx, db, derive.On("one", func(ctx context.Context, tx *sql.Tx, e derive.Event[placed]) error {
		if e.Value.N%5 == 0 {
			fmt.Println("sees", e.Seq)
		}
		if e.Value.Order == 2 && e.Value.N == 50 && os.Getpid()%2 == 0 {
			return errors.New("some processes can't")
		}
		return note(ctx, tx, "one", e)
	}, derive.Retries(offload.Backoff(func(int, error) time.Duration { return 10 * time.Millisecond }))))
	if err != nil {
		panic(err)
	}
	app, err := offload.Open(ctx, address, e)
	if err != nil {
		panic(err)
	}
	fmt.Println(app.Run(ctx))
}

// Processes that work at once, and are killed at whatever line they are, have each event handled once, in order.
func TestKilledProcesses(t *testing.T) {
	onBoth(t, func(s *shop) {
		e := s.open(see("one", derive.Retries(offload.Backoff(func(int, error) time.Duration { return 10 * time.Millisecond }))))
		exe, err := os.Executable()
		must(s, err)
		const orders, each = 4, 400
		var writing sync.WaitGroup
		writing.Go(func() {
			for n := range each {
				for o := range orders {
					if err := e.Record(s.Context(), s.db, placed{o, n}); err != nil {
						s.Error(err)
					}
				}
			}
		})
		var killing sync.WaitGroup
		for k := range 2 {
			killing.Go(func() {
				for i := range 4 {
					cmd := exec.CommandContext(s.Context(), exe)
					cmd.Env = append(os.Environ(), "DERIVE_CHILD="+s.driver, "DERIVE_DSN="+s.dsn, "DERIVE_ADDRESS="+s.address)
					out, err := cmd.StdoutPipe()
					if err == nil {
						err = cmd.Start()
					}
					if err != nil {
						s.Error(err)
						return
					}
					lines := bufio.NewScanner(out)
					stop := time.AfterFunc(3*time.Second, func() { _ = cmd.Process.Kill() }) // the other may have the cursor all the time
					for n := 0; n < 10*(i+k+1) && lines.Scan(); n++ {
					}
					stop.Stop()
					_ = cmd.Process.Kill()
					_ = cmd.Wait()
				}
			})
		}
		killing.Wait()
		writing.Wait()
		s.run(e, func(*offload.App) {
			s.until("all is handled", func() bool {
				p := s.progress(e, "one")
				return p.Held == 0 && p.Behind == 0 && len(s.saw("one", "")) >= orders*each
			})
		})
		for o := range orders {
			if got := s.saw("one", fmt.Sprint("order/", o)); !slices.Equal(got, upTo(each)) {
				s.Errorf("of order %d it saw %v", o, got)
			}
		}
	})
}
