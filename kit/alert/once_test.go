package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/alert"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

// A shaky store fails, or waits, where the test says.
type shaky struct {
	store.Store
	at func(what string) (lose bool, err error) // lose: it is done, and the answer is lost
}

func (s *shaky) do(what string, f func() error) error {
	lose, err := s.at(what)
	if err != nil && !lose {
		return err
	}
	return errors.Join(f(), err)
}

func (s *shaky) PutDocument(ctx context.Context, d store.Document, want int64, keep time.Duration) (put store.Document, err error) {
	err = s.do("put "+d.Kind, func() (err error) {
		put, err = s.Store.PutDocument(ctx, d, want, keep)
		return err
	})
	return put, err
}

func (s *shaky) Insert(ctx context.Context, jobs []store.NewJob) (inserted []store.Inserted, err error) {
	err = s.do("insert", func() (err error) {
		inserted, err = s.Store.Insert(ctx, jobs)
		return err
	})
	return inserted, err
}

// A teller is a channel that keeps what it is told.
type teller struct {
	mu   sync.Mutex
	keys []string
}

func (t *teller) tell(_ context.Context, n alert.Notice) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys = append(t.keys, n.Key())
	return nil
}

func (t *teller) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.keys)
}

func newKit(t *testing.T, opts ...alert.Option) *alert.Kit {
	t.Helper()
	kit, err := alert.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return kit
}

func openOn(t *testing.T, s store.Store, parts ...offload.Part) *offload.App {
	t.Helper()
	app, err := offload.New(t.Context(), s, append(parts, offload.LogTo(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func drain(t *testing.T, app *offload.App) {
	t.Helper()
	if _, err := inside.Drain(t.Context(), app); err != nil {
		t.Fatal(err)
	}
}

// Whatever write fails, or is done and not answered: after it has gone well again, each is told once.
func TestNoFailureLosesOrDoubles(t *testing.T) {
	errDown := errors.New("the database is down")
	for _, lose := range []bool{false, true} {
		for n := 0; ; n++ {
			writes, reached := 0, false
			looking := false
			s := &shaky{Store: memory.New(memory.At(time.Now())), at: func(string) (bool, error) {
				if !looking {
					return false, nil
				}
				writes++
				if writes-1 == n {
					reached = true
					return lose, errDown
				}
				return false, nil
			}}
			var told teller
			kit := newKit(t, alert.Func("a", told.tell), alert.Func("b", told.tell),
				alert.Rule{Name: "r", When: alert.Discarding, Task: "sometimes", Within: time.Minute, For: time.Second, To: []string{"a", "b"}})
			app := openOn(t, s, handled(), kit)
			look := func() {
				looking = true
				_ = kit.For(app).Look(t.Context()) // fails once
				looking = false
				s.Store.(*memory.Store).Advance(10 * time.Second)
				drain(t, app)
			}
			if _, err := sometimes.Enqueue(t.Context(), app, false); err != nil {
				t.Fatal(err)
			}
			drain(t, app)
			for range 4 {
				look()
			}
			for range 20 {
				look()
			}
			keys := told.all()
			slices.Sort(keys)
			if len(keys) != 4 || len(slices.Compact(keys)) != 2 {
				t.Errorf("write %d failed, done %v: told %q; want a notice and an all-clear to two channels", n, lose, told.all())
			}
			open, ended, err := kit.For(app).Incidents(t.Context())
			if err != nil || len(open) != 0 || len(ended) != 1 {
				t.Errorf("write %d failed, done %v: %+v, %+v, %v; want one that has ended", n, lose, open, ended, err)
			}
			app.Close()
			if !reached {
				break
			}
		}
	}
}

// A watcher that stood still while another watched writes nothing over what that has seen.
func TestSlowWatcherIsTooLate(t *testing.T) {
	base := memory.New(memory.At(time.Now()))
	var told teller
	opts := []alert.Option{
		alert.Func("a", told.tell),
		alert.Rule{Name: "r", When: alert.Discarding, Task: "sometimes", Within: time.Minute, To: []string{"a"}},
	}
	quick, slow := newKit(t, opts...), newKit(t, opts...)
	app := openOn(t, base, handled(), quick)
	stands, goOn := make(chan bool), make(chan bool)
	var once sync.Once
	other := openOn(t, &shaky{Store: base, at: func(what string) (bool, error) {
		if what == "put alert.open" {
			once.Do(func() { stands <- true; <-goOn })
		}
		return false, nil
	}}, slow)
	if _, err := sometimes.Enqueue(t.Context(), app, false); err != nil {
		t.Fatal(err)
	}
	drain(t, app)
	var late sync.WaitGroup
	late.Go(func() {
		if err := slow.For(other).Look(context.Background()); err != nil {
			t.Error(err)
		}
	})
	<-stands
	for range 3 {
		if err := quick.For(app).Look(t.Context()); err != nil {
			t.Error(err)
		}
		drain(t, app)
	}
	close(goOn)
	late.Wait()
	drain(t, app)
	if keys := told.all(); len(keys) != 1 {
		t.Errorf("told %q; want it once", keys)
	}
	other.Close()
	app.Close()
}

// onStores runs a test on an empty store of each kind, which open opens as often as there shall be processes.
func onStores(t *testing.T, test func(t *testing.T, open func(parts ...offload.Part) *offload.App)) {
	opener := func(t *testing.T, address string) func(parts ...offload.Part) *offload.App {
		return func(parts ...offload.Part) *offload.App {
			app, err := offload.Open(t.Context(), address, append(parts, offload.LogTo(slog.New(slog.DiscardHandler)))...)
			if err != nil {
				t.Fatal(err)
			}
			return app
		}
	}
	t.Run("memory", func(t *testing.T) {
		s := memory.New()
		test(t, func(parts ...offload.Part) *offload.App { return openOn(t, s, parts...) })
	})
	t.Run("sqlite", func(t *testing.T) { test(t, opener(t, filepath.Join(t.TempDir(), "offload.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, opener(t, testpg.URL(t))) })
}

func TestManyLookAtOnceAndOneTells(t *testing.T) {
	onStores(t, func(t *testing.T, open func(parts ...offload.Part) *offload.App) {
		var told teller
		var kits []*alert.Kit
		var apps []*offload.App
		for range 4 {
			kit := newKit(t, alert.Func("a", told.tell), alert.Func("b", told.tell),
				alert.Rule{Name: "r", When: alert.Discarding, Task: "sometimes", To: []string{"a", "b"}},
				alert.Rule{Name: "all", When: alert.Discarding, To: []string{"a"}},
				alert.Rule{Name: "waiting", When: alert.Waiting, Over: time.Nanosecond, Clear: time.Nanosecond, To: []string{"b"}},
				alert.Rule{Name: "unworked", When: alert.Unworked, Clear: time.Hour, To: []string{"b"}},
				alert.Rule{Name: "failing", When: alert.Failing, Task: "sometimes", Percent: 1, Least: 1, To: []string{"b"}},
				alert.Rule{Name: "news", When: alert.NewError, To: []string{"b"}},
				alert.Rule{Name: "missing", When: alert.Missing, To: []string{"b"}},
				alert.Rule{Name: "lost", When: alert.Lost, To: []string{"b"}})
			kits, apps = append(kits, kit), append(apps, open(handled(), unable, kit))
		}
		if _, err := sometimes.Enqueue(t.Context(), apps[0], false); err != nil {
			t.Fatal(err)
		}
		drain(t, apps[0])
		s, err := inside.Store(apps[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.GroupErrors(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		wait, err := unable.Enqueue(t.Context(), apps[0], 1)
		if err != nil {
			t.Fatal(err)
		}
		look := func() {
			for range 5 {
				var all sync.WaitGroup
				for i, kit := range kits {
					all.Go(func() {
						if err := kit.For(apps[i]).Look(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
			}
		}
		look()
		if err := apps[0].Cancel(t.Context(), wait.ID); err != nil {
			t.Fatal(err)
		}
		look()
		for range 3 {
			drain(t, apps[0])
		}
		if keys := told.all(); len(keys) != 8 {
			t.Errorf("%d notices: %q; want 7, and the all-clear of what waited", len(keys), keys)
		}
		for _, app := range apps {
			if err := app.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// Two processes keep the watch: one of them looks, and when it ends the other goes on.
func TestWatchIsHandedOn(t *testing.T) {
	onStores(t, func(t *testing.T, open func(parts ...offload.Part) *offload.App) {
		came := make(chan string, 100)
		beats := make(chan bool, 100)
		heart := openDesk(t, nil)
		heart.say(func(_ http.ResponseWriter, r *http.Request) { beats <- r.Method == "GET" })
		run := func() (app *offload.App, kit *alert.Kit, stop func()) {
			kit = newKit(t, alert.Every(time.Second), alert.Heartbeat(heart.URL+"/ping"),
				alert.Func("me", func(_ context.Context, n alert.Notice) error {
					came <- fmt.Sprint(n.Do, ": ", n.Title)
					return nil
				}),
				alert.Rule{Name: "r", When: alert.Waiting, Queue: "idle", Over: time.Millisecond, Clear: time.Millisecond, To: []string{"me"}})
			app = open(unable, kit)
			ctx, cancel := context.WithCancel(context.Background())
			var running sync.WaitGroup
			running.Go(func() {
				if err := app.Run(ctx, alert.Queue); err != nil { // it is there for alerts alone
					t.Error(err)
				}
			})
			return app, kit, func() {
				cancel()
				running.Wait()
				if err := app.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		app, _, stopFirst := run()
		if !<-beats {
			t.Error("the heartbeat is no GET")
		}
		second, kit, stopSecond := run()
		job, err := unable.Enqueue(t.Context(), app, 1, offload.Queue("idle"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := <-came, "alert: Jobs of queue idle wait longer than 1ms"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		stopFirst()
		if err := second.Cancel(t.Context(), job.ID); err != nil {
			t.Fatal(err)
		}
		if got, want := <-came, "clear: Jobs of queue idle wait longer than 1ms"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		if open, ended, err := kit.For(second).Incidents(t.Context()); err != nil || len(open) != 0 || len(ended) > 1 {
			t.Errorf("%+v, %+v, %v", open, ended, err)
		}
		stopSecond()
		if len(came) != 0 {
			t.Errorf("told again: %q", <-came)
		}
	})
}

// A blinded store can't tell figures now and then.
type blinded struct {
	*shaky
	fail func() error
}

func (b *blinded) Figures(ctx context.Context, q store.FigureQuery) ([]store.Figure, error) {
	if err := b.fail(); err != nil {
		return nil, err
	}
	return b.Store.Figures(ctx, q)
}
