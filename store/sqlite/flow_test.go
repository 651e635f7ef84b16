package sqlite

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

// after gives a job an edge for each upstream.
func after(n store.NewJob, on store.On, ups ...store.NewJob) store.NewJob {
	if n.Terms == nil {
		n.Terms = &store.Terms{}
	}
	n.Terms.Flow = ups[0].ID
	for _, up := range ups {
		n.After = append(n.After, store.Edge{Upstream: up.ID, On: on, Else: store.ElseCancel})
	}
	return n
}

// A flow is a test's view of a store in which it finishes jobs.
type flow struct {
	t  *testing.T
	s  *Store
	me store.ID
}

func newFlow(t *testing.T) *flow {
	t.Helper()
	s := openTest(t)
	me, err := joinAs(t.Context(), s)
	must(t, err)
	return &flow{t, s, me}
}

func (f *flow) insert(jobs ...store.NewJob) []store.Inserted {
	f.t.Helper()
	inserted, err := f.s.Insert(f.t.Context(), jobs)
	must(f.t, err)
	return inserted
}

// end claims jobs and ends them.
func (f *flow) end(outcome store.Outcome, jobs ...store.NewJob) {
	f.t.Helper()
	claimed, err := f.s.Claim(f.t.Context(), store.ClaimRequest{Process: f.me, Queue: "mail", Limit: 1000})
	must(f.t, err)
	var ended []store.Ended
	var others []store.Fence
	for _, c := range claimed {
		if slices.ContainsFunc(jobs, func(n store.NewJob) bool { return n.ID == c.ID }) {
			ended = append(ended, store.Ended{Fence: c.Fence, Outcome: outcome, Terms: c.Terms})
		} else {
			others = append(others, c.Fence)
		}
	}
	if len(ended) != len(jobs) {
		f.t.Fatalf("%d jobs of %d can be claimed", len(ended), len(jobs))
	}
	must(f.t, f.s.Release(f.t.Context(), f.me, others))
	lost, err := f.s.Finish(f.t.Context(), f.me, ended)
	must(f.t, err)
	if len(lost) > 0 {
		f.t.Fatalf("lost %v", lost)
	}
}

func (f *flow) act(verb store.Verb, want store.Effect, n store.NewJob) {
	f.t.Helper()
	acted, err := f.s.Act(f.t.Context(), store.Act{Verb: verb, IDs: []store.ID{n.ID}})
	must(f.t, err)
	if acted[0].Effect != want {
		f.t.Fatalf("%s = %+v, want %s", verb, acted, want)
	}
}

func (f *flow) want(want store.State, jobs ...store.NewJob) {
	f.t.Helper()
	for _, n := range jobs {
		wantState(f.t, f.s, n.ID, want)
	}
}

func (f *flow) wantWaits(want string, n store.NewJob) {
	f.t.Helper()
	if j := wantState(f.t, f.s, n.ID, store.Blocked); j.Waits != want {
		f.t.Fatalf("job %s waits for %q, want %q", n.ID, j.Waits, want)
	}
}

func TestWhatVersion1EndsIsToldToWhatIsAfterIt(t *testing.T) {
	f := newFlow(t)
	v := openLastRelease(t, f.s)
	first, batch, member := newJob("mail"), newBatch(), newJob("mail")
	member.Terms = &store.Terms{Batch: batch.ID}
	second := after(newJob("mail"), store.OnCompleted, first, batch)
	never := after(newJob("mail"), store.OnFailed, first)
	behind := after(newJob("mail"), store.OnEnded, never)
	f.insert(first, batch, member, second, never, behind)
	v.claim("mail", 5)
	v.finish(first.ID)
	v.finish(member.ID)
	v.cancel(never.ID)
	f.wantWaits(store.WaitsAfter, second)

	_, err := f.s.Prune(t.Context(), 10)
	must(t, err)

	f.want(store.Completed, batch)
	f.want(store.Available, second, behind)
	f.wantNothingToHeal()
}

func TestWhatVersion1RemovesIsForgotten(t *testing.T) {
	f := newFlow(t)
	first, batch, member := newJob("mail"), newBatch(), newJob("mail")
	member.Terms = &store.Terms{Batch: batch.ID}
	second, third := after(newJob("mail"), store.OnEnded, first), after(newJob("mail"), store.OnEnded, batch)
	f.insert(first, batch, member, second, third)
	for _, gone := range []store.NewJob{first, batch, second} {
		must(t, f.s.write(t.Context(), "remove", func(tx *txn) error {
			for _, table := range []string{"due", "blocked", "job"} {
				if _, err := tx.exec("DELETE FROM offload_"+table+" WHERE id = ?1", gone.ID[:]); err != nil {
					return err
				}
			}
			return nil
		}))
	}

	_, err := f.s.Prune(t.Context(), 10)
	must(t, err)

	f.want(store.Available, third)
	edges, err := f.s.Edges(t.Context(), third.ID, second.ID)
	must(t, err)
	if len(edges) != 1 || edges[0].State != store.Deleted {
		t.Errorf("Edges = %+v, want those of the job that is there, and its upstream to be deleted", edges)
	}
	f.wantNothingToHeal()
}

// wantNothingToHeal wants Prune to write nothing about flows.
func (f *flow) wantNothingToHeal() {
	f.t.Helper()
	for _, query := range []string{healEdgesSQL, healMembersSQL} {
		must(f.t, f.s.ask(f.t.Context(), "look", func(q *snapshots) error {
			return each(q, func(rows *sql.Rows) error {
				var from, to store.ID
				var state, todo int
				err := rows.Scan(idInto{&from}, &state, idInto{&to}, &todo)
				if todo != linkRight {
					f.t.Errorf("the link from %s to %s is to be healed: %d", from, to, todo)
				}
				return err
			}, query, []byte{}, -1, []byte{}, healStretch)
		}))
	}
}

func TestMigrateBackEndsWhatWaits(t *testing.T) {
	f := newFlow(t)
	first, batch := newJob("mail"), newBatch()
	second, third := after(newJob("mail"), store.OnCompleted, first), after(newJob("mail"), store.OnCompleted, batch)
	third.After[0].Else = store.ElseHold
	member := newJob("mail")
	member.Terms = &store.Terms{Batch: batch.ID}
	f.insert(first, batch, member, second, third)
	f.act(store.Cancel, store.Done, member)
	f.wantWaits(store.WaitsHeld, third)

	must(t, f.s.Migrate(t.Context(), 3))
	must(t, f.s.Migrate(t.Context(), store.Newest))

	f.want(store.Cancelled, batch, second, third)
	f.end(store.OutcomeCompleted, first)
	f.act(store.Retry, store.Done, second)
	f.end(store.OutcomeCompleted, second)
	if edges, err := f.s.Edges(t.Context(), second.ID); err != nil || len(edges) > 0 {
		t.Errorf("Edges = %+v, %v; want none", edges, err)
	}
}

func TestACallLeavesToSettleWhatTakesLong(t *testing.T) {
	f := newFlow(t)
	first := newJob("first")
	all := []store.NewJob{first}
	for range settleMost + 500 {
		all = append(all, after(newJob("mail"), store.OnCompleted, first))
	}
	f.insert(all...)
	claimed, err := f.s.Claim(t.Context(), store.ClaimRequest{Process: f.me, Queue: "first", Limit: 1})
	must(t, err)
	_, err = f.s.Finish(t.Context(), f.me, []store.Ended{{Fence: claimed[0].Fence, Outcome: store.OutcomeCompleted}})
	must(t, err)

	for _, want := range []struct {
		moved int
		more  bool
	}{{300, true}, {200, true}, {0, false}} {
		if v, err := f.s.Look(t.Context(), f.me); err != nil || !v.Settle {
			t.Errorf("View.Settle is %t, %v; want it to be true", v.Settle, err)
		}
		if moved, more, err := f.s.Settle(t.Context(), max(want.moved, 1)); moved != want.moved || more != want.more || err != nil {
			t.Errorf("Settle = %d, %t, %v; want %+v", moved, more, err, want)
		}
	}
	if v, err := f.s.Look(t.Context(), f.me); err != nil || v.Settle || v.Lanes[0].Queue != "mail" {
		t.Errorf("Look = %+v, %v; want nothing to settle", v, err)
	}
}

func newBatch() store.NewJob {
	n := newJob(store.SystemQueue)
	n.Task = store.BatchTask
	return n
}

func TestABatchInATransactionWaitsForItsEnd(t *testing.T) {
	f := newFlow(t)
	tx, err := openPool(t, f.s.path).Begin()
	must(t, err)
	w, err := f.s.Within(tx)
	must(t, err)
	batch, empty, member := newBatch(), newBatch(), newJob("mail")
	member.Terms = &store.Terms{Batch: batch.ID}
	for _, n := range []store.NewJob{batch, empty, member} {
		_, err := w.Insert(t.Context(), []store.NewJob{n})
		must(t, err)
	}
	must(t, tx.Commit())
	_, more, err := f.s.Settle(t.Context(), 10)
	must(t, err)
	if more {
		t.Error("Settle has more to do, want nothing")
	}
	f.want(store.Completed, empty)
	f.wantWaits(store.WaitsAfter, batch)
	f.end(store.OutcomeCompleted, member)
	f.want(store.Completed, batch)
}

func TestWhatWaitsForOthersDoesNotExpireByAnOlderProgram(t *testing.T) {
	f := newFlow(t)
	first := newJob("mail")
	second := after(newJob("mail"), store.OnCompleted, first)
	second.Terms.Expire = time.Hour
	f.insert(first, second)
	must(t, f.s.write(t.Context(), "edit", func(tx *txn) error { // as one does that knows nothing of flows
		return tx.execRows(&keepExpiries, 2, []any{1, second.ID[:]})
	}))
	if n, err := f.s.Expire(t.Context(), 10); n != 0 || err != nil {
		t.Errorf("Expire = %d, %v; want none", n, err)
	}
	f.wantWaits(store.WaitsAfter, second)
}
