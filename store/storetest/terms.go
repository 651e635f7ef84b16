package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// terms are those of a job, made if it has none.
func terms(n *store.NewJob) *store.Terms {
	if n.Terms == nil {
		n.Terms = &store.Terms{}
	}
	return n.Terms
}

// under puts a job under a limit, by a key or by none.
func under(limit, key string) func(*store.NewJob) {
	return uses(store.Use{Limit: limit, Key: key})
}

// uses puts a job under limits.
func uses(list ...store.Use) func(*store.NewJob) {
	return func(n *store.NewJob) { terms(n).Limits = append(slices.Clone(terms(n).Limits), list...) }
}

// unique gives a job a unique key.
func unique(key string, until store.Until, on store.Conflict) func(*store.NewJob) {
	return func(n *store.NewJob) { terms(n).Unique = &store.Unique{Key: key, Until: until, OnConflict: on} }
}

// window gives a job a key that is unique for a time.
func window(key string, d time.Duration, on store.Conflict) func(*store.NewJob) {
	return func(n *store.NewJob) { terms(n).Unique = &store.Unique{Key: key, For: d, OnConflict: on} }
}

// turn makes a job take turns.
func turn(key string, weight int) func(*store.NewJob) {
	return func(n *store.NewJob) { terms(n).Turn = &store.Turn{Key: key, Weight: weight} }
}

// expire makes a job expire.
func expire(d time.Duration) func(*store.NewJob) {
	return func(n *store.NewJob) { terms(n).Expire = d }
}

// limits makes limits known.
func (s *scene) limits(all ...store.Limit) {
	s.t.Helper()
	s.must(s.Store.PutLimits(s.ctx(), all))
}

// one makes limits known that let one job in.
func (s *scene) one(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.limits(store.Limit{Name: name, Max: 1})
	}
}

// limit is a limit that is known.
func (s *scene) limit(name string) store.LimitState {
	s.t.Helper()
	states, err := s.Store.Limits(s.ctx(), name)
	s.must(err)
	if len(states) != 1 || states[0].Name != name {
		s.t.Fatalf("Limits of %q = %+v, want it alone", name, states)
	}
	return states[0]
}

// key is one key of a limit, empty if nothing is known of it.
func (s *scene) key(limit, key string) store.KeyState {
	s.t.Helper()
	for _, k := range s.limit(limit).Keys {
		if k.Key == key {
			return k
		}
	}
	return store.KeyState{Key: key}
}

// wantKey wants so many jobs to hold a key and to wait for it.
func (s *scene) wantKey(limit, key string, held, waiting int) {
	s.t.Helper()
	if k := s.key(limit, key); k.Held != held || k.Waiting != waiting {
		s.t.Errorf("key %q of limit %q is held by %d, and %d wait; want %d and %d", key, limit, k.Held, k.Waiting, held, waiting)
	}
}

// inserts inserts jobs of which some may not be stored as they are.
func (s *scene) inserts(all ...store.NewJob) []store.Inserted {
	s.t.Helper()
	inserted, err := s.Store.Insert(s.ctx(), all)
	s.must(err)
	if len(inserted) != len(all) {
		s.t.Fatalf("Insert of %d jobs gave %d answers", len(all), len(inserted))
	}
	return inserted
}

// enqueueAs inserts a new job, and wants a limit to have decided on it so: Available,
// Blocked or Cancelled.
func (s *scene) enqueueAs(state store.State, with ...func(*store.NewJob)) store.ID {
	s.t.Helper()
	n := aJob(with...)
	want := store.Inserted{ID: n.ID}
	if state != store.Available {
		want.State = state
	}
	if in := s.inserts(n)[0]; in != want {
		s.t.Fatalf("Insert = %+v, want %+v", in, want)
	}
	s.want(n.ID, state)
	return n.ID
}

// let inserts a job that its limits let through.
func (s *scene) let(with ...func(*store.NewJob)) store.ID {
	s.t.Helper()
	return s.enqueueAs(store.Available, with...)
}

// waits inserts a job that waits for a limit.
func (s *scene) waits(with ...func(*store.NewJob)) store.ID {
	s.t.Helper()
	id := s.enqueueAs(store.Blocked, with...)
	s.wantWaits(id, "")
	return id
}

// wantWaits wants a job to wait for a limit; "" is any.
func (s *scene) wantWaits(id store.ID, limit string) {
	s.t.Helper()
	if j := s.want(id, store.Blocked); j.Waits != store.WaitsLimit || limit != "" && j.Limit.Limit != limit {
		s.t.Errorf("job %s waits for %q, %+v; want limit %q", id, j.Waits, j.Limit, limit)
	}
}

// observed is what a process sees that has just looked.
func (s *scene) observed() store.View {
	s.t.Helper()
	if s.watcher.IsZero() {
		s.watcher = s.join()
	}
	return s.look(s.watcher)
}

// settle does what View.Admit and View.Settle ask for, as an engine would, until they ask for
// nothing.
func (s *scene) settle() {
	s.t.Helper()
	for range 1000 {
		v := s.observed()
		admit := !v.Admit.IsZero() && !v.Admit.After(v.Now)
		switch {
		case v.Settle:
			_, _, err := s.Store.Settle(s.ctx(), 1000)
			s.must(err)
		case !admit:
			return
		}
		if admit {
			_, _, err := s.Store.Admit(s.ctx(), 1000)
			s.must(err)
		}
	}
	s.t.Fatalf("View asks for Admit or Settle again and again")
}

// takes claims from a queue in whatever order.
func (s *scene) takes(p store.ID, queue string, limit int) []store.Claimed {
	s.t.Helper()
	claimed, err := s.Store.Claim(s.ctx(), store.ClaimRequest{Process: p, Queue: queue, Limit: limit})
	s.must(err)
	if len(claimed) > limit {
		s.t.Fatalf("Claim with limit %d gave %d jobs", limit, len(claimed))
	}
	return claimed
}

// takesAll claims all of a queue that can start now. A claim may find jobs that have to be
// decided first, and so give none though there are some.
func (s *scene) takesAll(p store.ID, queue string) (all []store.Claimed) {
	s.t.Helper()
	for idle := 0; idle < 2; idle++ {
		if got := s.takes(p, queue, 1000); len(got) > 0 {
			all = append(all, got...)
			idle = -1
		}
		s.settle()
	}
	return all
}

// wantTakes wants these jobs of the queue of plain jobs, in this order, to be all that can
// start now.
func (s *scene) wantTakes(p store.ID, want ...store.ID) []store.Claimed {
	s.t.Helper()
	got := s.takesAll(p, "mail")
	if !slices.Equal(ids(got), want) {
		s.t.Fatalf("claimed %v, want %v", ids(got), want)
	}
	return got
}

// takesThis claims all that can start now, and wants it to be the one named.
func (s *scene) takesThis(p, id store.ID) store.Claimed {
	s.t.Helper()
	return s.wantTakes(p, id)[0]
}

// wantRuns wants these jobs of the queue of plain jobs, in this order, to be all that can be run, and
// runs them.
func (s *scene) wantRuns(p store.ID, want ...store.ID) {
	s.t.Helper()
	if got := s.runAll(p); !slices.Equal(got, want) {
		s.t.Errorf("jobs ran in the order %v, want %v", got, want)
	}
}

// runAll claims and completes what can be run of the queue of plain jobs until nothing can,
// and returns it in the order of its start.
func (s *scene) runAll(p store.ID) (order []store.ID) {
	s.t.Helper()
	for {
		got := s.takesAll(p, "mail")
		if len(got) == 0 {
			return order
		}
		for _, c := range got {
			order = append(order, c.ID)
			s.finish(p, completed(c))
		}
	}
}
