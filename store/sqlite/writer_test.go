package sqlite

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/offloadhq/offload/store"
)

// occupy makes the writer busy until it is let go, so that calls queue up behind it.
func occupy(t *testing.T, s *Store) (release func()) {
	t.Helper()
	started, end := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		_, err := s.writer.do(context.Background(), func(*txn) error {
			close(started)
			<-end
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-started
	return func() {
		close(end)
		holder.Wait()
	}
}

// queued waits until n calls wait for the writer.
func queued(s *Store, n int) {
	for {
		s.writer.mu.Lock()
		waiting := len(s.writer.queue)
		s.writer.mu.Unlock()
		if waiting == n {
			return
		}
		pause(0)
	}
}

func TestCallsThatQueueUpShareACommit(t *testing.T) {
	s := openTest(t)
	other := openFile(t, s.path)
	before := dataVersion(t, other)
	release := occupy(t, s)
	var all sync.WaitGroup
	errBad := errors.New("this call alone")
	const calls = 20
	for i := range calls {
		all.Go(func() {
			_, err := s.writer.do(t.Context(), func(tx *txn) error {
				_, err := tx.insert(someJobs(1))
				if i == 7 {
					return errBad
				}
				return err
			})
			if (err != nil) != (i == 7) || i == 7 && !errors.Is(err, errBad) {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	queued(s, calls)

	release()
	all.Wait()

	if got := dataVersion(t, other); got != before+1 {
		t.Errorf("%d calls took %d commits, want one", calls, got-before)
	}
	if counts, err := s.Counts(t.Context()); err != nil || counts[store.Available] != calls-1 {
		t.Errorf("Counts = %v, %v; want %d jobs, those of all calls but the bad one", counts, err, calls-1)
	}
}

// What may be lost with the power shares the sync of what may not, or does without one.
func TestOnlyLaxCallsAloneAreNotSynced(t *testing.T) {
	s := openTest(t)
	synchronous := func(tx *txn) (level string, err error) {
		// Not prepared: such a statement answers what was set when it was.
		err = tx.database.(*session).conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&level)
		return level, err
	}
	const normal, full = "1", "2"
	for _, test := range []struct {
		name string
		lax  []bool // of calls that queue up together
		want []string
	}{
		{"lax alone", []bool{true}, []string{normal}},
		{"lax together", []bool{true, true}, []string{normal, normal}},
		{"strict alone", []bool{false}, []string{full}},
		{"a strict one behind", []bool{true, false}, []string{full, full}},
		{"a strict one before", []bool{false, true}, []string{full, full}},
		{"lax again", []bool{true}, []string{normal}},
	} {
		release := occupy(t, s)
		var all sync.WaitGroup
		got := make([]string, len(test.lax))
		for i, lax := range test.lax {
			submit := s.writer.do
			if lax {
				submit = s.writer.doLax
			}
			all.Go(func() {
				_, err := submit(t.Context(), func(tx *txn) (err error) {
					got[i], err = synchronous(tx)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
			queued(s, i+1)
		}
		release()
		all.Wait()
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: synchronous = %q, want %q", test.name, got, test.want)
		}
	}

	// One that comes when the transaction has begun without a sync waits for the next.
	var late sync.WaitGroup
	var level string
	_, err := s.writer.doLax(t.Context(), func(*txn) error {
		late.Go(func() {
			_, err := s.writer.do(t.Context(), func(tx *txn) (err error) {
				level, err = synchronous(tx)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		queued(s, 1)
		return nil
	})
	late.Wait()
	if err != nil || level != full {
		t.Errorf("a strict call behind a lax transaction: synchronous = %q, %v, want %q", level, err, full)
	}
}

func dataVersion(t *testing.T, s *Store) (version int64) {
	t.Helper()
	must(t, s.reader.view(t.Context(), func(tx *txn) (err error) {
		version, err = tx.dataVersion()
		return err
	}))
	return version
}

func TestAContextThatEndsWhileWaiting(t *testing.T) {
	s := openTest(t)
	release := occupy(t, s)
	ctx, stop := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() {
		_, err := s.Insert(ctx, someJobs(1))
		answer <- err
	}()
	queued(s, 1)
	stop()
	if err := <-answer; !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("Insert = %v; want an ErrUnavailable that names the context", err)
	}
	release()
	if counts, err := s.Counts(t.Context()); err != nil || len(counts) > 0 {
		t.Errorf("Counts = %v, %v; want the call that ended not to have run", counts, err)
	}
}

func TestAContextThatEndsWhileItIsCommitted(t *testing.T) {
	s := openTest(t)
	ctx, stop := context.WithCancel(t.Context())
	_, err := s.writer.do(ctx, func(tx *txn) error {
		stop()
		_, err := tx.insert(someJobs(1))
		return err
	})
	if err != nil {
		t.Errorf("a call that runs is ended with %v, want it to be committed", err)
	}
}

func TestCloseEndsThoseWhoWait(t *testing.T) {
	s := openTest(t)
	release := occupy(t, s)
	answer, closed := make(chan error), make(chan error)
	go func() {
		_, err := s.Insert(context.Background(), someJobs(1))
		answer <- err
	}()
	queued(s, 1)
	go func() { closed <- s.Close() }()
	if err := <-answer; !errors.Is(err, errClosed) {
		t.Errorf("Insert = %v, want that the store is closed", err)
	}
	release()
	must(t, <-closed)
	if _, err := s.Insert(context.Background(), someJobs(1)); !errors.Is(err, errClosed) {
		t.Errorf("Insert after Close = %v", err)
	}
	if _, err := s.Look(context.Background(), store.NewID()); !errors.Is(err, errClosed) {
		t.Errorf("Look after Close = %v", err)
	}
	if _, err := s.Find(context.Background(), store.Filter{}); !errors.Is(err, errClosed) {
		t.Errorf("Find after Close = %v", err)
	}
}

func TestALockHeldForLongIsSaid(t *testing.T) {
	s := openTest(t)
	s.writer.patience = 0
	tx, err := openPool(t, s.path).Begin()
	must(t, err)
	defer func() { must(t, tx.Rollback()) }()

	_, err = s.Insert(t.Context(), someJobs(1))

	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "app.Tx") {
		t.Errorf("Insert = %v; want an ErrUnavailable that names app.Tx", err)
	}
}

// The answer to the COMMIT of a claim is lost: its jobs are leased by a process that does not
// know of them.
func TestAClaimInDoubtIsGivenBack(t *testing.T) {
	sound := openTest(t)
	broken, faults := openFaulty(t, sound.path)
	s := broken.(*Store)
	me, err := joinAs(t.Context(), s)
	must(t, err)
	_, err = s.Insert(t.Context(), someJobs(3))
	must(t, err)
	req := store.ClaimRequest{Process: me, Queue: "mail", Priorities: []int{5}, Limit: 10}
	lost := 0
	for n := 3; lost < 3; n++ { // the first two have it begin without a sync, and end its connection
		s.writer.cramped = false // after what looks like a disk that fails; a fault in a fold hurts nobody
		faults.Arm(n, 1)         // LoseAnswer
		_, err := s.Claim(t.Context(), req)
		faults.Disarm()
		if err == nil {
			t.Fatalf("with statement %d broken the claim succeeds: there was no COMMIT to break", n)
		}
		running, err := sound.Find(t.Context(), store.Filter{States: []store.State{store.Running}})
		must(t, err)
		lost = len(running)
	}

	claimed, err := s.Claim(t.Context(), req)

	if err != nil || len(claimed) != 3 || claimed[0].Attempt != 2 || claimed[0].Crashes != 0 {
		t.Errorf("Claim = %+v, %v; want the three jobs with another attempt", claimed, err)
	}
}
