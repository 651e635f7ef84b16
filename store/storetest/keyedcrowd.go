package storetest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

// historyTermsCrowd lets several processes, two of them on stores of their own, work jobs of
// all terms as they like.
func historyTermsCrowd(s *scene) {
	s.eachSeed(func(s *scene, r *rand.Rand) {
		c := &throng{running: map[string]int{}, most: map[string]int{}, held: map[store.ID][]store.Claimed{}, lost: map[store.ID]bool{}}
		for _, l := range termedLimits {
			s.limits(l)
			c.most[l.Name] = l.Max
		}
		hands := make([]*hand, 4)
		for i := range hands {
			view := s
			if i%2 == 1 && s.Another != nil {
				view = s.another()
			}
			hands[i] = &hand{scene: view, throng: c, r: rand.New(rand.NewPCG(r.Uint64(), uint64(i)))}
		}
		together(len(hands), func(i int) {
			for step := 0; step < 40 && !s.t.Failed(); step++ {
				hands[i].step()
			}
		})
		if !s.t.Failed() {
			c.judge(s)
		}
	})
}

// A throng is what its hands know to run: a part of what does, since a claim is counted when it
// has returned, and an end before it is asked for.
type throng struct {
	mu        sync.Mutex // guards all below; never held during a call to a store
	ids       []store.ID
	processes []store.ID
	running   map[string]int               // by gate
	most      map[string]int               // by limit
	held      map[store.ID][]store.Claimed // by process
	lost      map[store.ID]bool
}

func (c *throng) locked(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// A hand is one after the other of the throng's processes.
type hand struct {
	*scene
	throng *throng
	r      *rand.Rand
	me     store.ID
}

// count adds n for each limit that a job is under.
func (c *throng) count(job store.Claimed, n int) (over string) {
	if job.Terms == nil {
		return ""
	}
	for _, u := range job.Terms.Limits {
		id := keyName(u.Limit, u.Key)
		if c.running[id] += n; u.Limit != "rate" && c.running[id] > c.most[u.Limit] {
			over = id
		}
	}
	return over
}

func (w *hand) step() {
	if w.me.IsZero() {
		w.me = w.join()
		w.throng.locked(func() { w.throng.processes = append(w.throng.processes, w.me) })
	}
	switch n := w.r.IntN(100); {
	case n < 20:
		w.adds()
	case n < 50:
		w.claims()
	case n < 75:
		w.ends()
	case n < 82:
		w.putsBack()
	case n < 88:
		w.acts()
	case n < 92:
		w.loses()
	case n < 96:
		w.looks()
	default:
		_, _, err := w.Store.Admit(w.ctx(), 50)
		w.must(err)
	}
}

func (w *hand) adds() {
	var all []store.NewJob
	for range 1 + w.r.IntN(4) {
		all = append(all, aJob(pick(w.r, termed)(pick(w.r, []string{"a", "b"}))...))
	}
	var inserted []store.Inserted
	if w.Begin != nil && !w.OneWriter && w.r.IntN(4) == 0 {
		inserted = w.addsWithin(all)
	} else {
		inserted = w.inserts(all...)
	}
	w.throng.locked(func() {
		for _, in := range inserted {
			w.throng.ids = append(w.throng.ids, in.ID)
		}
	})
}

// addsWithin inserts within a transaction. Two of them that want each other's keys can't both
// go on: then it is given up.
func (w *hand) addsWithin(all []store.NewJob) []store.Inserted {
	tx, tw := w.begin()
	inserted, err := tw.Insert(w.ctx(), all)
	if err != nil {
		w.must(tx.Rollback())
		return nil
	}
	w.must(tx.Commit())
	return inserted
}

func (w *hand) claims() {
	var claimed []store.Claimed
	var err error
	switch w.r.IntN(5) {
	case 0:
		claimed, err = w.Store.ClaimParked(w.ctx(), store.ParkedRequest{Process: w.me, Queue: "mail", Tasks: []string{"send"}, Limit: 3})
	case 1:
		claimed, err = w.Store.ClaimParked(w.ctx(), store.ParkedRequest{Process: w.me, Queue: "mail", Suspect: true, Limit: 1})
	default:
		claimed, err = w.Store.Claim(w.ctx(), store.ClaimRequest{Process: w.me, Queue: "mail", Limit: 1 + w.r.IntN(4)})
	}
	if errors.Is(err, store.ErrLeaseLost) {
		w.haunts()
		return
	}
	w.must(err)
	w.throng.locked(func() {
		if w.throng.lost[w.me] {
			return // meanwhile: what it claimed is others' already
		}
		w.throng.held[w.me] = append(w.throng.held[w.me], claimed...)
		for _, c := range claimed {
			if over := w.throng.count(c, 1); over != "" {
				w.t.Errorf("more jobs of the key %q run than its limit lets, since the claim of %s", over, c.ID)
			}
		}
	})
}

// haunts is the end of a process that is being lost: it finishes what it thinks it has, which
// others may not have been given yet.
func (w *hand) haunts() {
	var all []store.Ended
	w.throng.locked(func() {
		for _, c := range w.throng.held[w.me] {
			all = append(all, completed(c))
		}
	})
	_, err := w.Store.Finish(w.ctx(), w.me, all)
	w.must(err)
	w.me = store.ID{}
}

// takeHeld takes an attempt out of hand, and out of the count unless its process is lost.
func (w *hand) takeHeld() (c store.Claimed, ok, lost bool) {
	w.throng.locked(func() {
		held := w.throng.held[w.me]
		if lost = w.throng.lost[w.me]; lost || len(held) == 0 {
			return
		}
		i := w.r.IntN(len(held))
		c, ok = held[i], true
		w.throng.held[w.me] = slices.Delete(held, i, i+1)
		w.throng.count(c, -1)
	})
	return c, ok, lost
}

func (w *hand) ends() {
	c, ok, lost := w.takeHeld()
	if lost {
		w.haunts()
	}
	if !ok {
		return
	}
	_, err := w.Store.Finish(w.ctx(), w.me, []store.Ended{ended(c, pick(w.r, []store.Outcome{
		store.OutcomeCompleted, store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeSnooze,
		store.OutcomeDiscarded, store.OutcomeCancelled,
	}))})
	w.must(err)
}

func (w *hand) putsBack() {
	c, ok, _ := w.takeHeld()
	if !ok {
		return
	}
	if w.r.IntN(2) == 0 {
		w.must(w.Store.Release(w.ctx(), w.me, fences(c)))
	} else {
		w.must(w.Store.Park(w.ctx(), w.me, w.r.IntN(2) == 0, fences(c)))
	}
}

func (w *hand) acts() {
	act := store.Act{Verb: pick(w.r, []store.Verb{store.Cancel, store.Delete, store.Retry, store.Retry, store.RunNow})}
	w.throng.locked(func() { act.IDs = some(w.r, w.throng.ids, 3) })
	_, err := w.Store.Act(w.ctx(), act)
	w.must(err)
}

// loses declares a process lost. What it ran counts no more from before the call on.
func (w *hand) loses() {
	var p store.ID
	w.throng.locked(func() {
		p = pick(w.r, w.throng.processes)
		if w.throng.lost[p] {
			return
		}
		w.throng.lost[p] = true
		for _, c := range w.throng.held[p] {
			w.throng.count(c, -1)
		}
	})
	w.declareLost(p)
}

// looks checks what limits say of themselves, and that a unique key has one job.
func (w *hand) looks() {
	states, err := w.Store.Limits(w.ctx())
	w.must(err)
	for _, l := range states {
		for _, k := range l.Keys {
			if l.Per == 0 && k.Held > l.Max {
				w.t.Errorf("key %q of %s is held by %d, at most %d", k.Key, l.Name, k.Held, l.Max)
			}
		}
	}
	w.oneEach(w.live())
}

// judge lets all that is left be run, and wants nothing to be held or to wait then.
func (c *throng) judge(s *scene) {
	s.needs("Advance", s.Advance != nil)
	h := &terming{scene: s, r: rand.New(rand.NewPCG(1, 1)), ids: c.ids, processes: c.processes}
	s.advance(time.Second)
	s.settle()
	h.check()
	h.drains()
}
