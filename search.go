package offload

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// Found is what Search has found, and how far it has looked.
type Found struct {
	Jobs []*Job `json:"jobs"`

	// Reached is up to where it has looked: the next page has Filter.After set to it. It is the zero
	// Cursor when there is nothing more.
	Reached Cursor `json:"reached,omitzero"`
}

// Search is Jobs that stops after a time, 0 for none, with what it has found until then: with fewer jobs than
// f.Max, or none, though there may be more. It goes through what f does not narrow down by state, flow
// or batch, up to some hundred thousand jobs a second.
func (a *App) Search(ctx context.Context, f Filter, budget time.Duration) (Found, error) {
	if err := a.open(); err != nil {
		return Found{}, err
	}
	if err := f.check(); err != nil {
		return Found{}, err
	}
	if budget < 0 {
		return Found{}, &InputError{Field: "budget", Got: budget, Want: "0 (none) or more"}
	}
	var found store.Found
	var err error
	if f.Group != "" && len(f.Input) == 0 && !f.Soonest {
		found, err = a.searchGroup(ctx, store.Filter(f))
	} else {
		found, err = a.search(ctx, store.Filter(f), budget)
	}
	if err != nil {
		return Found{}, fmt.Errorf("offload: search jobs: %w", err)
	}
	jobs, err := a.showAll(ctx, found.Jobs)
	return Found{Jobs: jobs, Reached: found.Reached}, err
}

// searchGroup finds jobs of a group of errors by its index, which needs no budget.
func (a *App) searchGroup(ctx context.Context, f store.Filter) (found store.Found, err error) {
	if f.Before, f.After = cmp.Or(f.After.ID, f.Before), (Cursor{}); f.Max == 0 {
		f.Max = 100
	}
	if found.Jobs, err = a.store.Find(ctx, f); len(found.Jobs) == f.Max {
		found.Reached = Cursor{ID: found.Jobs[f.Max-1].ID}
	}
	return found, err
}

// search looks for jobs by what of their inputs is shown.
func (a *App) search(ctx context.Context, f store.Filter, budget time.Duration) (store.Found, error) {
	q := store.Search{Filter: f, Budget: budget}
	if len(f.Input) > 0 {
		secret, err := a.registry.secrets(ctx, a.store)
		if err != nil {
			return store.Found{}, err
		}
		q.Show = func(j *store.Job) []byte {
			if _, sealed := seal.FromJSON(j.Input); sealed {
				return nil
			}
			of := secret[j.Task]
			if bound := a.tasks[j.Task]; bound != nil {
				of = bound.config.secrets
			}
			return of.input.Hide(j.Input)
		}
	}
	return a.store.Search(ctx, q)
}

// actBudget is how long an act looks for a page of jobs by their inputs before it says how far it is.
const actBudget = time.Second

// next returns some jobs of a filter, and moves it on behind them; more is false at the end.
func (a *App) next(ctx context.Context, f *store.Filter) (jobs []store.Job, more bool, err error) {
	if !f.Searches() {
		if jobs, err = a.store.Find(ctx, *f); err != nil || len(jobs) == 0 {
			return nil, false, err
		}
		f.Before = jobs[len(jobs)-1].ID
		return jobs, true, nil
	}
	found, err := a.search(ctx, *f, actBudget)
	f.After = found.Reached
	return found.Jobs, !found.Reached.IsZero(), err
}

// checkSearch refuses what no input can say, and orders that jobs have not.
func (f *Filter) checkSearch() error {
	for _, p := range f.Priorities {
		if p < 0 || p > 9 {
			return &InputError{Field: "Priorities", Got: p, Want: "0 (first) to 9 (last)"}
		}
	}
	for _, m := range f.Input {
		if m.Value == "" && m.Path == "" {
			return &InputError{Field: "Input", Got: "an empty text", Want: "what the input says"}
		}
		if !inside.IsText(m.Value) || !inside.IsText(m.Path) {
			return &InputError{Field: "Input", Got: m.Path + "=" + m.Value, Want: textWant}
		}
		if m.Path != "" && slices.Contains(strings.Split(m.Path, "."), "") {
			return &InputError{Field: "Input", Got: m.Path, Want: "names of fields with one dot between them"}
		}
	}
	if !f.Soonest {
		return nil
	}
	for _, s := range f.States {
		if s != Scheduled && s != Retryable {
			return &InputError{Field: "Soonest", Got: string(s) + " jobs", Want: "scheduled or retryable ones: others wait for no time"}
		}
	}
	if !f.Before.IsZero() || !f.After.IsZero() && f.After.At.IsZero() {
		return &InputError{Field: "After", Got: "a place in another order", Want: "Reached of a page in this one"}
	}
	return nil
}
