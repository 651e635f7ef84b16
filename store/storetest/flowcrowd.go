package storetest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/offloadhq/offload/store"
)

// historyFlowsCrowd lets several processes, two of them on stores of their own, work jobs that
// wait for each other's.
func historyFlowsCrowd(s *scene) {
	s.needs("Advance", s.Advance != nil) // suspects are left alone for a while
	s.eachSeed(func(s *scene, r *rand.Rand) {
		c := &swarm{freed: map[store.ID]bool{}}
		walkers := make([]*walker, 4)
		for i := range walkers {
			view := s
			if i%2 == 1 && s.Another != nil {
				view = s.another()
			}
			own := rand.New(rand.NewPCG(r.Uint64(), uint64(i)))
			walkers[i] = &walker{scene: view, swarm: c, r: own, planner: planner{r: own, loose: map[store.ID]bool{}}}
		}
		together(len(walkers), func(i int) {
			for step := 0; step < 20 && !s.t.Failed(); step++ {
				walkers[i].step()
			}
		})
		if s.t.Failed() {
			return
		}
		s.settle()
		s.wantSpurned(s.everything(), c.freed)
		s.endsAll(c.processes)
		s.wantSpurned(s.everything(), c.freed)
		for _, id := range c.batches {
			s.wantBatch(id)
		}
	})
}

// A swarm is what its walkers have in common.
type swarm struct {
	mu           sync.Mutex // guards all below; never held during a call to a store
	ids, batches []store.ID // stored by any of them
	processes    []store.ID
	freed        map[store.ID]bool // that somebody has retried
}

func (c *swarm) locked(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// A walker is one process of a swarm, and its next when it is lost.
type walker struct {
	*scene
	swarm   *swarm
	r       *rand.Rand
	planner planner
	me      store.ID
	held    []store.Claimed
}

func (w *walker) step() {
	if w.me.IsZero() {
		w.me, w.held = w.join(), nil
		w.swarm.locked(func() { w.swarm.processes = append(w.swarm.processes, w.me) })
	}
	switch n := w.r.IntN(100); {
	case n < 30:
		w.adds()
	case n < 55:
		w.claims()
	case n < 80:
		w.ends()
	case n < 94:
		w.acts()
	case n < 97:
		w.declareLost(w.me)
		w.me = store.ID{}
	default:
		_, _, err := w.Store.Settle(w.ctx(), 1+w.r.IntN(5))
		w.must(err)
	}
}

// adds inserts jobs after those of all walkers. What they are after may be deleted meanwhile, and
// their batch may end.
func (w *walker) adds() {
	w.swarm.locked(func() {
		w.planner.ids = append(w.planner.ids, some(w.r, w.swarm.ids, 10)...)
		w.planner.batches = append(w.planner.batches, some(w.r, w.swarm.batches, 3)...)
	})
	before := w.planner
	all := w.planner.plan(
		func(id store.ID) bool { return len(w.find(id)) > 0 },
		func(id store.ID) bool { found := w.find(id); return len(found) > 0 && !found[0].State.Ended() },
	)
	var err error
	if w.Begin != nil && !w.OneWriter && w.r.IntN(3) == 0 {
		tx, tw := w.begin()
		if _, err = tw.Insert(w.ctx(), all); err == nil {
			if w.r.IntN(2) == 0 {
				w.ends()
			}
			w.must(tx.Commit())
		} else {
			w.must(tx.Rollback())
		}
	} else {
		_, err = w.Store.Insert(w.ctx(), all)
	}
	if errors.Is(err, store.ErrUpstream) {
		w.planner.ids, w.planner.batches = before.ids, before.batches
		return
	}
	w.must(err)
	w.swarm.locked(func() {
		for _, n := range all {
			w.swarm.ids = append(w.swarm.ids, n.ID)
			if n.Task == store.BatchTask {
				w.swarm.batches = append(w.swarm.batches, n.ID)
			}
		}
	})
}

func (w *walker) claims() {
	got, err := w.Store.Claim(w.ctx(), store.ClaimRequest{Process: w.me, Queue: pick(w.r, []string{"mail", "image"}), Limit: 1 + w.r.IntN(5)})
	w.must(err)
	w.held = append(w.held, got...)
}

func (w *walker) ends() {
	var all []store.Ended
	for range min(len(w.held), 1+w.r.IntN(3)) {
		all = append(all, ended(w.held[0], pick(w.r, []store.Outcome{
			store.OutcomeCompleted, store.OutcomeCompleted, store.OutcomeCompleted, store.OutcomeDiscarded, store.OutcomeCancelled, store.OutcomeRetry,
		})))
		w.held = w.held[1:]
	}
	_, err := w.Store.Finish(w.ctx(), w.me, all)
	w.must(err)
}

// acts acts on jobs that are no batches, which nobody shall end otherwise than their members do.
func (w *walker) acts() {
	act := store.Act{Verb: pick(w.r, []store.Verb{store.Cancel, store.Delete, store.Retry, store.Retry, store.Retry, store.RunNow})}
	w.swarm.locked(func() {
		act.IDs = slices.DeleteFunc(some(w.r, w.swarm.ids, 4), func(id store.ID) bool { return slices.Contains(w.swarm.batches, id) })
	})
	w.swarm.locked(func() {
		for _, id := range act.IDs {
			w.swarm.freed[id] = w.swarm.freed[id] || act.Verb == store.Retry
		}
	})
	_, err := w.Store.Act(w.ctx(), act)
	w.must(err)
}

// everything is all jobs and batches of a history.
func (s *scene) everything() []store.Job {
	s.t.Helper()
	return s.findAll(store.Filter{Queues: flowQueues, Max: 10_000})
}

// wantSpurned wants jobs that are cancelled for their upstreams to have one that keeps them from
// running now, but for those that somebody has retried.
func (s *scene) wantSpurned(all []store.Job, freed map[store.ID]bool) {
	s.t.Helper()
	ends, spurned := map[store.ID]store.State{}, []store.ID{}
	for _, j := range all {
		ends[j.ID] = ""
		if j.State.Ended() {
			ends[j.ID] = j.State
		}
		if j.State == store.Cancelled && j.Attempt == 0 && j.Error != "" && !freed[j.ID] {
			spurned = append(spurned, j.ID)
		}
	}
	edges := map[store.ID][]store.EdgeState{}
	for _, e := range s.edgesOf(spurned...) {
		if end, stored := ends[e.Upstream]; stored {
			e.State = end
		} else if e.State == "" {
			e.State = store.Deleted
		}
		edges[e.Job] = append(edges[e.Job], e)
	}
	for _, id := range spurned {
		unmet, failing, failed := false, false, false
		for _, e := range edges[id] {
			switch e.On {
			case store.OnFailed:
				failing, failed = true, failed || e.State == "" || e.State == store.Discarded
			case store.OnCompleted:
				unmet = unmet || e.State != "" && e.State != store.Completed
			}
		}
		if !unmet && (!failing || failed) {
			s.t.Errorf("job %s is cancelled, though its upstreams are %+v", id, edges[id])
		}
	}
}

// wantBatch wants a batch to have ended as its members have.
func (s *scene) wantBatch(id store.ID) {
	s.t.Helper()
	c, want := s.count(id), store.Completed
	switch {
	case c.Discarded > 0:
		want = store.Discarded
	case c.Cancelled > 0:
		want = store.Cancelled
	}
	if j := s.job(id); j.State != want || c.Open > 0 || c.Members != c.Completed+c.Discarded+c.Cancelled {
		s.t.Errorf("batch %s is %s, want %s: %+v", id, j.State, want, c)
	}
	found := map[store.State]int{}
	for _, m := range s.findAll(store.Filter{Batch: id, Queues: flowQueues, Max: 10_000}) {
		found[m.State]++
	}
	// Those that were deleted after their end count as they ended.
	if found[store.Completed] > c.Completed || found[store.Discarded] > c.Discarded || found[store.Cancelled] > c.Cancelled {
		s.t.Errorf("batch %s has members %v, and counts %+v", id, found, c)
	}
}
