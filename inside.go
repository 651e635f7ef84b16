package offload

import (
	"context"
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
