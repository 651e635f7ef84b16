package main

import (
	"context"
	"errors"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/cutwire"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

func init() {
	register(Trial{
		Name:   "reset",
		About:  "the connection is reset after so many bytes of a claim and its answer, and of a finish: each of 1 to 4,096, in the short form some",
		Stores: []string{"postgres"},
		Short:  5 * time.Second, Long: 10 * time.Minute,
		Run: resets,
	})
}

// resetBytes is the largest number of bytes after which a connection is reset.
const resetBytes = 4096

// resets claims and finishes by the store's own calls, in this process, so that nothing else
// goes through the proxy.
func resets(s *Stage) {
	proxy := cutwire.New(s, testpg.Host(s, s.Database.Address))
	through, err := store.Open(s.ctx, testpg.WithHost(s, s.Database.Address, proxy.Addr()))
	if err != nil {
		s.Fatalf("open the store: %v", err)
	}
	defer through.Close()
	beside, err := store.Open(s.ctx, s.Database.Address)
	if err != nil {
		s.Fatalf("open the store: %v", err)
	}
	defer beside.Close()
	r := resetter{Stage: s, proxy: proxy, through: through, beside: beside}
	for _, n := range s.Rand.Perm(resetBytes) {
		if s.Left() == 0 {
			if !s.Short {
				s.LeftOut("some numbers of bytes", "the time was over")
			}
			break
		}
		r.once(n + 1)
	}
	proxy.Disarm()
	s.Figure("numbers of bytes tried", float64(r.tries), "")
	s.Figure("claims that were reset", float64(r.claims), "")
	s.Figure("of which the server had done", float64(r.claimed), "")
	s.Figure("finishes that were reset", float64(r.finishes), "")
	s.Settle(time.Minute)
}

type resetter struct {
	*Stage
	proxy                            *cutwire.Proxy
	through, beside                  store.Store
	tries, claims, claimed, finishes int
}

// batch is how many jobs are claimed at once: their answer is about as long as the bytes tried.
const batch = 20

// once enqueues some jobs, claims and finishes them, resetting the connection after n bytes of
// each, and sees that each job was there, and ended, once.
func (r *resetter) once(n int) {
	r.tries++
	ids := map[offload.ID]bool{}
	for _, id := range r.EnqueueMany(batch, Kind{Task: sleepTask.Name, Queue: "reset"}) {
		ids[id] = true
	}
	me := store.NewID()
	r.must("join", r.beside.Join(r.ctx, store.Process{ID: me}))
	r.warm(me)

	r.proxy.ResetAfter(n)
	claimed, err := r.through.Claim(r.ctx, store.ClaimRequest{Process: me, Queue: "reset", Limit: batch})
	r.proxy.Disarm()
	attempt := 1
	if err != nil {
		r.claims++
		r.passing("claim", n, err)
		// As if the process had ended: what it claimed without knowing is given back.
		reaped, err := r.beside.Reap(r.ctx, []store.Beaten{{ID: me, Count: -1}})
		r.must("reap", err)
		if reaped.Released > 0 {
			r.claimed++
			attempt = 2
		}
		if reaped.Released != 0 && reaped.Released != batch {
			r.Broken("reset", "a claim that was reset after %d bytes had leased %d of %d jobs", n, reaped.Released, batch)
		}
		me = store.NewID()
		r.must("join", r.beside.Join(r.ctx, store.Process{ID: me}))
		r.Until("the claim is made again", 10*time.Second, func() bool {
			claimed, err = r.through.Claim(r.ctx, store.ClaimRequest{Process: me, Queue: "reset", Limit: batch})
			return err == nil
		})
	}
	ended := r.ends(n, attempt, ids, claimed)

	r.warm(me)
	r.proxy.ResetAfter(n)
	lost, err := r.through.Finish(r.ctx, me, ended)
	r.proxy.Disarm()
	if err != nil {
		r.finishes++
		r.passing("finish", n, err)
		r.Until("the finish is made again", 10*time.Second, func() bool {
			lost, err = r.through.Finish(r.ctx, me, ended)
			return err == nil
		})
	}
	if len(lost) > 0 {
		r.Broken("reset", "a finish that was reset after %d bytes, made again, lost %v", n, lost)
	}
	r.must("leave", r.beside.Leave(r.ctx, me))
}

// ends checks what was claimed and returns its ends.
func (r *resetter) ends(n, attempt int, want map[offload.ID]bool, claimed []store.Claimed) (ended []store.Ended) {
	for _, c := range claimed {
		if !want[c.ID] || c.Attempt != attempt {
			r.Broken("reset", "after a reset at %d bytes attempt %d of job %s was claimed, want attempt %d of one of these", n, c.Attempt, c.ID, attempt)
		}
		delete(want, c.ID)
		ended = append(ended, store.Ended{Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: store.OutcomeCompleted})
	}
	if len(want) > 0 {
		r.Broken("reset", "after a reset at %d bytes %d of %d jobs were not claimed", n, len(want), batch)
	}
	return ended
}

// EnqueueMany enqueues jobs alike by one call.
func (r *resetter) EnqueueMany(n int, kind Kind) (ids []offload.ID) {
	h := r.ownHand()
	var calls []*offload.Call
	for range n {
		call := h.ledger.call(kind, Work{})
		calls, ids = append(calls, call), append(ids, call.ID())
	}
	_, err := h.app.Enqueue(r.ctx, calls...)
	h.ledger.answered(calls, err)
	r.must("enqueue", err)
	return ids
}

// warm has a sound connection ready on which the statements are prepared.
func (r *resetter) warm(me store.ID) {
	r.Until("a connection is ready", 10*time.Second, func() bool {
		_, err := r.through.Claim(r.ctx, store.ClaimRequest{Process: me, Queue: "nothing", Limit: 1})
		return err == nil
	})
}

func (r *resetter) passing(call string, n int, err error) {
	if !errors.Is(err, store.ErrUnavailable) {
		r.Broken("reset", "a %s that was reset after %d bytes says %v, want an ErrUnavailable", call, n, err)
	}
}

func (r *resetter) must(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		r.Fatalf("%s: %v", what, err)
	}
}
