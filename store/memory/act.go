package memory

import (
	"bytes"
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// Act is that of store.Operator.
func (s *Store) Act(ctx context.Context, act store.Act) (acted []store.Acted, err error) {
	err = s.await(ctx, nil, func(now time.Time) error {
		if err := act.Check(); err != nil {
			return err
		}
		if err := s.reserved(nil, s.keysOf(act)...); err != nil {
			return err
		}
		acted = s.act(act, now)
		return nil
	})
	return acted, err
}

// keysOf returns the unique keys that an act may have to take.
func (s *Store) keysOf(act store.Act) (keys []uniqueKey) {
	if act.Verb != store.Retry && act.Verb != store.Change {
		return nil
	}
	for _, id := range act.IDs {
		j := s.known(id)
		if j == nil {
			continue
		}
		terms := []*store.Terms{j.Terms}
		if act.Edit != nil {
			terms = append(terms, act.Edit.Terms)
		}
		for _, t := range terms {
			if k, u := uniqueOf(j.Task, t); u != nil {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

func (s *Store) act(act store.Act, now time.Time) (acted []store.Acted) {
	for _, id := range act.IDs {
		a := store.Acted{ID: id, Effect: store.NotStored}
		if j := s.known(id); j != nil {
			a.State = j.stateAt(now)
			a.Effect, a.By = s.actOn(j, a.State, act, now)
		}
		acted = append(acted, a)
	}
	if act.Who != "" {
		r := act.Record(acted)
		r.ID, r.Time = store.NewID(), now
		s.record(r)
	}
	return acted
}

func (s *Store) actOn(j *job, state store.State, act store.Act, now time.Time) (e store.Effect, by store.ID) {
	switch act.Verb {
	case store.Cancel:
		return s.cancel(j, state, now), by
	case store.Retry:
		return s.retry(j, state, act.Heed, now)
	case store.RunNow:
		return s.runNow(j, state, now), by
	case store.Delete:
		return s.delete(j, state, now), by
	case store.Erase:
		return s.erase(j, state), by
	}
	return s.edit(j, state, *act.Edit, now)
}

func (s *Store) cancel(j *job, state store.State, now time.Time) store.Effect {
	switch {
	case state.Ended() || j.cancel && state == store.Running:
		return store.Nothing
	case state == store.Running:
		j.cancel = true
		s.wake(anything)
	default:
		s.take(j)
		s.putDone(j, store.Cancelled, now)
	}
	return store.Done
}

func (s *Store) retry(j *job, state store.State, heed bool, now time.Time) (e store.Effect, by store.ID) {
	switch state {
	case store.Available:
		return store.Nothing, by
	case store.Discarded, store.Cancelled, store.Expired, store.Retryable:
	default:
		return store.Refused, by
	}
	if state.Ended() {
		if store.IsErased(j.Input) {
			return store.Refused, by
		}
		if by := s.regain(j, now); !by.IsZero() {
			return store.Taken, by
		}
	}
	if j.batch() {
		s.reopen(j) // it ends again as its members say
		return store.Done, by
	}
	if heed && state.Ended() && len(j.edges) > 0 {
		s.heedAgain(j, now)
		return store.Done, by
	}
	s.take(j)
	j.failures, j.runAt, j.spurned = 0, now, false
	s.unstop(j, true)
	s.place(j, now)
	s.mark(j.ID)
	return store.Done, by
}

func (s *Store) runNow(j *job, state store.State, now time.Time) store.Effect {
	switch state {
	case store.Available, store.Running:
		return store.Nothing
	case store.Scheduled, store.Retryable:
	default:
		if !j.held {
			return store.Refused
		}
		s.letGo(j, now, now)
		return store.Done
	}
	s.take(j)
	j.runAt = now
	s.place(j, now)
	return store.Done
}

func (s *Store) delete(j *job, state store.State, now time.Time) store.Effect {
	if state == store.Running {
		return store.Refused
	}
	s.take(j)
	s.end(j)
	s.unstop(j, false)
	s.unlink(j)
	s.mark(j.ID)
	*j = job{NewJob: store.NewJob{ID: j.ID}, place: deleted, finished: now, closer: j.closer}
	return store.Done
}

func (s *Store) edit(j *job, state store.State, e store.Edit, now time.Time) (effect store.Effect, by store.ID) {
	if state == store.Running || state == store.Completed {
		return store.Refused, by
	}
	if e.Terms != nil {
		if by := s.rekey(j, e.Terms, now); !by.IsZero() {
			return store.Taken, by
		}
	}
	at, waited := j.place, j.waits != nil
	s.take(j)
	if e.Terms != nil {
		j.Terms = cloneTerms(j.Task, e.Terms)
	}
	if e.Input != nil {
		j.Input = bytes.Clone(e.Input)
	}
	if e.Queue != nil {
		j.Queue = *e.Queue
	}
	if e.Priority != nil {
		j.Priority = *e.Priority
	}
	if e.RunAt != nil {
		j.runAt = notBefore(*e.RunAt, now)
	}
	if at == due || waited { // a job is decided anew, at the place of its run_at
		s.leave(j, true)
		j.turned = false
		s.place(j, now)
	} else {
		j.need = "" // by its old input
		s.put(j, at)
	}
	return store.Done, by
}
