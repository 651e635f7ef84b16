package offload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// The door for the packages of this module that are built on an App.
func init() {
	inside.Store = func(app inside.App) (store.Store, error) {
		a, err := opened(app)
		if err != nil {
			return nil, err
		}
		return a.store, nil
	}
	inside.Drain = func(ctx context.Context, app inside.App) (engine.Count, error) {
		a, err := opened(app)
		if err != nil {
			return engine.Count{}, err
		}
		defer a.hooks.flush()
		return a.newEngine(nil).Drain(ctx)
	}
	inside.Tick = func(ctx context.Context, app inside.App) (int, error) {
		a, err := opened(app)
		if err != nil {
			return 0, err
		}
		if err := a.declareAgain(ctx); err != nil {
			return 0, err
		}
		return a.store.Tick(ctx, mostMissed, tick)
	}
	inside.TickAt = func(ctx context.Context, app inside.App, name string, at time.Time) error {
		a, err := opened(app)
		if err != nil {
			return err
		}
		_, err = a.store.Take(ctx, name, func(_ time.Time, s store.Schedule) (store.Ticked, error) { return tick(at, s) })
		return err
	}
	inside.Pulse = func(app inside.App) (engine.Pulse, bool) {
		a, err := opened(app)
		if err != nil {
			return engine.Pulse{}, false
		}
		e := a.working()
		if e == nil {
			return engine.Pulse{}, false
		}
		return e.Pulse()
	}
	inside.Outcome = func(ctx context.Context, err error) (outcome, kind string) {
		of, kind := outcomeOf(ctx, err)
		return string(of), kind
	}
	inside.CheckInput = func(app inside.App, task string, input []byte) error {
		a, err := opened(app)
		if err != nil {
			return err
		}
		return a.checkInput(&Call{task: task, input: input})
	}
	inside.CheckName = func(field, name string) error { return checkName("", field, name) }
	inside.CheckFilter = func(f store.Filter) error { return (*Filter)(&f).check() }
	inside.CheckAt = func(field string, at time.Time) error { return checkAt("", field, at) }
	inside.ActError = func(ctx context.Context, app inside.App, verb store.Verb, acted []store.Acted) error {
		a, err := opened(app)
		if err != nil {
			return err
		}
		return a.actError(ctx, verb, acted)
	}
	inside.EditTerms = func(ctx context.Context, app inside.App, id store.ID, input []byte) (*store.Terms, error) {
		a, err := opened(app)
		if err != nil {
			return nil, err
		}
		if !json.Valid(input) {
			return nil, &InputError{Field: "input", Got: string(input), Want: "JSON"}
		}
		return a.editTerms(ctx, id, input)
	}
	inside.ReadSchedule = func(s store.Schedule) (any, error) {
		spec, _, err := readSpec(&s)
		if err != nil {
			return nil, err
		}
		return *spec.schedule(s.Name), nil
	}
	inside.RunSchedule = runSchedule
	inside.PassSchedule = passSchedule
}

// opened returns the app behind the door, unless it is nil or closed.
func opened(app inside.App) (*App, error) {
	a, _ := app.(*App)
	return a, a.open()
}

// editTerms returns the terms of a job with a new input, nil for a plain job. Keys that come of
// its input by the task's rules are made anew; those that the call said otherwise stay.
func (a *App) editTerms(ctx context.Context, id ID, input []byte) (*store.Terms, error) {
	jobs, err := a.store.Find(ctx, store.Filter{IDs: []ID{id}, Max: 1})
	if err != nil {
		return nil, fmt.Errorf("offload: read job %s: %w", id, err)
	}
	if len(jobs) == 0 {
		return nil, fmt.Errorf("job %s: %w", id, ErrNotFound)
	}
	job := &jobs[0]
	if job.Terms == nil {
		return nil, nil
	}
	config, def, err := a.defaultsOf(ctx, &Call{task: job.Task})
	if errors.Is(err, ErrUnknownTask) {
		return job.Terms, nil
	} else if err != nil {
		return nil, err
	}
	before, _, err := config.terms(job.Task, def, job.Input)
	if err != nil || before == nil { // then no key of it is by these rules
		return job.Terms, nil
	}
	after, _, err := config.terms(job.Task, def, input)
	if err != nil {
		return nil, err
	}
	return rekeyed(job.Terms, before, after), nil
}

// rekeyed returns terms in which the keys that are as before are as after.
func rekeyed(terms, before, after *store.Terms) *store.Terms {
	t := *terms
	t.Limits = nil
	for _, u := range terms.Limits {
		for i, was := range before.Limits {
			if was.Limit == u.Limit && was.Key == u.Key {
				u.Key = after.Limits[i].Key // the same rules yield the same limits in one order
				break
			}
		}
		t.Limits = append(t.Limits, u)
	}
	if t.Unique != nil && before.Unique != nil && t.Unique.Key == before.Unique.Key {
		unique := *t.Unique
		unique.Key, t.Unique = after.Unique.Key, &unique
	}
	if t.Turn != nil && before.Turn != nil && t.Turn.Key == before.Turn.Key {
		turn := *t.Turn
		turn.Key, t.Turn = after.Turn.Key, &turn
	}
	return &t
}
