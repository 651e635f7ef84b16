package move

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T, address string) store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(context.Background(), store.Newest))
	return s
}

func file(t *testing.T) string { return filepath.Join(t.TempDir(), "offload.db") }

// A shop is a program whose jobs are moved. It counts how often each was run.
type shop struct {
	*offload.App
	orders *offload.Task[int]
	runs   map[int]int
}

func newShop(t *testing.T, s store.Store) *shop {
	t.Helper()
	b := &shop{runs: map[int]int{}}
	b.orders = offload.NewTask("order", func(ctx context.Context, n int) error {
		b.runs[n]++
		offload.Logger(ctx).Info("order", "number", n)
		if n%7 == 0 {
			return offload.Discard(errors.New("sold out"))
		}
		return nil
	}, offload.Limit{Name: "orders", Max: 2})
	app, err := offload.New(t.Context(), s, b.orders, offload.LogTo(slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, app.Close()) })
	b.App = app
	return b
}

func (b *shop) drain(t *testing.T) {
	t.Helper()
	_, err := inside.Drain(t.Context(), b.App)
	must(t, err)
}

// fill makes a store as a program leaves it: with history, with what waits in all ways, and with a
// job that ran when its process was stopped.
func fill(t *testing.T, s store.Store) {
	t.Helper()
	b := newShop(t, s)
	for n := range 20 {
		_, err := b.orders.Enqueue(t.Context(), b, n, offload.Tag("kind", "old"))
		must(t, err)
	}
	b.drain(t)
	for n := 20; n < 40; n++ {
		_, err := b.orders.Enqueue(t.Context(), b, n, offload.Unique{Key: fmt.Sprint(n)})
		must(t, err)
	}
	_, err := b.orders.Enqueue(t.Context(), b, 40, offload.Delay(time.Hour))
	must(t, err)
	o := operate.As(b.App, "ada")
	must(t, o.PauseQueue(t.Context(), "reports"))
	p := store.Process{ID: store.NewID(), Host: "web1", PID: 7}
	must(t, s.Join(t.Context(), p))
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: p.ID, Queue: "default", Limit: 1})
	must(t, err)
	if len(claimed) != 1 {
		t.Fatalf("Claim gave %d jobs", len(claimed))
	}
	if _, err := s.Reap(t.Context(), []store.Beaten{{ID: p.ID, Count: -1}}); err != nil {
		t.Fatal(err)
	}
}

// finish works off what has come, and looks at what was run.
func finish(t *testing.T, s store.Store) {
	t.Helper()
	b := newShop(t, s)
	again, err := b.orders.Enqueue(t.Context(), b, 0, offload.Unique{Key: "30"})
	must(t, err)
	if !again.Existing {
		t.Error("a unique key has not come along")
	}
	b.drain(t)
	for n := range 42 {
		want := 0
		if n >= 20 && n < 40 {
			want = 1
		}
		if b.runs[n] != want {
			t.Errorf("order %d was run %d times after the move, want %d", n, b.runs[n], want)
		}
	}
	jobs, err := b.Jobs(t.Context(), offload.Filter{Max: 1000})
	must(t, err)
	states := map[offload.State]int{}
	for _, j := range jobs {
		states[j.State]++
		logs, err := s.Logs(t.Context(), j.ID, 0, 10)
		must(t, err)
		if j.State.Ended() && len(logs) != 1 {
			t.Errorf("job %s has %d lines in its log, want 1", j.ID, len(logs))
		}
	}
	if states[offload.Completed]+states[offload.Discarded] != 40 || states[offload.Scheduled] != 1 {
		t.Errorf("jobs in the end: %v", states)
	}
}

// TestMoveAround moves a program's jobs through every kind of store.
func TestMoveAround(t *testing.T) {
	first := memory.New()
	fill(t, first)
	at := store.Store(first)
	for _, next := range []store.Store{
		opened(t, file(t)), opened(t, testpg.URL(t)), opened(t, testpg.URL(t)), opened(t, file(t)), opened(t, file(t)), memory.New(),
	} {
		summary, err := Run(t.Context(), at, next, Options{Force: true, size: 7})
		must(t, err)
		if summary.Jobs[store.Available] != 21 || summary.Keys != 20 {
			t.Errorf("moved %+v", summary)
		}
		if o, err := at.Origin(t.Context()); err != nil || !o.Away {
			t.Errorf("the source is at home: %+v, %v", o, err)
		}
		at = next
	}
	finish(t, at)
}

// errCut is where a test kills a move.
var errCut = errors.New("cut")

// A cut store fails at its n-th change, before or after it was made.
type cut struct {
	store.Store
	n     *int // changes until it fails
	after bool
}

func (c *cut) change(f func() error) error {
	*c.n--
	if *c.n > 0 || *c.n < 0 {
		return f()
	}
	if c.after {
		if err := f(); err != nil {
			return err
		}
	}
	return errCut
}

func (c *cut) SetMove(ctx context.Context, m store.Move) error {
	return c.change(func() error { return c.Store.SetMove(ctx, m) })
}

func (c *cut) Adopt(ctx context.Context) error {
	return c.change(func() error { return c.Store.Adopt(ctx) })
}

func (c *cut) Import(ctx context.Context, jobs []store.Copied) (n int, err error) {
	err = c.change(func() error { n, err = c.Store.Import(ctx, jobs); return err })
	return n, err
}

func (c *cut) ImportKeys(ctx context.Context, keys []store.CopiedKey) error {
	return c.change(func() error { return c.Store.ImportKeys(ctx, keys) })
}

func (c *cut) ImportBook(ctx context.Context, b store.Book) error {
	return c.change(func() error { return c.Store.ImportBook(ctx, b) })
}

// TestKilledAnywhere breaks a move off at each change that it makes, and makes it again: nothing
// runs in between, and all is there once in the end.
func TestKilledAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			from, to := memory.New(), opened(t, file(t))
			fill(t, from)
			left := at
			_, err := Run(t.Context(), &cut{from, &left, after}, &cut{to, &left, after}, Options{size: 7})
			if err == nil {
				if at < 8 {
					t.Fatalf("a move makes %d changes only", at-1)
				}
				break
			}
			if !errors.Is(err, errCut) {
				t.Fatal(err)
			}
			if at > 2 { // both are marked
				runsNothing(t, from)
			}
			// Who was killed after all was done sees that it is.
			if _, err := Run(t.Context(), from, to, Options{size: 7}); err != nil && !(after && errors.Is(err, store.ErrRefused)) {
				t.Fatalf("the move after one that was cut at change %d: %v", at, err)
			}
			runsNothing(t, from)
			finish(t, to)
		}
	}
}

func runsNothing(t *testing.T, s store.Store) {
	t.Helper()
	b := newShop(t, s)
	b.drain(t)
	if len(b.runs) > 0 {
		t.Errorf("%v were run in a store that was moved", b.runs)
	}
}

func TestMoveRefuses(t *testing.T) {
	full := opened(t, file(t))
	fill(t, full)
	busy := opened(t, file(t))
	must(t, busy.Join(t.Context(), store.Process{ID: store.NewID(), Host: "web1", PID: 7}))
	for _, test := range []struct {
		name     string
		from, to store.Store
		says     string
	}{
		{"into itself", full, full, ""},
		{"into a store that has jobs", opened(t, file(t)), full, ""},
		{"from a store that is worked", busy, opened(t, file(t)), "process web1/7 works the source; stop it (`offload process stop web1/7`), or wait 12s if it is gone already"},
		{"into a store that is worked", opened(t, file(t)), busy, "process web1/7 works the target; stop it (`offload process stop web1/7`), or wait 12s if it is gone already"},
	} {
		if _, err := Run(t.Context(), test.from, test.to, Options{}); !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want an ErrRefused that says %q", test.name, err, test.says)
		}
	}
	// A source that was given back to work does not go on into the half of a move.
	from, half := opened(t, file(t)), opened(t, file(t))
	fill(t, from)
	left := 5
	if _, err := Run(t.Context(), &cut{from, &left, false}, &cut{half, &left, false}, Options{size: 7}); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	must(t, from.Adopt(t.Context()))
	if _, err := Run(t.Context(), from, half, Options{}); !errors.Is(err, store.ErrRefused) {
		t.Errorf("into the half of a move that was given up: %v, want an ErrRefused", err)
	}
}
