package postgres_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// after lets a job wait for others to complete.
func after(n store.NewJob, ups ...store.ID) store.NewJob {
	n.Terms = &store.Terms{Flow: store.NewID()}
	for _, up := range ups {
		n.After = append(n.After, store.Edge{Upstream: up, On: store.OnCompleted, Else: store.ElseCancel})
	}
	return n
}

// settles settles until there is nothing more.
func settles(t *testing.T, s store.Store) {
	t.Helper()
	for range 1000 {
		v, err := s.Look(t.Context(), store.NewID())
		must(t, err)
		if !v.Settle {
			return
		}
		_, _, err = s.Settle(t.Context(), 1000)
		must(t, err)
	}
	t.Fatal("there is always something to settle")
}

// runs claims jobs of the queue of plain ones and completes them.
func runs(t *testing.T, s store.Store, process store.ID, limit int) int {
	t.Helper()
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: limit})
	must(t, err)
	ended := make([]store.Ended, len(claimed))
	for i, c := range claimed {
		ended[i] = store.Ended{Fence: c.Fence, Task: "send", Queue: "mail", Outcome: store.OutcomeCompleted, Terms: c.Terms}
	}
	lost, err := s.Finish(t.Context(), process, ended)
	must(t, err)
	if len(lost) > 0 {
		t.Errorf("%d attempts were lost", len(lost))
	}
	return len(claimed)
}

func TestFlowsInTransactionsOfAllKinds(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	defer conn.Close(context.Background())
	db := stdlib.OpenDB(*conn.Config())
	defer db.Close()
	process := store.NewID()
	must(t, s.Join(t.Context(), store.Process{ID: process}))
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			first := plain(1)[0]
			insert(t, s, first)
			tx, commit, _ := k.begin(t, connections{conn, db})
			w, err := s.Within(tx)
			must(t, err)
			batch := store.NewJob{ID: store.NewID(), Task: store.BatchTask, Queue: store.SystemQueue}
			member, empty := plain(1)[0], batch
			member.Terms, empty.ID = &store.Terms{Batch: batch.ID}, store.NewID()
			next, last := after(plain(1)[0], first.ID, member.ID), after(plain(1)[0], batch.ID)
			_, err = w.Insert(t.Context(), []store.NewJob{batch, member, next})
			must(t, err)
			_, err = w.Insert(t.Context(), []store.NewJob{empty, last})
			must(t, err)
			must(t, commit())
			settles(t, s)
			wantState(t, s, empty.ID, store.Completed)
			for _, id := range []store.ID{batch.ID, next.ID, last.ID} {
				wantState(t, s, id, store.Blocked)
			}
			if n := runs(t, s, process, 10); n != 2 {
				t.Errorf("%d jobs ran, want the first and the member", n)
			}
			wantState(t, s, batch.ID, store.Completed)
			if n := runs(t, s, process, 10); n != 2 {
				t.Errorf("%d jobs ran, want what is after them", n)
			}
		})
	}
}

// An insert within somebody's transaction keeps nobody from ending what it is after, and whichever comes
// first, the end or the commit, what is after it runs.
func TestUpstreamEndsBesideTransactions(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	process := store.NewID()
	must(t, s.Join(t.Context(), store.Process{ID: process}))
	up := plain(60)
	insert(t, s, up...)

	var all sync.WaitGroup
	var downs []store.ID
	now := make([]chan struct{}, len(up)) // closed when so many have ended, or just before
	for i := range now {
		now[i] = make(chan struct{})
	}
	for i := range up {
		if i%3 > 0 {
			continue
		}
		tx := begin(t, address)
		w, err := s.Within(tx.Value)
		must(t, err)
		next := after(plain(1)[0], up[i].ID, up[i+1].ID)
		_, err = w.Insert(t.Context(), []store.NewJob{next})
		must(t, err)
		downs = append(downs, next.ID)
		all.Go(func() {
			<-now[i]
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
		})
	}
	ended := 0
	for ended < len(up) {
		for _, c := range now[ended : ended+2] {
			close(c)
		}
		ended += runs(t, s, process, 2)
	}
	all.Wait()
	settles(t, s)
	if n := runs(t, s, process, 100) + ended; n != len(up)+len(downs) {
		t.Errorf("%d jobs ran, want %d", n, len(up)+len(downs))
	}
	for _, id := range downs {
		wantState(t, s, id, store.Completed)
	}
}

// A program of an older release ends jobs without a word to those who wait for them.
func TestEndsThatNobodyKnows(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	first := plain(1)[0]
	next := after(plain(1)[0], first.ID)
	insert(t, s, first, next)
	exec(t, address, "with d as (delete from offload.due where id = $1 returning *) "+
		"insert into offload.done select id, now() + interval '1 hour', now(), run_at, now(), 1, 0, 0, 2 from d", first.ID.String())
	settles(t, s)
	wantState(t, s, next.ID, store.Blocked)
	_, err := s.Prune(t.Context(), 1000)
	must(t, err)
	wantState(t, s, next.ID, store.Available)
}

// Without flows nothing runs that has waited for something.
func TestWhatWaitsIsCancelledByTheWayBack(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	first := plain(1)[0]
	next := after(plain(1)[0], first.ID)
	insert(t, s, first, next)
	must(t, s.Migrate(t.Context(), 3))
	must(t, s.Migrate(t.Context(), store.Newest))
	wantState(t, s, first.ID, store.Available)
	wantState(t, s, next.ID, store.Cancelled)
	acted, err := s.Act(t.Context(), store.Act{Verb: store.Retry, IDs: []store.ID{next.ID}})
	must(t, err)
	if acted[0].Effect != store.Done {
		t.Errorf("retry gave %+v", acted)
	}
	wantState(t, s, next.ID, store.Available)
}
