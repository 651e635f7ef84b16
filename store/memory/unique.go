package memory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

// A uniqueKey is a task's own key.
type uniqueKey struct{ task, key string }

// A holder is the job that holds a unique key. The job itself may be long gone.
type holder struct {
	id      store.ID
	until   store.Until
	expires time.Time // zero is never
}

// uniqueOf is the unique key of a job with these terms.
func uniqueOf(task string, t *store.Terms) (k uniqueKey, u *store.Unique) {
	if t == nil || t.Unique == nil {
		return uniqueKey{}, nil
	}
	return uniqueKey{task, t.Unique.Key}, t.Unique
}

// holderOf returns who holds a key, and nil if nobody does.
func (s *Store) holderOf(k uniqueKey, now time.Time) *holder {
	h, ok := s.uniques[k]
	if !ok || !h.expires.IsZero() && !h.expires.After(now) {
		return nil
	}
	return &h
}

// occupy gives a key to a job that was created at a time.
func (s *Store) occupy(k uniqueKey, u *store.Unique, id store.ID, created time.Time) {
	h := holder{id: id, until: u.Until}
	if u.For > 0 {
		h.until, h.expires = "", created.Add(u.For)
	}
	s.uniques[k] = h
}

// vacate frees the key of a job that has started, or has ended.
func (s *Store) vacate(j *job, ended bool) {
	k, u := uniqueOf(j.Task, j.Terms)
	if u == nil || s.uniques[k].id != j.ID {
		return
	}
	if until := s.uniques[k].until; until == store.UntilStarted || ended && until == store.UntilEnded {
		delete(s.uniques, k)
	}
}

// needs returns the key that a job must have to wait again after its end, if there is one.
func (j *job) needs() (k uniqueKey, u *store.Unique) {
	k, u = uniqueOf(j.Task, j.Terms)
	if u == nil || u.For > 0 || u.Until == store.Never || u.Until == store.UntilStarted && j.begun {
		return k, nil
	}
	return k, u
}

// regain takes the key again of a job that has ended, or says whose it is.
func (s *Store) regain(j *job, now time.Time) (by store.ID) {
	k, u := j.needs()
	if u == nil {
		return store.ID{}
	}
	if h := s.holderOf(k, now); h != nil && h.id != j.ID {
		return h.id
	}
	s.occupy(k, u, j.ID, j.created)
	return store.ID{}
}

// rekey exchanges the key of a job for that of other terms, or says whose that is.
func (s *Store) rekey(j *job, t *store.Terms, now time.Time) (by store.ID) {
	was, old := uniqueOf(j.Task, j.Terms)
	to, u := uniqueOf(j.Task, t)
	holds := old != nil && s.uniques[was].id == j.ID
	if u != nil && (holds || old == nil) && !j.ended() {
		if h := s.holderOf(to, now); h != nil && h.id != j.ID {
			return h.id
		}
	}
	if holds {
		delete(s.uniques, was)
	}
	if u != nil && (holds || old == nil) && !j.ended() {
		s.occupy(to, u, j.ID, j.created)
	}
	return store.ID{}
}

// A verdict says what a unique key makes of a new job.
type verdict struct {
	old      store.ID // that stays in its place
	replaced bool     // and takes its input
}

// judge says what becomes of new jobs by their unique keys; at is who holds a key, known says
// whether an id exists. Those that it lets in hold their keys for those that follow.
func judge(jobs []store.NewJob, known func(store.ID) bool, at func(uniqueKey) store.ID, waits func(store.ID) bool) ([]verdict, error) {
	verdicts := make([]verdict, len(jobs))
	mine, stored := map[uniqueKey]store.ID{}, map[store.ID]bool{}
	for i, n := range jobs {
		k, u := uniqueOf(n.Task, n.Terms)
		if known(n.ID) || stored[n.ID] {
			verdicts[i].old = n.ID
			continue
		}
		if u != nil {
			old, taken := mine[k]
			if !taken {
				old = at(k)
			}
			if !old.IsZero() && old != n.ID {
				switch u.OnConflict {
				case store.ConflictFail:
					return nil, fmt.Errorf("insert: %w", &store.ConflictError{Task: n.Task, Key: u.Key, ID: old})
				case store.ConflictReplace, store.ConflictDebounce:
					if stored[old] || waits(old) {
						verdicts[i] = verdict{old, true}
						continue
					}
				default:
					verdicts[i].old = old
					continue
				}
			}
			mine[k] = n.ID
		}
		stored[n.ID] = true
	}
	return verdicts, nil
}

// waiting reports whether a job lies in due or blocked and was never begun.
func (s *Store) waiting(id store.ID) bool {
	j := s.known(id)
	return j != nil && (j.place == due || j.place == blocked) && !j.begun
}

// replace does to a job that waits what a new one with its key asks for.
func (s *Store) replace(id store.ID, n store.NewJob, runAt, now time.Time) {
	j := s.jobs[id]
	e := store.Edit{Input: n.Input, Terms: n.Terms}
	if e.Input == nil {
		e.Input = []byte{}
	}
	if n.Terms.Unique.OnConflict == store.ConflictDebounce {
		e.RunAt = &runAt
	}
	s.edit(j, j.stateAt(now), e, now)
}

// A reservedError says that a transaction that has not ended has to do with a unique key.
type reservedError struct{ by *Tx }

func (reservedError) Error() string { return "a transaction holds the unique key" }

// reserved returns a reservedError if another transaction than t has to do with one of the keys.
func (s *Store) reserved(t *Tx, keys ...uniqueKey) error {
	for _, k := range keys {
		if by := s.reservations[k]; by != nil && by != t {
			return reservedError{by}
		}
	}
	return nil
}

func uniqueKeys(jobs []store.NewJob) (keys []uniqueKey) {
	for _, n := range jobs {
		if k, u := uniqueOf(n.Task, n.Terms); u != nil {
			keys = append(keys, k)
		}
	}
	return keys
}

// await is do for what may have to wait for a transaction that holds a unique key: t is the
// transaction that waits, if it is one.
func (s *Store) await(ctx context.Context, t *Tx, f func(now time.Time) error) error {
	for {
		err := s.do(ctx, f)
		var reserved reservedError
		if !errors.As(err, &reserved) {
			return err
		}
		if t != nil {
			if err := t.waitFor(reserved.by); err != nil {
				return err
			}
		}
		select {
		case <-reserved.by.over:
		case <-ctx.Done():
			return store.Unavailable("store/memory: wait for a unique key", ctx.Err())
		}
	}
}

// waitFor notes for whom a transaction waits, and refuses to wait in a circle.
func (t *Tx) waitFor(other *Tx) error {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	for w := other; w != nil; w = w.waits {
		if w == t {
			return store.Unavailable("store/memory", errors.New("two transactions wait for each other's unique keys"))
		}
	}
	t.waits = other
	return nil
}
