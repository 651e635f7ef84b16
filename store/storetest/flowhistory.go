package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

var flowHistoryLaws = []law{
	{"History/Flows", "any history of jobs that wait for others leaves them where the model does, and all of them end", historyFlows},
	{"History/FlowsCrowd", "in any history that many processes make at once nobody is forgotten, and batches end as their members did", historyFlowsCrowd},
}

func historyFlows(s *scene) {
	s.needs("Advance", s.Advance != nil) // suspects are left alone for a while
	s.eachSeed(func(s *scene, r *rand.Rand) {
		h := &flowing{
			history: history{
				scene: s, model: &scene{t: s.t, Subject: Subject{Store: memory.New()}}, r: r,
				accepted: map[store.Fence]bool{},
			},
			planner: planner{r: r, loose: map[store.ID]bool{}},
			freed:   map[store.ID]bool{},
		}
		s.t.Cleanup(func() {
			if s.t.Failed() {
				s.t.Logf("what was done:\n\t%s", strings.Join(h.steps, "\n\t"))
			}
		})
		h.joins()
		h.joins()
		for i := 0; i < 60 && !s.t.Failed(); i++ {
			h.step()
			h.settle()
			if i%4 == 0 {
				h.compare()
			}
		}
		if !s.t.Failed() {
			h.compare()
			h.endsAll(h.processes)
			h.wantSpurned(h.everything(), h.freed)
		}
	})
}

// flowQueues are those of the histories' jobs and batches.
var flowQueues = []string{"mail", "image", store.SystemQueue}

// A planner makes up jobs that wait for others.
type planner struct {
	r       *rand.Rand
	ids     []store.ID
	batches []store.ID
	loose   map[store.ID]bool // jobs that can't wait for a batch, however far away
}

// plan makes up the jobs of one call, which may be after those that stored reports, and in
// batches that open reports.
func (p *planner) plan(stored, open func(store.ID) bool) (all []store.NewJob) {
	known := slices.DeleteFunc(some(p.r, p.ids, 6), func(id store.ID) bool { return !stored(id) })
	batches := slices.DeleteFunc(some(p.r, p.batches, 3), func(id store.ID) bool { return !open(id) })
	if p.r.IntN(4) == 0 {
		b := aBatch()
		if len(batches) > 0 && p.r.IntN(2) == 0 {
			in(batches[0])(&b)
		}
		all = append(all, b)
		known, batches = append(known, b.ID), []store.ID{b.ID}
		p.batches = append(p.batches, b.ID)
	}
	for range 1 + p.r.IntN(4) {
		n := aJob(queue(pick(p.r, []string{"mail", "image"})))
		if p.r.IntN(8) == 0 {
			n.Delay = time.Hour
		}
		loose := true
		member := len(batches) > 0 && p.r.IntN(2) == 0
		if member {
			in(pick(p.r, batches))(&n)
		}
		if p.r.IntN(3) > 0 {
			otherwise := pick(p.r, []store.Else{store.ElseCancel, store.ElseCancel, store.ElseHold})
			up := some(p.r, known, 3)
			if last := len(all) - 1; len(up) == 0 && last >= 0 {
				up = []store.ID{all[last].ID}
			}
			for _, up := range up {
				if member && !p.loose[up] {
					continue // it might wait for its own batch
				}
				by(pick(p.r, []store.On{store.OnCompleted, store.OnCompleted, store.OnEnded, store.OnFailed}), otherwise, up)(&n)
				loose = loose && p.loose[up]
			}
		}
		p.loose[n.ID] = loose
		known = append(known, n.ID)
		all = append(all, n)
	}
	p.ids = append(p.ids, idsOf(all)...)
	return all
}

// A flowing is a history of jobs that wait for others.
type flowing struct {
	history
	planner planner
	batches []store.ID
	freed   map[store.ID]bool // by a person, whatever their edges say
}

func (h *flowing) step() {
	h.t.Helper()
	switch n := h.r.IntN(100); {
	case n < 22:
		h.adds()
	case n < 40:
		h.claims()
	case n < 66:
		h.finishes()
	case n < 72:
		h.completesWithin()
	case n < 92:
		h.acts()
	case n < 95:
		h.givesBack("release", func(s *scene, p store.ID, f []store.Fence) error { return s.Store.Release(s.ctx(), p, f) })
	case n < 98:
		h.reaps()
	default:
		h.givesBack("park", func(s *scene, p store.ID, f []store.Fence) error { return s.Store.Park(s.ctx(), p, false, f) })
	}
}

// adds inserts jobs, some of them within a transaction.
func (h *flowing) adds() {
	h.t.Helper()
	before := h.planner
	all := h.planner.plan(
		func(id store.ID) bool { return len(h.model.find(id)) > 0 },
		func(id store.ID) bool { found := h.model.find(id); return len(found) > 0 && !found[0].State.Ended() },
	)
	within := h.Begin != nil && h.r.IntN(3) == 0
	for _, n := range all {
		h.log("insert %s %s in %s after %v, delay %v, within a transaction %v", n.ID, n.Task, batchOf(n), n.After, n.Delay, within)
	}
	if within && h.r.IntN(4) == 0 {
		h.log("rollback")
		tx, w := h.begin()
		h.within(w, all...)
		h.must(tx.Rollback())
		h.planner.ids, h.planner.batches = before.ids, before.batches
		return
	}
	h.ids, h.batches = h.planner.ids, h.planner.batches
	both(&h.history, "insert", func(s *scene) (bool, error) {
		if s != h.scene || !within {
			_, err := s.Store.Insert(s.ctx(), all)
			return true, err
		}
		tx, w := s.begin()
		s.within(w, all...)
		return true, tx.Commit()
	}, func(bool, bool) bool { return true })
}

func batchOf(n store.NewJob) (id store.ID) {
	if n.Terms != nil {
		id = n.Terms.Batch
	}
	return id
}

// claims checks, beside what a history checks, that what is claimed may run.
func (h *flowing) claims() {
	h.t.Helper()
	before := len(h.held)
	h.history.claims()
	for _, held := range h.held[before:] {
		if c := held.claimed; !h.freed[c.ID] && c.Attempt == 1 {
			wantAllowed(h.scene, c.ID)
		}
	}
}

// wantAllowed wants the edges of a job to allow its run, as far as they are those of jobs.
func wantAllowed(s *scene, id store.ID) {
	s.t.Helper()
	failing, failed := false, false
	for _, e := range s.edgesOf(id) {
		switch {
		case e.On == store.OnFailed:
			found := s.find(e.Upstream)
			batch := len(found) == 0 || found[0].Task == store.BatchTask
			failing, failed = true, failed || batch || e.State == store.Discarded
		case e.State == "", e.On == store.OnCompleted && e.State != store.Completed:
			s.t.Errorf("job %s was claimed, though its upstream is %+v", id, e)
		}
	}
	if failing && !failed {
		s.t.Errorf("job %s was claimed, though none has failed of %+v", id, s.edgesOf(id))
	}
}

func (h *flowing) completesWithin() {
	p, list := h.holds(false)
	if len(list) == 0 || h.Begin == nil {
		return
	}
	c := list[0]
	if j := h.model.find(c.ID); len(j) == 0 || j[0].State != store.Running || j[0].Attempt != c.Attempt {
		return
	}
	h.log("complete %v within a transaction", c.Fence)
	h.done("complete", func(s *scene) error {
		if s != h.scene {
			_, err := s.Store.Finish(s.ctx(), p, []store.Ended{completed(c)})
			return err
		}
		tx, w := s.begin()
		s.must(w.Complete(s.ctx(), p, completed(c)))
		s.must(tx.Commit())
		s.finish(p, inTx(completed(c)))
		return nil
	})
	h.accepted[c.Fence] = true
}

// acts acts on one job: what becomes of several may hang on their order.
func (h *flowing) acts() {
	if len(h.ids) == 0 {
		return
	}
	act := store.Act{
		Verb: pick(h.r, []store.Verb{store.Cancel, store.Retry, store.Retry, store.Retry, store.RunNow, store.RunNow, store.Delete}),
		IDs:  []store.ID{pick(h.r, h.ids)},
	}
	if slices.Contains(h.batches, act.IDs[0]) && (act.Verb == store.Cancel || act.Verb == store.Delete) {
		counts, err := h.model.Store.Batches(h.ctx(), act.IDs[0])
		h.must(err)
		if counts[act.IDs[0]].Discarded > 0 {
			return // whether it has failed is not said
		}
	}
	h.log("%s %v", act.Verb, act.IDs)
	both(&h.history, string(act.Verb), func(s *scene) ([]store.Acted, error) { return s.Store.Act(s.ctx(), act) },
		func(got, want []store.Acted) bool {
			return len(got) == 1 && got[0].State == want[0].State && (got[0].Effect == store.Done) == (want[0].Effect == store.Done)
		})
	if act.Verb == store.Retry || act.Verb == store.RunNow {
		h.freed[act.IDs[0]] = true
	}
}

// compare compares jobs and batches, and the edges of those that wait.
func (h *flowing) compare() {
	h.t.Helper()
	var waits []store.ID
	both(&h.history, "find", func(s *scene) ([]store.Job, error) {
		return s.Store.Find(s.ctx(), store.Filter{Queues: flowQueues, Max: 10_000})
	}, func(got, want []store.Job) bool {
		for _, j := range want {
			if j.Waits == store.WaitsAfter {
				waits = append(waits, j.ID)
			}
		}
		return slices.EqualFunc(got, want, h.sameJob)
	})
	both(&h.history, "edges", func(s *scene) ([]store.EdgeState, error) { return s.Store.Edges(s.ctx(), waits...) }, slices.Equal)
	both(&h.history, "batches", func(s *scene) (string, error) {
		counts, err := s.Store.Batches(s.ctx(), h.batches...)
		return fmt.Sprint(counts), err
	}, func(got, want string) bool { return got == want })
}

// endsAll lets all jobs end that have not, and wants none of them to be forgotten.
func (s *scene) endsAll(processes []store.ID) {
	s.t.Helper()
	s.declareLost(processes...)
	p := s.join()
	for idle := 0; idle < 3; idle++ {
		if s.Advance != nil {
			s.advance(store.SuspectDelay)
		}
		s.settle()
		for _, j := range s.findAll(store.Filter{States: unended, Max: 10_000}) {
			if j.State == store.Scheduled || j.State == store.Retryable || j.Waits == store.WaitsHeld {
				s.act(store.RunNow, j.ID)
			}
		}
		for _, q := range []string{"mail", "image"} {
			var all []store.Ended
			for _, c := range slices.Concat(s.takes(p, q, 1000), s.claimParked(p, q, 1000, "send"), s.claimSuspect(p, q, 1)) {
				all, idle = append(all, completed(c)), -1
			}
			s.finish(p, all...)
		}
	}
	s.settle()
	for _, j := range s.findAll(store.Filter{States: unended, Queues: flowQueues, Max: 10_000}) {
		if j.Waits != store.WaitsAlone {
			s.t.Errorf("job %s of %s is left %s, and waits for %q: %+v", j.ID, j.Task, j.State, j.Waits, s.edgesOf(j.ID))
		}
	}
}
