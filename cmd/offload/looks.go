package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

// looks is the suite of the dashboard: what a page costs the server, and what open pages cost the workers.
type looks struct {
	*bench
	runs                         *runs
	fails                        *offload.Task[load]
	holds                        *offload.Task[load]
	ended, failed, waiting, held string // queues
	holding                      chan struct{}
	running                      int
}

func newLooks(b *bench) *looks {
	l := &looks{
		bench: b, runs: newRuns(), holding: make(chan struct{}),
		ended: b.queue("-ended"), failed: b.queue("-failed"), waiting: b.queue("-waiting"), held: b.queue("-held"),
	}
	l.fails = offload.NewTask("bench-fail", l.fail, offload.MaxAttempts(1))
	l.holds = offload.NewTask("bench-hold", l.hold)
	return l
}

func (l *looks) parts() []offload.Part {
	l.running = min(1000, max(l.jobs/5000, 1))
	const others = 100 // of the other queues
	return []offload.Part{l.runs.task, l.fails, l.holds, offload.Workers(l.held, l.running), offload.Workers("", l.running+others)}
}

// fail fails in one of seven ways.
func (l *looks) fail(ctx context.Context, in load) error {
	err := fmt.Errorf("letter %d to %s: way %c is closed", in.Number, in.To, 'a'+rune(in.Number%7))
	return errors.Join(err, l.runs.run(ctx, in))
}

// hold runs until the pages have been looked at.
func (l *looks) hold(ctx context.Context, _ load) error {
	select {
	case <-l.holding:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// measure makes a history, looks at each page while jobs wait and run, and then runs jobs with pages open.
func (l *looks) measure(ctx context.Context, f *figures) error {
	f.jobs = l.jobs
	if err := l.history(ctx); err != nil {
		return fmt.Errorf("make a history: %w", err)
	}
	for _, kind := range []struct {
		task  *offload.Task[load]
		queue string
		n     int
	}{{l.runs.task, l.waiting, max(l.jobs/50, 1)}, {l.holds, l.held, l.running}} {
		if err := l.fill(ctx, l.app, kind.task, kind.queue, kind.queue, kind.n); err != nil {
			return err
		}
	}
	if err := l.settle(ctx); err != nil {
		return err
	}
	err := l.working(ctx, l.held, func(ctx context.Context) error {
		defer close(l.holding)
		return l.pages(ctx, f)
	})
	if err != nil {
		return err
	}
	return l.live(ctx, f)
}

// history runs jobs until there are as many as wanted, a stretch at a time.
func (l *looks) history(ctx context.Context) error {
	const stretch = 100_000
	failing := max(l.jobs/100, 7)
	for done := 0; done < l.jobs; {
		n := min(l.jobs-done, stretch)
		if err := l.fill(ctx, l.app, l.runs.task, "history", l.ended, n); err != nil {
			return err
		}
		if _, err := l.drain(ctx, l.app, l.runs, l.ended, n); err != nil {
			return err
		}
		done += n
		l.progress("history: %d of %d jobs", done, l.jobs)
	}
	if err := l.fill(ctx, l.app, l.fails, "failures", l.failed, failing); err != nil {
		return err
	}
	_, err := l.drain(ctx, l.app, l.runs, l.failed, failing)
	return err
}

// settle does at once what PostgreSQL does by itself in the minutes after so many rows have come and gone: it would be
// measured along with the pages, which are looked at in a history that has grown in days.
func (l *looks) settle(ctx context.Context) (err error) {
	if store.Scheme(l.address()) == "sqlite" {
		return nil
	}
	db, err := openDB(l.address())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	l.progress("history: vacuum")
	if _, err := db.ExecContext(ctx, "VACUUM (ANALYZE)"); err != nil {
		return fmt.Errorf("vacuum the history: %w", err)
	}
	return nil
}

// A look is a page to be looked at.
type look struct{ name, path string }

// lookTimes is how often each page is looked at, over a history that is worth it.
const lookTimes = 40

// pages looks at each kind of page.
func (l *looks) pages(ctx context.Context, f *figures) error {
	all, err := l.paths(ctx)
	if err != nil {
		return err
	}
	for i, one := range all {
		took := make([]time.Duration, min(lookTimes, max(l.jobs/50, 4)))
		for j := range took {
			if took[j], err = l.look(ctx, one.path); err != nil {
				return fmt.Errorf("%s: %w", one.path, err)
			}
		}
		slices.Sort(took)
		f.add(one.name+"_ms", "ms", milliseconds(took[len(took)*95/100]), 1)
		l.progress("pages: %d of %d", i+1, len(all))
	}
	return nil
}

// look asks a dashboard that has kept nothing for a page, and returns how long that took.
func (l *looks) look(ctx context.Context, path string) (time.Duration, error) {
	h := l.board()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	w := httptest.NewRecorder()
	began := time.Now()
	h.ServeHTTP(w, r)
	if took := time.Since(began); w.Code == http.StatusOK {
		return took, nil
	}
	return 0, fmt.Errorf("the page is answered with %d", w.Code)
}

func (l *looks) board() http.Handler {
	return dashboard.New(l.app, dashboard.Auth(func(*http.Request) (string, dashboard.Role) { return who(), dashboard.Admin }))
}

// paths are pages of all kinds, once there is something on each.
func (l *looks) paths(ctx context.Context) ([]look, error) {
	o := operate.As(l.app, who())
	var group string
	for group == "" { // failures are grouped soon after they were
		errs, err := o.Errors(ctx, operate.ErrorQuery{})
		if err != nil {
			return nil, err
		}
		if len(errs) == 7 {
			group = errs[0].Group
		} else if err := pause(ctx, time.Second/4); err != nil {
			return nil, err
		}
	}
	running := offload.Filter{Queues: []string{l.held}, States: []offload.State{offload.Running}}
	for n := 0; n < l.running; {
		counts, err := o.Counts(ctx, running)
		if err != nil {
			return nil, err
		}
		if n = counts.States[offload.Running]; n < l.running {
			if err := pause(ctx, time.Second/4); err != nil {
				return nil, err
			}
		}
	}
	failed, err := l.app.Jobs(ctx, offload.Filter{Queues: []string{l.failed}, Max: 1})
	if err != nil {
		return nil, err
	}
	processes, err := o.Processes(ctx)
	if err != nil {
		return nil, err
	}
	return []look{
		{"overview", "/"},
		{"overview_90d", "/?within=90d"},
		{"jobs", "/jobs"},
		{"jobs_running", "/jobs?state=running"},
		{"jobs_waiting", "/jobs?state=available"},
		{"jobs_task", "/jobs?task=bench-fail"},
		{"jobs_queue", "/jobs?queue=" + l.waiting},
		{"jobs_group", "/jobs?group=" + group},
		{"retries", "/retries"},
		{"scheduled", "/scheduled"},
		{"discarded", "/discarded"},
		{"search_field", "/jobs?q=input.number:7"},
		{"search_text", "/jobs?q=input:shipped"},
		{"search_error", "/jobs?q=way+c+is+closed"},
		{"job", "/jobs/" + failed[0].ID.String()},
		{"errors", "/errors"},
		{"error", "/errors/" + group},
		{"queues", "/queues"},
		{"limits", "/limits"},
		{"schedules", "/schedules"},
		{"workflows", "/workflows"},
		{"processes", "/processes"},
		{"process", "/processes/" + processes[0].ID.String()},
		{"operations", "/operations"},
		{"find", "/find?q=bench"},
	}, nil
}

const openPages = 10

// live runs jobs while nobody looks, and while pages are open that keep themselves true.
func (l *looks) live(ctx context.Context, f *figures) error {
	const name = "live_drain"
	n := min(l.jobs, mostObserved)
	err := f.inTurn(name, n, func(_ int, feature bool) (took time.Duration, err error) {
		if err := l.fill(ctx, l.app, l.runs.task, name, l.ended, n); err != nil {
			return 0, err
		}
		open := 0
		if feature {
			open = openPages
		}
		err = l.watched(ctx, open, func(ctx context.Context) (err error) {
			took, err = l.drain(ctx, l.app, l.runs, l.ended, n)
			return err
		})
		return took, err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// watched calls f while pages of one dashboard are open, as browsers keep them.
func (l *looks) watched(ctx context.Context, pages int, f func(ctx context.Context) error) error {
	server := httptest.NewServer(l.board())
	defer server.Close()
	ctx, cancel := context.WithCancel(ctx)
	var open sync.WaitGroup
	defer open.Wait()
	defer cancel()
	paths := []string{"/", "/jobs", "/queues", "/errors", "/processes"}
	for i := range pages {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+paths[i%len(paths)], nil)
		if err != nil {
			return err
		}
		r.Header.Set("Accept", "text/event-stream")
		answer, err := server.Client().Do(r)
		if err != nil {
			return err
		}
		open.Go(func() {
			defer answer.Body.Close()
			_, _ = io.Copy(io.Discard, answer.Body) // until it is closed
		})
	}
	return f(ctx)
}
