package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

// A scene is one law being checked: the store, and small words to speak of jobs. Words end
// the law when the store returns an error that they don't speak of.
type scene struct {
	t *testing.T
	Subject
	open    func(t *testing.T) Subject
	watcher store.ID // a process that only looks; see observed
}

func (s *scene) ctx() context.Context { return s.t.Context() }

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("want no error, got: %v", err)
	}
}

// needs skips the law unless the subject offers something.
func (s *scene) needs(what string, offered bool) {
	s.t.Helper()
	if !offered {
		s.t.Skipf("not run: the subject has no %s", what)
	}
}

// advance lets time pass, or skips the law.
func (s *scene) advance(d time.Duration) {
	s.t.Helper()
	s.needs("Advance", s.Advance != nil)
	s.Advance(s.t, d)
}

// another is a scene on the same database as another process sees it.
func (s *scene) another() *scene {
	s.t.Helper()
	s.needs("Another", s.Another != nil)
	other := *s
	other.Store = s.Another(s.t)
	return &other
}

// together runs f in n goroutines at once and waits for them.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// aJob is a plain job, changed by with.
func aJob(with ...func(*store.NewJob)) store.NewJob {
	n := store.NewJob{
		ID: store.NewID(), Task: "send", Queue: "mail", Priority: 5,
		Input: []byte(`{"to":"ada"}`), MaxAttempts: 25, Timeout: time.Hour,
	}
	for _, w := range with {
		w(&n)
	}
	return n
}

func jobs(n int, with ...func(*store.NewJob)) []store.NewJob {
	all := make([]store.NewJob, n)
	for i := range all {
		all[i] = aJob(with...)
	}
	return all
}

func queue(name string) func(*store.NewJob) { return func(n *store.NewJob) { n.Queue = name } }

func task(name string) func(*store.NewJob) { return func(n *store.NewJob) { n.Task = name } }

func priority(p int) func(*store.NewJob)           { return func(n *store.NewJob) { n.Priority = p } }
func delay(d time.Duration) func(*store.NewJob)    { return func(n *store.NewJob) { n.Delay = d } }
func retain(d time.Duration) func(*store.NewJob)   { return func(n *store.NewJob) { n.Retain = d } }
func input(in []byte) func(*store.NewJob)          { return func(n *store.NewJob) { n.Input = in } }
func tags(t map[string]string) func(*store.NewJob) { return func(n *store.NewJob) { n.Tags = t } }

// insert inserts new jobs.
func (s *scene) insert(all ...store.NewJob) {
	s.t.Helper()
	inserted, err := s.Store.Insert(s.ctx(), all)
	s.must(err)
	if len(inserted) != len(all) {
		s.t.Fatalf("Insert of %d jobs gave %d answers", len(all), len(inserted))
	}
	for i, in := range inserted {
		if in != (store.Inserted{ID: all[i].ID}) {
			s.t.Fatalf("Insert of new job %s = %+v", all[i].ID, in)
		}
	}
}

// enqueue inserts one plain job.
func (s *scene) enqueue(with ...func(*store.NewJob)) store.ID {
	s.t.Helper()
	n := aJob(with...)
	s.insert(n)
	return n.ID
}

// join is a new process.
func (s *scene) join() store.ID {
	s.t.Helper()
	p := store.Process{ID: store.NewID(), Name: "worker", Host: "host", PID: 7, Version: "1.2.3"}
	s.must(s.Store.Join(s.ctx(), p))
	return p.ID
}

// processName is how people know the processes of join.
const processName = "worker@host/7"

// claimFrom claims from a queue, and checks the order.
func (s *scene) claimFrom(process store.ID, queue string, limit int) []store.Claimed {
	s.t.Helper()
	claimed, err := s.Store.Claim(s.ctx(), store.ClaimRequest{Process: process, Queue: queue, Limit: limit})
	s.must(err)
	if len(claimed) > limit {
		s.t.Fatalf("Claim with limit %d gave %d jobs", limit, len(claimed))
	}
	wantOrdered(s.t, claimed)
	return claimed
}

// claim claims from the queue of plain jobs.
func (s *scene) claim(process store.ID, limit int) []store.Claimed {
	s.t.Helper()
	return s.claimFrom(process, "mail", limit)
}

// claimOne claims the only job there is to claim next.
func (s *scene) claimOne(process store.ID) store.Claimed {
	s.t.Helper()
	claimed := s.claim(process, 1)
	if len(claimed) != 1 {
		s.t.Fatalf("Claim gave %d jobs, want one", len(claimed))
	}
	return claimed[0]
}

// claimThis claims one job and wants it to be the one named.
func (s *scene) claimThis(process, id store.ID) store.Claimed {
	s.t.Helper()
	c := s.claimOne(process)
	if c.ID != id {
		s.t.Fatalf("Claim gave job %s, want %s next", c.ID, id)
	}
	return c
}

func wantOrdered(t *testing.T, claimed []store.Claimed) {
	t.Helper()
	if !slices.IsSortedFunc(claimed, func(a, b store.Claimed) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.RunAt.Compare(b.RunAt), a.ID.Compare(b.ID))
	}) {
		t.Errorf("Claim gave jobs out of order (priority, run_at, id): %s", listed(claimed))
	}
}

func listed(claimed []store.Claimed) (list string) {
	for _, c := range claimed {
		list += fmt.Sprintf("\n\t%d %s %s", c.Priority, c.RunAt.Format(time.RFC3339Nano), c.ID)
	}
	return list
}

func fences(claimed ...store.Claimed) []store.Fence {
	all := make([]store.Fence, len(claimed))
	for i, c := range claimed {
		all[i] = c.Fence
	}
	return all
}

func ids(claimed []store.Claimed) []store.ID {
	all := make([]store.ID, len(claimed))
	for i, c := range claimed {
		all[i] = c.ID
	}
	return all
}

func idsOf(all []store.NewJob) []store.ID {
	list := make([]store.ID, len(all))
	for i, n := range all {
		list[i] = n.ID
	}
	return list
}

func idsFound(found []store.Job) []store.ID {
	list := make([]store.ID, len(found))
	for i, j := range found {
		list[i] = j.ID
	}
	return list
}

func sorted(list []store.ID) []store.ID {
	return slices.SortedFunc(slices.Values(list), store.ID.Compare)
}

func sameIDs(a, b []store.ID) bool { return slices.Equal(sorted(a), sorted(b)) }

// ended is an attempt that has ended so, with a failure where it is one.
func ended(c store.Claimed, outcome store.Outcome) store.Ended {
	e := store.Ended{
		Terms: c.Terms,
		Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: outcome, Retain: c.Retain,
		Waited: time.Millisecond, Ran: time.Second,
	}
	switch outcome {
	case store.OutcomeCompleted:
		e.Result = []byte(`"done"`)
	case store.OutcomeRetry, store.OutcomeDiscarded:
		e.Failure = &store.Problem{Error: "no route to host", Kind: "*net.OpError", Stack: "main.go:7"}
	}
	return e
}

func completed(c store.Claimed) store.Ended { return ended(c, store.OutcomeCompleted) }

func retried(c store.Claimed, in time.Duration) store.Ended {
	e := ended(c, store.OutcomeRetry)
	e.RunIn = in
	return e
}

func snoozed(c store.Claimed, in time.Duration) store.Ended {
	e := ended(c, store.OutcomeSnooze)
	e.RunIn = in
	return e
}

// finish finishes attempts that are the process's own.
func (s *scene) finish(process store.ID, all ...store.Ended) {
	s.t.Helper()
	lost, err := s.Store.Finish(s.ctx(), process, all)
	s.must(err)
	if len(lost) > 0 {
		s.t.Errorf("Finish lost %v, want none", lost)
	}
}

// finishLost finishes attempts that are not the process's any more.
func (s *scene) finishLost(process store.ID, all ...store.Ended) {
	s.t.Helper()
	lost, err := s.Store.Finish(s.ctx(), process, all)
	s.must(err)
	want := make([]store.Fence, len(all))
	for i, e := range all {
		want[i] = e.Fence
	}
	if !sameFences(lost, want) {
		s.t.Errorf("Finish lost %v, want %v", lost, want)
	}
}

func sameFences(a, b []store.Fence) bool {
	order := func(a, b store.Fence) int {
		return cmp.Or(a.ID.Compare(b.ID), cmp.Compare(a.Attempt, b.Attempt))
	}
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

// declareLost reaps processes, whatever their beat.
func (s *scene) declareLost(processes ...store.ID) store.Reaped {
	s.t.Helper()
	var beaten []store.Beaten
	for _, p := range processes {
		beaten = append(beaten, store.Beaten{ID: p, Count: -1})
	}
	r, err := s.Store.Reap(s.ctx(), beaten)
	s.must(err)
	return r
}

// act acts on one job and returns the effect.
func (s *scene) act(verb store.Verb, id store.ID) store.Acted {
	s.t.Helper()
	return s.actWith(store.Act{Verb: verb, IDs: []store.ID{id}})
}

func (s *scene) actWith(act store.Act) store.Acted {
	s.t.Helper()
	acted, err := s.Store.Act(s.ctx(), act)
	s.must(err)
	if len(acted) != 1 || acted[0].ID != act.IDs[0] {
		s.t.Fatalf("Act(%s) on job %s = %+v", act.Verb, act.IDs[0], acted)
	}
	return acted[0]
}

// cancel cancels a job that can be.
func (s *scene) cancel(id store.ID) {
	s.t.Helper()
	if a := s.act(store.Cancel, id); a.Effect != store.Done {
		s.t.Fatalf("cancel of job %s: %q, found %q; want done", id, a.Effect, a.State)
	}
}

// find finds jobs by ids.
func (s *scene) find(list ...store.ID) []store.Job {
	s.t.Helper()
	return s.findAll(store.Filter{IDs: list, Max: len(list) + 1})
}

func (s *scene) findAll(f store.Filter) []store.Job {
	s.t.Helper()
	found, err := s.Store.Find(s.ctx(), f)
	s.must(err)
	return found
}

// job is a job that is there, once.
func (s *scene) job(id store.ID) store.Job {
	s.t.Helper()
	found := s.find(id)
	if len(found) != 1 || found[0].ID != id {
		s.t.Fatalf("job %s is in %d places, want one: %+v", id, len(found), found)
	}
	return found[0]
}

// want wants a job to be in a state.
func (s *scene) want(id store.ID, state store.State) store.Job {
	s.t.Helper()
	j := s.job(id)
	if j.State != state {
		s.t.Errorf("job %s is %s, want %s", id, j.State, state)
	}
	return j
}

// wantGone wants a job not to be stored.
func (s *scene) wantGone(id store.ID) {
	s.t.Helper()
	if found := s.find(id); len(found) > 0 {
		s.t.Errorf("job %s is %s, want it gone", id, found[0].State)
	}
}

// wantAll wants so many jobs to be stored, each in one place.
func (s *scene) wantAll(n int) {
	s.t.Helper()
	counts, err := s.Store.Counts(s.ctx())
	s.must(err)
	sum := 0
	for _, c := range counts {
		sum += c
	}
	if sum != n {
		s.t.Errorf("%d jobs are stored (%v), want %d", sum, counts, n)
	}
}

func (s *scene) failures(id store.ID) []store.Failure {
	s.t.Helper()
	f, err := s.Store.Failures(s.ctx(), id)
	s.must(err)
	return f
}

func (s *scene) now() time.Time {
	s.t.Helper()
	now, err := s.Store.Now(s.ctx())
	s.must(err)
	return now
}

func (s *scene) wantErr(err, want error) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Errorf("error is %v, want one that is %q", err, want)
	}
}

// between wants a time of the store's to lie between two others. A store may round times to
// a millisecond.
func (s *scene) between(what string, got, from, to time.Time) {
	s.t.Helper()
	if got.Before(from.Add(-time.Millisecond)) || got.After(to.Add(time.Millisecond)) {
		s.t.Errorf("%s is %v, want between %v and %v", what, got, from, to)
	}
}

// same wants two times of the store's to be one.
func (s *scene) same(what string, got, want time.Time) {
	s.t.Helper()
	s.between(what, got, want, want)
}
