package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// A floor is a store with processes that work jobs under limits, and watch that these hold.
type floor struct {
	t       *testing.T
	s       store.Store
	address string

	mu      sync.Mutex
	running map[string]int // jobs by gate
	most    int
	done    map[store.ID]bool
}

func newFloor(t *testing.T, limits ...store.Limit) *floor {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	must(t, s.PutLimits(t.Context(), limits))
	return &floor{t: t, s: s, address: address, running: map[string]int{}, done: map[store.ID]bool{}}
}

// work claims and finishes until so many jobs have ended in all.
func (f *floor) work(r *rand.Rand, want int, outcomes ...store.Outcome) {
	process := store.NewID()
	if err := f.s.Join(f.t.Context(), store.Process{ID: process}); err != nil {
		f.t.Error(err)
		return
	}
	for !f.t.Failed() && f.ended() < want {
		claimed, err := f.s.Claim(f.t.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: 1 + r.IntN(10)})
		if err != nil {
			f.t.Errorf("Claim: %v", err)
			return
		}
		f.start(claimed)
		var ended []store.Ended
		for _, c := range claimed {
			ended = append(ended, store.Ended{
				Fence: c.Fence, Task: c.Task, Queue: c.Queue, Terms: c.Terms, Outcome: outcomes[r.IntN(len(outcomes))],
			})
		}
		f.stop(claimed, ended)
		lost, err := f.s.Finish(f.t.Context(), process, ended)
		if err != nil || len(lost) > 0 {
			f.t.Errorf("Finish lost %v: %v", lost, err)
			return
		}
	}
}

func (f *floor) ended() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.done)
}

// start counts jobs as running, and sees that their limits allow it.
func (f *floor) start(claimed []store.Claimed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range claimed {
		for _, u := range c.Terms.Limits {
			at := u.Limit + " " + u.Key
			if f.running[at]++; f.running[at] > f.most {
				f.t.Errorf("%d jobs run under limit %s, want %d at most", f.running[at], at, f.most)
			}
		}
	}
}

// stop counts them as running no more, before their end is written.
func (f *floor) stop(claimed []store.Claimed, ended []store.Ended) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, c := range claimed {
		for _, u := range c.Terms.Limits {
			f.running[u.Limit+" "+u.Key]--
		}
		if ended[i].Outcome != store.OutcomeRetry {
			f.done[c.ID] = true
		}
	}
}

// deadlocks returns how many the server has broken in the database.
func (f *floor) deadlocks() (n int) {
	conn, err := pgx.Connect(f.t.Context(), f.address)
	must(f.t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(f.t.Context(), "select pg_stat_clear_snapshot()")
	must(f.t, err)
	must(f.t, conn.QueryRow(f.t.Context(), "select deadlocks from pg_stat_database where datname = current_database()").Scan(&n))
	return n
}

// Jobs come to full keys while the jobs that fill them end. Nobody calls Admit: should the end
// not see who has just come, its key would stand still.
func TestNoKeyIsForgotten(t *testing.T) {
	f := newFloor(t, store.Limit{Name: "crm", Max: 2})
	f.most = 2
	const keys, producers, each = 20, 4, 300
	var all sync.WaitGroup
	for p := range producers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(p)))
			for n := 0; n < each; {
				some := plain(min(1+r.IntN(5), each-n))
				for i := range some {
					some[i].Terms = limited(fmt.Sprint(r.IntN(keys)))
				}
				if _, err := f.s.Insert(t.Context(), some); err != nil {
					t.Errorf("Insert: %v", err)
					return
				}
				n += len(some)
			}
		})
	}
	for w := range 3 {
		all.Go(func() {
			f.work(rand.New(rand.NewPCG(2, uint64(w))), producers*each, store.OutcomeCompleted, store.OutcomeCancelled)
		})
	}
	all.Wait()
	if n := f.deadlocks(); n > 0 {
		t.Errorf("the server broke %d deadlocks", n)
	}
}

// Jobs go through several keys each, and whatever can be done to them is done at once. The order
// of locks leaves no circle.
func TestLocksMakeNoCircle(t *testing.T) {
	f := newFloor(t, store.Limit{Name: "a", Max: 2}, store.Limit{Name: "b", Max: 2}, store.Limit{Name: "c", Max: 2, WhenFull: store.FullNewest})
	f.most = 4 // somebody raises limits
	const want = 150
	ctx, stop := context.WithCancel(t.Context())
	var ids []store.ID
	var mu sync.Mutex
	var others, workers sync.WaitGroup
	each := func(seed uint64, do func(r *rand.Rand) error) {
		others.Go(func() {
			r := rand.New(rand.NewPCG(3, seed))
			for ctx.Err() == nil {
				if err := do(r); err != nil && ctx.Err() == nil {
					t.Errorf("call %d: %v", seed, err)
					return
				}
			}
		})
	}
	for n := range uint64(3) {
		each(n, func(r *rand.Rand) error {
			mu.Lock()
			waiting := len(ids) - f.ended()
			mu.Unlock()
			if waiting > 200 {
				_, _, err := f.s.Admit(ctx, 100)
				return err
			}
			some := plain(1 + r.IntN(4))
			for i := range some {
				t := &store.Terms{}
				for _, limit := range []string{"c", "a", "b"} {
					if r.IntN(3) > 0 {
						t.Limits = append(t.Limits, store.Use{Limit: limit, Key: fmt.Sprint(r.IntN(4))})
					}
				}
				if r.IntN(2) == 0 {
					t.Unique = &store.Unique{Key: fmt.Sprint(r.IntN(30)), Until: store.UntilEnded, OnConflict: store.ConflictReplace}
				}
				some[i].Terms = t
			}
			inserted, err := f.s.Insert(ctx, some)
			mu.Lock()
			defer mu.Unlock()
			for _, in := range inserted {
				if !in.Existing {
					ids = append(ids, in.ID)
				}
			}
			return err
		})
	}
	pick := func(r *rand.Rand, n int) (some []store.ID) {
		mu.Lock()
		defer mu.Unlock()
		for range min(n, len(ids)) {
			some = append(some, ids[len(ids)-1-r.IntN(min(len(ids), 60))])
		}
		return some
	}
	for n, verb := range []store.Verb{store.Cancel, store.Retry, store.Change} {
		each(10+uint64(n), func(r *rand.Rand) error {
			act := store.Act{Verb: verb, IDs: pick(r, 5)}
			if verb == store.Change {
				act.Edit = &store.Edit{Input: []byte("new")}
			}
			_, err := f.s.Act(ctx, act)
			return err
		})
	}
	each(20, func(r *rand.Rand) error {
		key := store.Use{Limit: "a", Key: fmt.Sprint(r.IntN(4))}
		err := f.s.Control(ctx, store.Control{PauseLimit: key, PauseFor: time.Hour})
		return errors.Join(err, f.s.Control(ctx, store.Control{PauseLimit: key}), f.s.Control(ctx, store.Control{SetLimit: "b", Max: 1 + r.IntN(4)}))
	})
	for w := range uint64(3) {
		workers.Go(func() {
			f.work(rand.New(rand.NewPCG(4, w)), want, store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeDiscarded)
		})
	}
	workers.Wait()
	stop()
	others.Wait()
	if n := f.deadlocks(); n > 0 {
		t.Errorf("the server broke %d deadlocks", n)
	}
}

// What a transaction of a caller's has locked is passed over by those who let jobs through, and
// found again when the transaction has ended.
func TestCallersTransactionStopsNoQueue(t *testing.T) {
	for _, commits := range []bool{false, true} {
		t.Run(fmt.Sprint("commits ", commits), func(t *testing.T) {
			f := newFloor(t, store.Limit{Name: "crm", Max: 1})
			f.most = 1
			process := store.NewID()
			must(t, f.s.Join(t.Context(), store.Process{ID: process}))
			jobs := plain(4)
			for i := range jobs {
				jobs[i].Terms = limited("acme")
			}
			jobs[0].Terms.Unique = &store.Unique{Key: "k", Until: store.UntilEnded}
			insert(t, f.s, jobs[:3]...)
			claim := func() []store.Claimed {
				t.Helper()
				claimed, err := f.s.Claim(t.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: 10})
				must(t, err)
				f.start(claimed)
				return claimed
			}
			end := func(claimed ...store.Claimed) {
				t.Helper()
				f.stop(claimed, make([]store.Ended, len(claimed)))
				finish(t, f.s, process, claimed...)
			}
			first := claim()

			tx := begin(t, f.address)
			w, err := f.s.Within(tx.Value)
			must(t, err)
			_, err = w.Act(t.Context(), store.Act{Verb: store.Cancel, IDs: []store.ID{jobs[1].ID}})
			must(t, err)
			same := plain(1)[0]
			same.Terms = jobs[0].Terms
			inserted, err := w.Insert(t.Context(), []store.NewJob{same, jobs[3]})
			must(t, err)
			if inserted[0].ID != jobs[0].ID || !inserted[0].Existing {
				t.Errorf("a job with the same key gave %+v", inserted[0])
			}

			end(first...)
			second := claim()
			if len(second) != 1 || second[0].ID != jobs[2].ID {
				t.Fatalf("claimed %v, want the job whose row nobody holds", second)
			}
			if commits {
				must(t, tx.Commit())
			} else {
				must(t, tx.Rollback())
			}
			end(second...)
			rest := claim()
			wantID := map[bool]store.ID{false: jobs[1].ID, true: jobs[3].ID}[commits]
			if len(rest) != 1 || rest[0].ID != wantID {
				t.Fatalf("claimed %v, want job %s", rest, wantID)
			}
			end(rest...)
			wantState(t, f.s, jobs[1].ID, map[bool]store.State{false: store.Completed, true: store.Cancelled}[commits])
			insert(t, f.s, withTerms(jobs[0].Terms)) // its key is free
		})
	}
}

func withTerms(t *store.Terms) store.NewJob {
	n := plain(1)[0]
	n.Terms = t
	return n
}

// Who waits for the unique key of a transaction that does not end is told so.
func TestKeyOfATransactionThatDoesNotEnd(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	tx := begin(t, address)
	w, err := s.Within(tx.Value)
	must(t, err)
	_, err = w.Insert(t.Context(), []store.NewJob{withTerms(unique("k"))})
	must(t, err)
	other := begin(t, address)
	v, err := s.Within(other.Value)
	must(t, err)
	for name, in := range map[string]store.Writer{"Insert": s, "Insert within another transaction": v} {
		_, err := in.Insert(t.Context(), []store.NewJob{withTerms(unique("k"))})
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "unique key") {
			t.Errorf("%s = %v, want an ErrUnavailable that speaks of the unique key", name, err)
		}
	}
	must(t, other.Rollback())
	must(t, tx.Rollback())
	insert(t, s, withTerms(unique("k")))
}
