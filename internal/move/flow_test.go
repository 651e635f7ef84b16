package move

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

// A mill is a program whose flows are moved. It notes what it has run, and what was there to read.
type mill struct {
	*offload.App
	step *offload.Func[string, string]
	ran  []string
	read []string
	bad  bool // "bad" is discarded
}

func newMill(t *testing.T, s store.Store) *mill {
	t.Helper()
	m := &mill{}
	m.step = offload.NewFunc("step", func(ctx context.Context, name string) (string, error) {
		m.ran = append(m.ran, name)
		before, err := m.step.Upstream(ctx)
		if err != nil {
			return "", err
		}
		for _, up := range before {
			m.read = append(m.read, up+" > "+name)
		}
		if name == "bad" && m.bad {
			return "", offload.Discard(errors.New("jammed"))
		}
		return name, nil
	})
	app, err := offload.New(t.Context(), s, m.step, offload.LogTo(slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, app.Close()) })
	m.App = app
	return m
}

// run runs all that is due.
func (m *mill) run(t *testing.T) []string {
	t.Helper()
	m.ran = nil
	_, err := inside.Drain(t.Context(), m.App)
	must(t, err)
	slices.Sort(m.ran)
	return m.ran
}

// TestFlowsMoveAround moves flows that are half done through every kind of store: they go on where
// they were.
func TestFlowsMoveAround(t *testing.T) {
	first := memory.New()
	m := newMill(t, first)
	m.bad = true
	bad, later := m.step.Call("bad"), m.step.Call("later", offload.Queue("later"))
	batch := offload.Batch(m.step.Call("one"), later)
	_, err := m.Enqueue(t.Context(),
		batch, m.step.Call("all", offload.After(batch)),
		offload.Chain(m.step.Call("a"), m.step.Call("b", offload.Queue("later")), m.step.Call("c")),
		bad, m.step.Call("cut", offload.After(bad)), m.step.Call("held", offload.AfterHold(bad)))
	must(t, err)
	o := operate.As(m.App, "ada")
	must(t, o.PauseQueue(t.Context(), "later"))
	if got := m.run(t); !slices.Equal(got, []string{"a", "bad", "one"}) {
		t.Fatalf("%v were run at first", got)
	}

	at := store.Store(first)
	for _, next := range []store.Store{
		opened(t, file(t)), opened(t, testpg.URL(t)), opened(t, testpg.URL(t)), opened(t, file(t)), opened(t, file(t)),
		memory.New(), opened(t, testpg.URL(t)), memory.New(), opened(t, file(t)),
	} {
		summary, err := Run(t.Context(), at, next, Options{size: 2})
		must(t, err)
		if summary.Jobs[store.Available] != 6 || summary.Jobs[store.Completed] != 2 || summary.Jobs[store.Cancelled] != 1 {
			t.Errorf("moved %+v", summary)
		}
		if got := newMill(t, next).run(t); len(got) > 0 {
			t.Errorf("%v were run on the way", got)
		}
		at = next
	}

	m = newMill(t, at)
	o = operate.As(m.App, "ada")
	must(t, o.ResumeQueue(t.Context(), "later"))
	if got := m.run(t); !slices.Equal(got, []string{"all", "b", "c", "later"}) {
		t.Errorf("%v were run after the move", got)
	}
	must(t, m.Retry(t.Context(), bad.ID()))
	if got := m.run(t); !slices.Equal(got, []string{"bad", "cut", "held"}) {
		t.Errorf("%v were run after the retry", got)
	}
	slices.Sort(m.read)
	want := []string{"a > b", "b > c", "bad > cut", "bad > held", "later > all", "one > all"}
	if !slices.Equal(m.read, want) {
		t.Errorf("what they have read of upstreams is %q, want %q", m.read, want)
	}
}
