package storetest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/offloadhq/offload/store"
)

// historyCrowd lets several processes, two of them on stores of their own, do as they like.
func historyCrowd(s *scene) {
	s.eachSeed(func(s *scene, r *rand.Rand) {
		c := &crowd{
			attempts: map[store.Fence]bool{}, claims: map[store.ID]int{}, ends: map[store.Fence]store.Outcome{},
			failed: map[store.ID]int{}, deleted: map[store.ID]bool{}, lost: map[store.ID]bool{},
		}
		workers := make([]*worker, 4)
		for i := range workers {
			view := s
			if i%2 == 1 && s.Another != nil {
				view = s.another()
			}
			workers[i] = &worker{scene: view, crowd: c, r: rand.New(rand.NewPCG(r.Uint64(), uint64(i)))}
		}
		together(len(workers), func(i int) {
			for step := 0; step < 80 && !s.t.Failed(); step++ {
				workers[i].step()
			}
		})
		if !s.t.Failed() {
			c.judge(s)
		}
	})
}

// A crowd is what its workers were told, and so must hold.
type crowd struct {
	mu        sync.Mutex // guards all below; never held during a call to a store
	ids       []store.ID
	processes []store.ID
	attempts  map[store.Fence]bool // that were claimed
	claims    map[store.ID]int
	ends      map[store.Fence]store.Outcome // accepted
	failed    map[store.ID]int              // ends accepted with a failure
	deleted   map[store.ID]bool
	missed    []store.ID        // were not found
	lost      map[store.ID]bool // processes that were declared lost
}

func (c *crowd) locked(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// A worker is one after the other of the crowd's processes.
type worker struct {
	*scene
	crowd *crowd
	r     *rand.Rand
	me    store.ID
	held  []store.Claimed
}

func (w *worker) step() {
	if w.me.IsZero() {
		w.me, w.held = w.join(), nil
		w.crowd.locked(func() { w.crowd.processes = append(w.crowd.processes, w.me) })
	}
	switch n := w.r.IntN(100); {
	case n < 20:
		w.inserts()
	case n < 50:
		w.claims()
	case n < 75:
		w.finishes()
	case n < 80:
		w.must(w.Store.Release(w.ctx(), w.me, fences(w.takes(3)...)))
	case n < 85:
		w.must(w.Store.Park(w.ctx(), w.me, w.r.IntN(3) == 0, fences(w.takes(3)...)))
	case n < 96:
		w.acts()
	default:
		w.reaps()
	}
}

// takes takes up to n attempts out of hand.
func (w *worker) takes(n int) []store.Claimed {
	n = min(n, len(w.held))
	taken := slices.Clone(w.held[:n])
	w.held = w.held[n:]
	return taken
}

func (w *worker) inserts() {
	all := jobs(1+w.r.IntN(4), priority(w.r.IntN(3)))
	w.insert(all...)
	w.crowd.locked(func() { w.crowd.ids = append(w.crowd.ids, idsOf(all)...) })
}

func (w *worker) claims() {
	var claimed []store.Claimed
	var err error
	switch limit := 1 + w.r.IntN(5); w.r.IntN(4) {
	case 0:
		claimed, err = w.Store.ClaimParked(w.ctx(), store.ParkedRequest{Process: w.me, Queue: "mail", Tasks: []string{"send"}, Limit: limit})
	case 1:
		claimed, err = w.Store.ClaimParked(w.ctx(), store.ParkedRequest{Process: w.me, Queue: "mail", Suspect: true, Limit: 1})
	default:
		claimed, err = w.Store.Claim(w.ctx(), store.ClaimRequest{Process: w.me, Queue: "mail", Limit: limit})
	}
	if errors.Is(err, store.ErrLeaseLost) {
		w.finishes() // as a zombie does
		w.me = store.ID{}
		return
	}
	w.must(err)
	w.held = append(w.held, claimed...)
	w.crowd.locked(func() {
		for _, c := range claimed {
			if w.crowd.attempts[c.Fence] {
				w.t.Errorf("attempt %d of job %s was claimed twice", c.Attempt, c.ID)
			}
			w.crowd.attempts[c.Fence] = true
			w.crowd.claims[c.ID]++
		}
	})
}

func (w *worker) finishes() {
	var all []store.Ended
	for _, c := range w.takes(4) {
		all = append(all, ended(c, pick(w.r, []store.Outcome{
			store.OutcomeCompleted, store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeSnooze,
			store.OutcomeDiscarded, store.OutcomeCancelled,
		})))
	}
	late := false
	w.crowd.locked(func() { late = w.crowd.lost[w.me] })
	lost, err := w.Store.Finish(w.ctx(), w.me, all)
	w.must(err)
	w.crowd.locked(func() {
		for _, e := range all {
			if slices.Contains(lost, e.Fence) {
				continue
			}
			if late {
				w.t.Errorf("attempt %d of job %s was finished by a process that was lost", e.Attempt, e.ID)
			}
			w.crowd.ends[e.Fence] = e.Outcome
			if e.Failure != nil {
				w.crowd.failed[e.ID]++
			}
		}
	})
}

func (w *worker) acts() {
	act := store.Act{Verb: pick(w.r, []store.Verb{store.Cancel, store.Retry, store.Retry, store.RunNow, store.Delete, store.Change})}
	first := w.r.IntN(3)
	act.Edit = &store.Edit{Priority: &first}
	w.crowd.locked(func() { act.IDs = some(w.r, w.crowd.ids, 4) })
	acted, err := w.Store.Act(w.ctx(), act)
	w.must(err)
	w.crowd.locked(func() {
		for _, a := range acted {
			if a.Effect == store.NotStored {
				w.crowd.missed = append(w.crowd.missed, a.ID) // its delete may not have been told yet
			}
			if act.Verb == store.Delete && a.Effect == store.Done {
				if w.crowd.deleted[a.ID] {
					w.t.Errorf("job %s was deleted twice", a.ID)
				}
				w.crowd.deleted[a.ID] = true
			}
		}
	})
}

func (w *worker) reaps() {
	var p store.ID
	w.crowd.locked(func() { p = pick(w.r, w.crowd.processes) })
	w.declareLost(p)
	w.crowd.locked(func() { w.crowd.lost[p] = true })
}

// judge lets all that is left be run, and checks that what was told holds.
func (c *crowd) judge(s *scene) {
	s.declareLost(c.processes...)
	if s.Advance != nil {
		s.advance(store.SuspectDelay)
	}
	s.drain(s.join(), "mail")
	for _, id := range c.missed {
		if !c.deleted[id] {
			s.t.Errorf("an act did not find job %s, which nobody had deleted", id)
		}
	}
	for _, id := range c.ids {
		found := s.find(id)
		if c.deleted[id] {
			if len(found) > 0 {
				s.t.Errorf("job %s was deleted and is %s", id, found[0].State)
			}
			continue
		}
		waits := len(found) == 1 && found[0].Waits == store.WaitsAlone && s.Advance == nil // for the time that we can't move
		if len(found) != 1 || !found[0].State.Ended() && !waits {
			s.t.Errorf("job %s is in %d places, want it ended: %+v", id, len(found), found)
			continue
		}
		c.judgeJob(s, found[0])
	}
	s.wantAll(len(c.ids) - len(c.deleted))
}

func (c *crowd) judgeJob(s *scene, j store.Job) {
	for attempt := 1; attempt <= j.Attempt; attempt++ {
		switch outcome := c.ends[store.Fence{ID: j.ID, Attempt: attempt}]; {
		case outcome != store.OutcomeCompleted:
		case j.State != store.Completed:
			s.t.Errorf("job %s was completed and is %s", j.ID, j.State)
		case attempt != j.Attempt:
			s.t.Errorf("job %s was completed in attempt %d and then had attempt %d", j.ID, attempt, j.Attempt)
		}
	}
	if told := c.claims[j.ID]; j.Attempt != told && j.Attempt != told+1 { // one more while draining
		s.t.Errorf("job %s was claimed %d times, and is at attempt %d", j.ID, told, j.Attempt)
	}
	failed := 0
	for _, f := range s.failures(j.ID) {
		if f.Kind != "crash" {
			failed++
		}
	}
	if failed != c.failed[j.ID] {
		s.t.Errorf("job %s has %d records of %d failures", j.ID, failed, c.failed[j.ID])
	}
}
