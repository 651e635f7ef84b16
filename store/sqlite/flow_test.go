package sqlite

import (
	"slices"
	"testing"

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

func TestSmokeChain(t *testing.T) {
	f := newFlow(t)
	a, b := newJob("mail"), newJob("mail")
	c := after(newJob("mail"), store.OnCompleted, a, b)
	d := after(newJob("mail"), store.OnCompleted, c)
	f.insert(a, b, c, d)
	f.wantWaits(store.WaitsAfter, c)
	f.end(store.OutcomeCompleted, a)
	f.wantWaits(store.WaitsAfter, c)
	f.end(store.OutcomeCompleted, b)
	f.want(store.Available, c)
	f.end(store.OutcomeDiscarded, c)
	f.want(store.Cancelled, d)
	failures, err := f.s.Failures(t.Context(), d.ID)
	must(t, err)
	t.Log(failures)
	f.act(store.Retry, store.Done, c)
	f.wantWaits(store.WaitsAfter, d)
	f.end(store.OutcomeCompleted, c)
	f.want(store.Available, d)
	edges, err := f.s.Edges(t.Context(), c.ID, d.ID)
	must(t, err)
	t.Log(edges)
	found, err := f.s.Find(t.Context(), store.Filter{Flow: a.ID})
	must(t, err)
	if len(found) != 1 {
		t.Errorf("%+v", found)
	}
}

func TestSmokeBatch(t *testing.T) {
	f := newFlow(t)
	batch, outer := newJob(store.SystemQueue), newJob(store.SystemQueue)
	batch.Task, outer.Task = store.BatchTask, store.BatchTask
	batch.Terms = &store.Terms{Batch: outer.ID}
	a, b := newJob("mail"), newJob("mail")
	a.Terms, b.Terms = &store.Terms{Batch: batch.ID}, &store.Terms{Batch: batch.ID}
	first := after(newJob("mail"), store.OnFailed, batch)
	done := after(newJob("mail"), store.OnCompleted, outer)
	ended := after(newJob("mail"), store.OnEnded, outer)
	f.insert(outer, batch, a, b, first, done, ended)
	f.want(store.Blocked, outer, batch, first, done, ended)
	f.end(store.OutcomeDiscarded, a)
	f.want(store.Blocked, outer, batch, done, ended)
	f.want(store.Available, first)
	f.end(store.OutcomeCompleted, b)
	f.want(store.Discarded, outer, batch)
	f.want(store.Cancelled, done)
	f.want(store.Available, ended)
	f.act(store.Retry, store.Done, a)
	f.want(store.Blocked, outer, batch, done)
	f.end(store.OutcomeCompleted, a)
	f.want(store.Completed, outer, batch)
	f.want(store.Available, done)
	counts, err := f.s.Batches(t.Context(), batch.ID, a.ID)
	must(t, err)
	t.Log(counts)
	found, err := f.s.Find(t.Context(), store.Filter{Batch: batch.ID})
	must(t, err)
	if len(found) != 2 {
		t.Errorf("%+v", found)
	}
	empty := newJob(store.SystemQueue)
	empty.Task = store.BatchTask
	f.insert(empty)
	f.want(store.Completed, empty)
}
