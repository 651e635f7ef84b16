package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// A key is one key of a limit: what holds it, and what waits for it.
type key struct {
	id      string // gate.ID
	full    time.Time
	paused  time.Time
	stops   store.ID // Strict: the job that was discarded
	holders map[store.ID]*job
	waiters []*job // by lane, run_at or turn, id
}

func (s *Store) key(u store.Use) *key {
	id := gate.IDOf(u)
	if s.keys[id] == nil {
		s.keys[id] = &key{id: id, holders: map[store.ID]*job{}}
	}
	return s.keys[id]
}

// limit is a limit as it holds. One that nobody has made known lets nothing through.
func (s *Store) limit(name string) store.Limit {
	if l := s.limits[name]; l != nil {
		return l.Limit
	}
	return store.Limit{Name: name}
}

// gate is a key as the arithmetic takes it, without what j itself holds and stops of it.
func (s *Store) gate(k *key, j *job) *gate.Gate {
	name, _ := gate.Parse(k.id)
	g := &gate.Gate{Limit: s.limit(name), Full: k.full, Paused: k.paused, Stops: k.stops}
	if j != nil && k.stops == j.ID {
		g.Stops = store.ID{}
	}
	for _, holder := range k.holders {
		if holder != j {
			g.Take(holder.use(k))
		}
	}
	return g
}

// uses are the limits that a job is under.
func (j *job) uses() []store.Use {
	if j.Terms == nil {
		return nil
	}
	return j.Terms.Limits
}

// use is by what a job goes through a key.
func (j *job) use(k *key) store.Use {
	for _, u := range j.uses() {
		if gate.IDOf(u) == k.id {
			return u
		}
	}
	return store.Use{} // it was edited since
}

// next is the first of those that wait, or the job that stops the key, if it waits to be tried
// again.
func (k *key) next() *job {
	for _, j := range k.waiters {
		if j.ID == k.stops {
			return j
		}
	}
	return k.waiters[0]
}

// before orders those that wait for a key.
func before(a, b *job) int {
	return cmp.Or(cmp.Compare(a.lane().priority, b.lane().priority), earlier(a, b))
}

// barredBy returns the first key that keeps a job from starting, and nil if none does. What it
// holds it need not wait for, unless nothing of that key may start.
func (s *Store) barredBy(j *job, now time.Time) *key {
	for _, u := range j.uses() {
		k := s.key(u)
		switch {
		case k.holders[j.ID] != nil:
			if now.Before(k.paused) || !k.stops.IsZero() && k.stops != j.ID {
				return k
			}
		case !s.gate(k, j).Room(now, j.ID, u):
			return k
		case len(k.waiters) > 0 && before(k.next(), j) < 0 && k.stops != j.ID:
			return k
		}
	}
	return nil
}

// place puts a job that was taken where it may be claimed, now or later, or where it waits.
func (s *Store) place(j *job, now time.Time) {
	if !j.Terms.Gated() || j.runAt.After(now) {
		j.undecided, j.turned = j.Terms.Gated(), false
		s.put(j, due)
		return
	}
	s.decide(j, now)
}

// decide lets a job that was taken, and whose time has come, through its limits to its turn,
// or puts it where it waits.
func (s *Store) decide(j *job, now time.Time) {
	j.undecided = false
	s.turn(j, now)
	at := s.barredBy(j, now)
	if at != nil && j.fresh {
		name, _ := gate.Parse(at.id)
		switch s.limit(name).WhenFull {
		case store.FullDrop:
			s.putDone(j, store.Cancelled, now)
			return
		case store.FullNewest:
			s.cancelAll(at.waiters, now)
		case store.FullCancel:
			s.cancelAll(at.waiters, now)
			s.cancelAll(slices.Collect(maps.Values(at.holders)), now)
		}
		at = s.barredBy(j, now)
	}
	j.fresh = false
	if at != nil {
		s.wait(j, at)
		return
	}
	s.letThrough(j)
}

// cancelAll cancels jobs for a newer one.
func (s *Store) cancelAll(jobs []*job, now time.Time) {
	for _, j := range slices.Clone(jobs) {
		s.cancel(j, j.stateAt(now), now)
	}
}

// letThrough makes a job due that has room everywhere.
func (s *Store) letThrough(j *job) {
	for _, u := range j.uses() {
		s.hold(j, s.key(u))
	}
	s.put(j, due)
}

func (s *Store) hold(j *job, k *key) {
	if k.holders[j.ID] == nil {
		k.holders[j.ID] = j
		j.holds = append(j.holds, k)
	}
	if k.stops == j.ID {
		k.stops = store.ID{} // it is tried again
	}
}

// wait makes a job wait for a key. It holds nothing meanwhile.
func (s *Store) wait(j *job, k *key) {
	s.leave(j, true)
	j.waits = k
	at, _ := slices.BinarySearchFunc(k.waiters, j, before)
	k.waiters = slices.Insert(k.waiters, at, j)
	s.put(j, blocked)
}

// leave takes back what a job holds; if it waits again, but for limits that are kept until it has ended.
func (s *Store) leave(j *job, again bool) {
	for _, k := range slices.Clone(j.holds) {
		name, _ := gate.Parse(k.id)
		if !again || !s.limit(name).Kept() || !j.under(k) {
			s.drop(j, k)
		}
	}
}

// drop takes back what a job holds of a key.
func (s *Store) drop(j *job, k *key) {
	delete(k.holders, j.ID)
	j.holds = slices.DeleteFunc(j.holds, func(held *key) bool { return held == k })
	s.touched[k] = true
}

func (j *job) under(k *key) bool {
	return slices.ContainsFunc(j.uses(), func(u store.Use) bool { return gate.IDOf(u) == k.id })
}

// start counts the start of a job under limits with Per, which leaves them.
func (s *Store) start(j *job, now time.Time) {
	for _, u := range j.uses() {
		k := s.key(u)
		if s.limit(u.Limit).Per == 0 {
			s.hold(j, k)
			continue
		}
		g := s.gate(k, j)
		g.Start(now, u)
		k.full = g.Full
		s.drop(j, k)
	}
}

// stop stops the Strict keys of a job that was discarded.
func (s *Store) stop(j *job) {
	for _, u := range j.uses() {
		if s.limit(u.Limit).Strict {
			s.key(u).stops = j.ID
		}
	}
}

// unstop lets keys go on that a job has stopped; if it is to be tried again, those that it is
// not under any more.
func (s *Store) unstop(j *job, again bool) {
	for _, k := range s.keys {
		if k.stops == j.ID && !(again && j.under(k)) {
			k.stops = store.ID{}
			s.touched[k] = true
		}
	}
}

// settle lets those through that wait for a key which somebody has left, looking at no more
// than most of them. Nothing else does, so that it comes once at the end of each change.
func (s *Store) settle(now time.Time, most int) (moved int, more bool) {
	for k := range s.touched {
		for len(k.waiters) > 0 {
			j := k.next()
			if !s.gate(k, j).Room(now, j.ID, j.use(k)) {
				break
			}
			if most--; most < 0 {
				return moved, true
			}
			s.take(j)
			if at := s.barredBy(j, now); at != nil {
				s.wait(j, at) // its turn here, and no room there
			} else {
				s.letThrough(j)
				moved++
			}
		}
		delete(s.touched, k)
	}
	return moved, false
}

// Admit is that of store.Gates: what time alone has changed.
func (s *Store) Admit(ctx context.Context, most int) (moved int, more bool, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for _, k := range s.keys {
			s.touched[k] = true
		}
		moved, more = s.settle(now, most)
		clear(s.touched)
		return nil
	})
	return moved, more, err
}

// admitAt is when Admit has something to do.
func (s *Store) admitAt(now time.Time) (at time.Time) {
	for _, k := range s.keys {
		if len(k.waiters) > 0 {
			j := k.next()
			at = sooner(at, s.gate(k, j).Opens(now, j.use(k)))
		}
	}
	return at
}

// sooner is the earlier of two times, of which the zero time is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// A limit is one that was made known.
type limit struct {
	store.Limit // as it holds
	declared    store.Limit
	byHand      bool
	seen        time.Time
}

// PutLimits is that of store.Gates.
func (s *Store) PutLimits(ctx context.Context, limits []store.Limit) error {
	return s.do(ctx, func(now time.Time) error {
		for _, l := range limits {
			before := s.limits[l.Name]
			is := &limit{Limit: l, declared: l, seen: now}
			if before != nil && before.byHand {
				is.Max, is.byHand = before.Max, true
			}
			s.limits[l.Name] = is
			s.touch(l.Name)
		}
		return nil
	})
}

// touch has the keys of a limit looked at.
func (s *Store) touch(name string) {
	for _, k := range s.keys {
		if of, _ := gate.Parse(k.id); of == name {
			s.touched[k] = true
		}
	}
}

// controlLimit does what c says of a limit.
func (s *Store) controlLimit(c store.Control, now time.Time) (what string, err error) {
	name := cmp.Or(c.SetLimit, c.ResetLimit, c.PauseLimit.Limit, c.SkipLimit.Limit)
	l := s.limits[name]
	if l == nil {
		return "", fmt.Errorf("limit %q: %w", name, store.ErrNotFound)
	}
	switch {
	case c.SetLimit != "":
		l.Max, l.byHand = c.Max, true
		what = fmt.Sprintf("set limit %s to %d", name, c.Max)
	case c.ResetLimit != "":
		l.Limit, l.byHand = l.declared, false
		what = "reset limit " + name
	case c.PauseLimit.Limit != "":
		s.key(c.PauseLimit).paused = now.Add(c.PauseFor)
		what = fmt.Sprintf("pause limit %s %s for %v", name, c.PauseLimit.Key, c.PauseFor)
	default:
		s.key(c.SkipLimit).stops = store.ID{}
		what = fmt.Sprintf("skip limit %s %s", name, c.SkipLimit.Key)
	}
	s.touch(name)
	return what, nil
}

// pause keeps all jobs of a key from starting, by a job of that key.
func (s *Store) pause(j *job, name string, until time.Time) {
	for _, u := range j.uses() {
		if k := s.key(u); u.Limit == name && k.paused.Before(until) {
			k.paused = until
		}
	}
}

// Limits is that of store.Gates.
func (s *Store) Limits(ctx context.Context, names ...string) (states []store.LimitState, err error) {
	err = s.do(ctx, func(now time.Time) error {
		for _, name := range slices.Sorted(maps.Keys(s.limits)) {
			own := len(names) == 0 && name[:min(len(name), 1)] == store.OwnLimit
			if own || len(names) > 0 && !slices.Contains(names, name) {
				continue
			}
			l := s.limitState(name)
			for _, k := range s.keys {
				if of, _ := gate.Parse(k.id); of == name && s.speaks(k, now) {
					l.Keys = append(l.Keys, s.keyState(k, now))
				}
			}
			slices.SortFunc(l.Keys, func(a, b store.KeyState) int {
				return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(b.Held, a.Held), cmp.Compare(a.Key, b.Key))
			})
			l.Keys = l.Keys[:min(len(l.Keys), store.MaxKeyStates)]
			if len(names) > 0 || !l.Forgotten(now) {
				states = append(states, l)
			}
		}
		return nil
	})
	return states, err
}

func (s *Store) limitState(name string) store.LimitState {
	if l := s.limits[name]; l != nil {
		return store.LimitState{Limit: l.Limit, Declared: l.declared, ByHand: l.byHand, Seen: l.seen}
	}
	return store.LimitState{Limit: s.limit(name)}
}

// speaks reports whether a key has something to say.
func (s *Store) speaks(k *key, now time.Time) bool {
	return len(k.holders) > 0 || len(k.waiters) > 0 || k.paused.After(now) || k.full.After(now) || !k.stops.IsZero()
}

func (s *Store) keyState(k *key, now time.Time) store.KeyState {
	name, of := gate.Parse(k.id)
	v := store.KeyState{Key: of, Held: len(k.holders), Waiting: min(len(k.waiters), 1000), Stopped: k.stops}
	if k.paused.After(now) {
		v.Paused = k.paused
	}
	holders := slices.SortedFunc(maps.Keys(k.holders), store.ID.Compare)
	v.Holders = holders[:min(len(holders), 10)]
	var next *job
	u := store.Use{Limit: name, Key: of}
	if len(k.waiters) > 0 {
		next = k.next()
		u = next.use(k)
	}
	if g := s.gate(k, next); g.Limit.Per > 0 {
		if at := g.Opens(now, u); at.After(now) {
			v.Next = at
		}
	}
	return v
}

// all is more than there can be.
const all = math.MaxInt
