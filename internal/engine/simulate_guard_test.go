package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/offloadhq/offload/store"
)

// A guard is something of the store that keeps a promise. Simulations without it must find that
// the promise is broken; otherwise they would not see it either if it broke by accident.
type guard struct {
	name  string
	store func(storage) storage // without it
}

var guards = []guard{
	{"Insert keeps one job for one id", func(s storage) storage { return insertsAgain{s} }},
	{"Insert keeps what it has accepted", func(s storage) storage { return dropsLast{s} }},
	{"Finish compares the attempt", func(s storage) storage { return finishesAny{s} }},
	{"Finish again is not a loss", func(s storage) storage { return finishesOnce{s, map[store.Fence]bool{}} }},
	{"Complete compares the attempt", func(s storage) storage { return completesAny{s} }},
	{"Claim refuses a lost process", func(s storage) storage { return claimsForLost{s} }},
	{"Claim brings how often a job has crashed", func(s storage) storage { return forgetsCrashes{s} }},
	{"Reap compares the beat", func(s storage) storage { return reapsAny{s} }},
	{"Reap gives back the jobs of the lost", func(s storage) storage { return reapsNone{s} }},
	{"Beat says that a process is lost", func(s storage) storage { return beatsOn{s} }},
	{"Look shows what is cancelled", func(s storage) storage { return hidesCancel{s} }},
	{"Leave gives back what is left", func(s storage) storage { return staysOn{s} }},
	{"Insert keeps one job for one unique key", func(s storage) storage { return insertsUnkeyed{s} }},
	{"Claim lets no job over a limit through", func(s storage) storage { return exceedsLimits{s} }},
	{"Reap keeps what jobs hold of limits", func(s storage) storage { return forgetsHolds{s} }},
	{"Admit lets jobs through when their time comes", func(s storage) storage { return admitsNone{s} }},
	{"Claim says when a job expires", func(s storage) storage { return claimsLate{s} }},
	{"Tick moves a schedule on with its job", func(s storage) storage { return ticksTwice{s, map[string]bool{}} }},
	{"MoveInbox takes rows away with their jobs", func(s storage) storage { return movesTwice{s, map[string]bool{}} }},
}

type (
	insertsAgain   struct{ storage }
	dropsLast      struct{ storage }
	finishesAny    struct{ storage }
	completesAny   struct{ storage }
	claimsForLost  struct{ storage }
	forgetsCrashes struct{ storage }
	reapsAny       struct{ storage }
	reapsNone      struct{ storage }
	beatsOn        struct{ storage }
	hidesCancel    struct{ storage }
	staysOn        struct{ storage }
)

func (s insertsAgain) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	inserted, err := s.storage.Insert(ctx, jobs)
	for i := range inserted {
		if inserted[i].Existing {
			again := jobs[i]
			again.ID = store.NewID()
			if _, err := s.storage.Insert(ctx, []store.NewJob{again}); err != nil {
				return nil, err
			}
			inserted[i].Existing = false
		}
	}
	return inserted, err
}

func (s dropsLast) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	if len(jobs) < 2 {
		return s.storage.Insert(ctx, jobs)
	}
	last := jobs[len(jobs)-1]
	inserted, err := s.storage.Insert(ctx, jobs[:len(jobs)-1])
	return append(inserted, store.Inserted{ID: last.ID}), err
}

// Finish ends whatever attempt runs now, whoever has it.
func (s finishesAny) Finish(ctx context.Context, process store.ID, ended []store.Ended) ([]store.Fence, error) {
	lost, err := s.storage.Finish(ctx, process, ended)
	if err != nil || len(lost) == 0 {
		return lost, err
	}
	all, err := s.Processes(ctx)
	if err != nil {
		return nil, err
	}
	for _, fence := range lost {
		jobs, err := s.Find(ctx, store.Filter{IDs: []store.ID{fence.ID}})
		if err != nil {
			return nil, err
		}
		for _, e := range ended {
			if len(jobs) == 0 || e.Fence != fence {
				continue
			}
			e.Attempt = jobs[0].Attempt
			for _, p := range all {
				if _, err := s.storage.Finish(ctx, p.ID, []store.Ended{e}); err != nil {
					return nil, err
				}
			}
		}
	}
	return nil, nil
}

type finishesOnce struct {
	storage
	done map[store.Fence]bool
}

func (s finishesOnce) Finish(ctx context.Context, process store.ID, ended []store.Ended) ([]store.Fence, error) {
	lost, err := s.storage.Finish(ctx, process, ended)
	for _, e := range ended {
		if s.done[e.Fence] {
			lost = append(lost, e.Fence)
		}
		s.done[e.Fence] = true
	}
	return lost, err
}

func (s completesAny) Within(tx any) (store.TxWriter, error) {
	w, err := s.storage.Within(tx)
	return completeAny{w}, err
}

type completeAny struct{ store.TxWriter }

func (completeAny) Complete(context.Context, store.ID, store.Ended) error { return nil }

func (s claimsForLost) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	claimed, err := s.storage.Claim(ctx, req)
	if !errors.Is(err, store.ErrLeaseLost) {
		return claimed, err
	}
	if err := s.Join(ctx, store.Process{ID: req.Process}); err != nil {
		return nil, err
	}
	return s.storage.Claim(ctx, req)
}

func (s forgetsCrashes) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	claimed, err := s.storage.Claim(ctx, req)
	for i := range claimed {
		claimed[i].Crashes = 0
	}
	return claimed, err
}

func (s reapsAny) Reap(ctx context.Context, lost []store.Beaten) (store.Reaped, error) {
	for i := range lost {
		lost[i].Count = -1
	}
	return s.storage.Reap(ctx, lost)
}

func (reapsNone) Reap(context.Context, []store.Beaten) (r store.Reaped, err error) { return r, nil }

func (s beatsOn) Beat(ctx context.Context, p store.Process) (store.Beats, error) {
	b, err := s.storage.Beat(ctx, p)
	b.Lost = false
	return b, err
}

func (s hidesCancel) Look(ctx context.Context, process store.ID) (store.View, error) {
	v, err := s.storage.Look(ctx, process)
	v.Cancel = nil
	return v, err
}

func (staysOn) Leave(context.Context, store.ID) error { return nil }

// TestGuards removes each guard of the store in turn: simulations must find it within 1,000
// seeds.
func TestGuards(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of simulations")
	}
	const most = 1000
	for _, g := range guards {
		t.Run(g.name, func(t *testing.T) {
			for seed := range uint64(most) {
				if found := seedFinds(t, seed, &g); found != "" {
					t.Logf("seed %d: %s", seed, found)
					return
				}
			}
			t.Errorf("no simulation of %d has found that it is missing", most)
		})
	}
}

// seedFinds returns the first thing that does not hold in a simulation without a guard.
func seedFinds(t *testing.T, seed uint64, without *guard) (found string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, without)
		w.live()
		if len(w.breaches) > 0 {
			found = fmt.Sprint("job ", shortOf(w.breaches[0].job), ": ", w.breaches[0].text)
		}
	})
	return found
}
