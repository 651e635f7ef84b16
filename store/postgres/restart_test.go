package postgres_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// Calls that are made again until they are answered lose nothing and double nothing, however
// often the server is cut off in the middle.
func TestServerRestartsUnderWork(t *testing.T) {
	server := testpg.Start(t)
	address := server.Database(t)
	s := open(t, address)
	migrate(t, s)
	jobs := plain(2000)
	process := store.NewID()
	again(t, "join", func() error { return s.Join(t.Context(), store.Process{ID: process}) })

	inserted, worked := make(chan bool), make(chan int)
	go func() {
		defer close(inserted)
		for i := 0; i < len(jobs); i += 20 {
			again(t, "insert", func() error {
				_, err := s.Insert(t.Context(), jobs[i:i+20])
				return err
			})
		}
	}()
	go func() { worked <- workAll(t, s, process, len(jobs)) }()
	for range 3 {
		server.Stop(t, syscall.SIGQUIT)
		server.Start(t)
	}
	<-inserted
	lost := <-worked

	var done, places int
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	err = conn.QueryRow(t.Context(), `select (select count(*) from offload.done where outcome = 0),
		(select count(*) from offload.due) + (select count(*) from offload.lease) + (select count(*) from offload.blocked)`).Scan(&done, &places)
	if err != nil || done != len(jobs) || places != 0 {
		t.Errorf("%d of %d jobs are done, %d elsewhere, %v", done, len(jobs), places, err)
	}
	figures, err := s.Figures(t.Context(), store.FigureQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var counted int64
	for _, f := range figures {
		counted += f.Count
	}
	if counted != int64(len(jobs)) {
		t.Errorf("%d finishes are counted, want %d", counted, len(jobs))
	}
	t.Logf("%d leases were lost with the answers to their claims", lost)
}

// workAll claims and finishes until so many jobs have been finished. Leases of claims whose
// answers were lost come back when their process is declared lost, and another one goes on.
func workAll(t *testing.T, s store.Store, process store.ID, n int) (lost int) {
	for finished := 0; finished < n && !t.Failed(); {
		var claimed []store.Claimed
		cut := false
		again(t, "claim", func() (err error) {
			claimed, err = s.Claim(t.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: 50})
			cut = cut || err != nil
			return err
		})
		var ended []store.Ended
		for _, c := range claimed {
			ended = append(ended, store.Ended{Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: store.OutcomeCompleted})
		}
		again(t, "finish", func() error {
			gone, err := s.Finish(t.Context(), process, ended)
			if len(gone) > 0 {
				t.Errorf("finish lost %v", gone)
			}
			return err
		})
		finished += len(claimed)
		if cut {
			again(t, "reap", func() error {
				r, err := s.Reap(t.Context(), []store.Beaten{{ID: process, Count: -1}})
				lost += r.Released
				return err
			})
			process = store.NewID()
			again(t, "join", func() error { return s.Join(t.Context(), store.Process{ID: process}) })
		}
	}
	return lost
}

// again makes a call until it is answered.
func again(t *testing.T, doing string, call func() error) {
	for !t.Failed() {
		err := call()
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Error(fmt.Errorf("%s: %w", doing, err))
		}
	}
}

// A reap leaves leases that somebody has locked to the next one. Until then its process, being
// lost, can write nothing all the same.
func TestLostProcessWhoseLeaseWasLocked(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	lost, heir := store.NewID(), store.NewID()
	must(t, s.Join(t.Context(), store.Process{ID: lost}))
	must(t, s.Join(t.Context(), store.Process{ID: heir}))
	insert(t, s, plain(1)...)
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: lost, Queue: "mail", Limit: 1})
	must(t, err)
	locked := begin(t, address)
	_, err = locked.Value.(pgx.Tx).Exec(t.Context(), "select from offload.lease for update")
	must(t, err)
	r, err := s.Reap(t.Context(), []store.Beaten{{ID: lost, Count: -1}})
	if err != nil || r.Processes != 1 || r.Released != 0 {
		t.Errorf("Reap = %+v, %v; want the lease left alone", r, err)
	}
	must(t, locked.Rollback())

	for _, outcome := range []store.Outcome{store.OutcomeCompleted, store.OutcomeRetry} {
		gone, err := s.Finish(t.Context(), lost, []store.Ended{{Fence: claimed[0].Fence, Outcome: outcome}})
		if err != nil || len(gone) != 1 {
			t.Errorf("Finish(%s) by a lost process lost %v, %v; want its attempt", outcome, gone, err)
		}
	}
	tx := begin(t, address)
	w, err := s.Within(tx.Value)
	must(t, err)
	if err := w.Complete(t.Context(), lost, store.Ended{Fence: claimed[0].Fence}); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("Complete by a lost process = %v, want an ErrLeaseLost", err)
	}
	must(t, tx.Rollback())

	r, err = s.Reap(t.Context(), nil)
	if err != nil || r.Released != 1 {
		t.Errorf("the next Reap = %+v, %v; want the lease released", r, err)
	}
	again, err := s.Claim(t.Context(), store.ClaimRequest{Process: heir, Queue: "mail", Limit: 1})
	if err != nil || len(again) != 1 || again[0].Attempt != 2 {
		t.Errorf("Claim = %+v, %v; want the second attempt", again, err)
	}
}
