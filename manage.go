package offload

import (
	"context"
	"errors"
	"fmt"

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
// and refuses one that is running or completed with an *InputError, and one whose Unique key
// another job has taken with a *ConflictError.
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
	a.hearActed(ctx, acted)
	return a.actError(ctx, verb, acted)
}

// actError says which jobs were not found, not in a state that the act needs, or in need of a
// unique key that another job holds.
func (a *App) actError(ctx context.Context, verb store.Verb, acted []store.Acted) error {
	var errs []error
	for i := range acted {
		one := &acted[i]
		switch one.Effect {
		case store.NotStored:
			errs = append(errs, fmt.Errorf("job %s: %w", one.ID, ErrNotFound))
		case store.Refused:
			errs = append(errs, &InputError{
				Field: string(verb), Got: fmt.Sprintf("job %s, which is %s", one.ID, one.State), Want: actWants[verb],
			})
		case store.Taken:
			errs = append(errs, fmt.Errorf("offload: %s job %s: %w", verb, one.ID, a.conflict(ctx, one)))
		}
	}
	return errors.Join(errs...)
}

// conflict says which key another job holds.
func (a *App) conflict(ctx context.Context, taken *store.Acted) error {
	conflict := &ConflictError{ID: taken.By}
	jobs, err := a.store.Find(ctx, store.Filter{IDs: []ID{taken.ID}, Max: 1})
	if err != nil {
		return errors.Join(conflict, err)
	}
	if len(jobs) > 0 {
		conflict.Task = jobs[0].Task
		if t := jobs[0].Terms; t != nil && t.Unique != nil {
			conflict.Key = t.Unique.Key
		}
	}
	return conflict
}

// actWants says which jobs can be acted on.
var actWants = map[store.Verb]string{
	store.Retry:  "a discarded, cancelled, expired or waiting job that was not erased",
	store.RunNow: "a job that has not ended",
	store.Delete: "a job that is not running",
	store.Erase:  "a job that has ended",
	store.Change: "a job that is neither running nor completed",
}
