package offload

import (
	"context"
	"sync"
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
		return a.checkInput(&Call{task: task, input: input}, &jobConfig{})
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
	inside.EditInput = func(ctx context.Context, app inside.App, id store.ID, input []byte) ([]byte, *store.Terms, error) {
		a, err := opened(app)
		if err != nil {
			return nil, nil, err
		}
		return a.editInput(ctx, id, input)
	}
	inside.ShowInput = func(ctx context.Context, app inside.App, task string, input []byte) ([]byte, error) {
		a, err := opened(app)
		if err != nil {
			return nil, err
		}
		secret, err := (&shower{app: a}).secretsOf(ctx, task)
		return secret.input.Hide(input), err
	}
	inside.SealDocument = func(app inside.App, kind, key string, value []byte) ([]byte, error) {
		a, err := opened(app)
		if err != nil || a.keys == nil {
			return value, err
		}
		return a.keys.sealJSON(value, documentPlace(kind, key))
	}
	inside.OpenDocument = func(app inside.App, kind, key string, value []byte) ([]byte, error) {
		a, err := opened(app)
		if err != nil {
			return nil, err
		}
		return a.keys.openDocument(kind, key, value)
	}
	inside.Sealed = func(app inside.App) *sync.Map {
		if a, _ := app.(*App); a != nil {
			return &a.sealed
		}
		return &sync.Map{}
	}
	inside.CurrentKey = func(app inside.App) string {
		if a, err := opened(app); err == nil && a.keys != nil {
			return a.keys.current
		}
		return ""
	}
	inside.ReadSchedule = func(ctx context.Context, app inside.App, s store.Schedule) (any, error) {
		a, err := opened(app)
		if err != nil {
			return nil, err
		}
		schedule, err := a.shownSchedule(ctx, &s)
		if err != nil {
			return nil, err
		}
		return *schedule, nil
	}
	inside.RunSchedule = runSchedule
	inside.PassSchedule = passSchedule
}

// opened returns the app behind the door, unless it is nil or closed.
func opened(app inside.App) (*App, error) {
	a, _ := app.(*App)
	return a, a.open()
}
