package offload

import (
	"context"
	"errors"
	"fmt"

	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// editInput checks a new input of a job, and returns it as it is stored, with the terms that the job
// has with it. A mask stands for the secret that is there.
func (a *App) editInput(ctx context.Context, id ID, input []byte) ([]byte, *store.Terms, error) {
	job, err := a.stored(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	config, def, err := a.defaultsOf(ctx, &Call{task: job.Task})
	unknown := errors.Is(err, ErrUnknownTask)
	if err != nil && !unknown {
		return nil, nil, err
	}
	old, unread := a.keys.openInput(job.Input, id, job.Task, job.Terms)
	secret := config.secrets.input
	if unread == nil && !store.IsErased(old) {
		input = secret.Restore(input, old)
	} else if secret.Masked(input) && unread != nil {
		return nil, nil, fmt.Errorf("offload: secrets of job %s: %w", id, plainError(unread))
	}
	if err := a.checkInput(&Call{task: job.Task, input: input}, &config); err != nil {
		return nil, nil, err
	}
	var terms *store.Terms
	switch {
	case job.Terms == nil:
	case unknown || store.IsErased(old):
		terms = job.Terms
	case unread != nil:
		return nil, nil, fmt.Errorf("offload: keys of job %s: %w", id, plainError(unread))
	default:
		if terms, err = config.edited(def, job, old, input); err != nil {
			return nil, nil, err
		}
	}
	edited := store.NewJob{ID: id, Task: job.Task, Input: input, Terms: terms}
	config.encrypt = config.encrypt || seal.LooksSealed(job.Input)
	err = a.sealInput(&config, &edited)
	return edited.Input, terms, err
}

// edited returns the terms of a job with a new input. Keys that come of its input by the task's rules
// are made anew; those that the call said otherwise stay.
func (c *jobConfig) edited(def *definition, job *store.Job, old, input []byte) (*store.Terms, error) {
	before, _, err := c.terms(job.Task, def, old)
	if err != nil || before == nil { // then no key of it is by these rules
		return job.Terms, nil
	}
	after, _, err := c.terms(job.Task, def, input)
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
