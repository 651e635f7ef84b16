package offload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// Cancel ends jobs for good. A running one has its context cancelled with ErrCancelled,
// within a second also in another process, and ends when its handler returns. Cancelling an
// ended job does nothing. An id of no job is ErrNotFound; the others are cancelled all the
// same.
func (a *App) Cancel(ctx context.Context, ids ...ID) error {
	return a.act(ctx, store.Cancel, ids)
}

// Retry makes jobs that were discarded, cancelled or expired run again, with new attempts;
// one that waits for a retry does so at once. It does nothing for a job that waits otherwise,
// and refuses one that is running or completed with an *InputError.
func (a *App) Retry(ctx context.Context, ids ...ID) error { return a.act(ctx, store.Retry, ids) }

// RunNow makes jobs that wait for a time or a retry due at once, before what else is due with
// their priority. It does nothing for a job that is due or running, and refuses one that has
// ended with an *InputError.
func (a *App) RunNow(ctx context.Context, ids ...ID) error { return a.act(ctx, store.RunNow, ids) }

// Delete removes jobs with all that is known of them. It refuses one that is running with an
// *InputError.
func (a *App) Delete(ctx context.Context, ids ...ID) error { return a.act(ctx, store.Delete, ids) }

func (a *App) act(ctx context.Context, verb store.Verb, ids []ID) error {
	if err := a.open(); err != nil {
		return err
	}
	if len(ids) == 0 {
		return nil
	}
	acted, err := a.store.Act(ctx, store.Act{Verb: verb, IDs: ids})
	if err != nil {
		return fmt.Errorf("offload: %s: %w", verb, err)
	}
	a.wake(store.Wake{Priority: -1}) // jobs may be due, or have to end
	return actError(verb, acted)
}

// actError says which jobs were not found, or not in a state that the act needs.
func actError(verb store.Verb, acted []store.Acted) error {
	var errs []error
	for _, a := range acted {
		switch a.Effect {
		case store.NotStored:
			errs = append(errs, fmt.Errorf("job %s: %w", a.ID, ErrNotFound))
		case store.Refused:
			errs = append(errs, &InputError{
				Field: string(verb), Got: fmt.Sprintf("job %s, which is %s", a.ID, a.State), Want: actWants[verb],
			})
		}
	}
	return errors.Join(errs...)
}

// actWants says which jobs can be acted on.
var actWants = map[store.Verb]string{
	store.Retry:  "a discarded, cancelled, expired or waiting job",
	store.RunNow: "a job that has not ended",
	store.Delete: "a job that is not running",
	store.Change: "a job that is neither running nor completed",
}

func init() {
	inside.Store = func(app inside.App) (store.Store, error) {
		a, _ := app.(*App)
		if err := a.open(); err != nil {
			return nil, err
		}
		return a.store, nil
	}
	inside.Drain = func(ctx context.Context, app inside.App) (engine.Count, error) {
		a, _ := app.(*App)
		if err := a.open(); err != nil {
			return engine.Count{}, err
		}
		return a.newEngine(nil).Drain(ctx)
	}
	inside.CheckInput = func(app inside.App, task string, input []byte) error {
		a, _ := app.(*App)
		if err := a.open(); err != nil {
			return err
		}
		return a.checkInput(&Call{task: task, input: input})
	}
	inside.CheckName = func(field, name string) error { return checkName("", field, name) }
	inside.CheckFilter = func(f store.Filter) error { return (*Filter)(&f).check() }
	inside.CheckAt = func(field string, at time.Time) error { return checkAt("", field, at) }
	inside.ActError = func(_ context.Context, _ inside.App, verb store.Verb, acted []store.Acted) error {
		return actError(verb, acted)
	}
}
