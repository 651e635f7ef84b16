package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var uniqueLaws = []law{
	{"Unique/Conflicts", "what a taken key does to a new job hangs on its conflict, and on whether the old one waits, runs or has ended", uniqueConflicts},
	{"Unique/Holds", "a key is held wherever its job is, until it has ended", uniqueHolds},
	{"Unique/Ends", "whichever way a job ends, its key is free again", uniqueEnds},
	{"Unique/Started", "a key until the start is free when the job was claimed, and not before", uniqueStarted},
	{"Unique/Never", "a key for ever stays taken when the job is deleted, and when all of it is forgotten", uniqueNever},
	{"Unique/Window", "a key for a time is taken for that time, whatever becomes of the job, and then free", uniqueWindow},
	{"Unique/Keys", "keys are a task's own, and any text", uniqueKeysOwn},
	{"Unique/Bulk", "of thousands of jobs the first of each key is stored", uniqueBulk},
	{"Unique/Twice", "of jobs with one key in a call the first is the old one", uniqueTwice},
	{"Unique/FailAll", "a conflict refuses the whole insert, and what was to be replaced stays", uniqueFailAll},
	{"Unique/Again", "inserting the same jobs again is no conflict with themselves", uniqueAgain},
	{"Unique/TakenOver", "the end of a job whose key was taken over does not free it", uniqueTakenOver},
	{"Unique/Zombie", "nor does what a lost process still writes", uniqueZombie},
	{"Unique/Dropped", "a job that its limit drops has ended, and frees its key", uniqueDropped},
	{"Unique/AtOnce", "calls that insert the same keys at once, in whatever order, store each once", uniqueAtOnce},
}

// conflict inserts a job whose key is taken, and wants the old one to stay and to be named.
func (s *scene) conflict(old store.ID, with ...func(*store.NewJob)) {
	s.t.Helper()
	n := aJob(with...)
	if in := s.inserts(n)[0]; in != (store.Inserted{ID: old, Existing: true}) {
		s.t.Errorf("Insert = %+v, want that job %s exists", in, old)
	}
	if n.ID != old {
		s.wantGone(n.ID)
	}
}

// replaced inserts a job whose input the old one takes.
func (s *scene) replaced(old store.ID, with ...func(*store.NewJob)) {
	s.t.Helper()
	n := aJob(append(with, input([]byte("new")))...)
	if in := s.inserts(n)[0]; in != (store.Inserted{ID: old, Existing: true, Replaced: true}) {
		s.t.Errorf("Insert = %+v, want that job %s has the new input", in, old)
	}
	s.wantGone(n.ID)
	if j := s.job(old); string(j.Input) != "new" || j.Attempt > 1 {
		s.t.Errorf("the old job is %+v, want the new input", j)
	}
}

// refused inserts a job whose key is taken, and wants an error that says by whom.
func (s *scene) refused(old store.ID, all ...store.NewJob) {
	s.t.Helper()
	s.refusedBy(s.Store, old, all...)
}

func (s *scene) refusedBy(w store.Writer, old store.ID, all ...store.NewJob) {
	s.t.Helper()
	_, err := w.Insert(s.ctx(), all)
	var conflict *store.ConflictError
	last := all[len(all)-1]
	if !errors.As(err, &conflict) || conflict.ID != old || conflict.Key != last.Terms.Unique.Key || conflict.Task != last.Task {
		s.t.Errorf("Insert = %v, want a ConflictError that names job %s, its task and its key", err, old)
	}
	if store.Temporary(err) {
		s.t.Errorf("the conflict %v is said to pass", err)
	}
}

func uniqueConflicts(s *scene) {
	const (
		waits = "waits"
		runs  = "runs"
		ended = "ended"
	)
	kinds := map[string]func(key string, on store.Conflict) func(*store.NewJob){
		"window": func(key string, on store.Conflict) func(*store.NewJob) { return window(key, time.Hour, on) },
	}
	for _, until := range []store.Until{store.UntilEnded, store.UntilStarted, store.Never} {
		kinds[string(until)] = func(key string, on store.Conflict) func(*store.NewJob) { return unique(key, until, on) }
	}
	for kind, with := range kinds {
		for _, on := range []store.Conflict{store.ConflictKeep, store.ConflictFail, store.ConflictReplace, store.ConflictDebounce} {
			for _, old := range []string{waits, runs, ended} {
				q := queue(fmt.Sprint(kind, on, old))
				u := with(fmt.Sprint(kind, on, old), on)
				id := s.enqueue(q, u)
				if old != waits {
					p := s.join()
					c := s.takesAll(p, fmt.Sprint(kind, on, old))
					if old == ended {
						s.finish(p, completed(c[0]))
					}
				}
				free := kind == string(store.UntilStarted) && old != waits || kind == string(store.UntilEnded) && old == ended
				switch {
				case free:
					s.enqueue(q, u)
				case on == store.ConflictKeep:
					s.conflict(id, q, u)
				case on == store.ConflictFail:
					s.refused(id, aJob(q, u))
				case old == waits:
					s.replaced(id, q, u)
				default:
					s.enqueue(q, u) // and takes the key over
				}
				if s.t.Failed() {
					s.t.Fatalf("so it was with a key %q, conflict %s, and an old job that %s", kind, on, old)
				}
			}
		}
	}
}

func uniqueHolds(s *scene) {
	s.one("crm")
	s.let(under("crm", ""))
	for _, in := range []stage{
		{"scheduled", store.Scheduled, func(s *scene) store.ID {
			return s.enqueue(unique("k", store.UntilEnded, store.ConflictKeep), delay(time.Hour))
		}},
		{"limited", store.Blocked, func(s *scene) store.ID {
			return s.waits(unique("k", store.UntilEnded, store.ConflictKeep), under("crm", ""))
		}},
		{"retryable", store.Retryable, func(s *scene) store.ID {
			return s.ending("retryable", store.OutcomeRetry, unique("k", store.UntilEnded, store.ConflictKeep))
		}},
		{"snoozed", store.Scheduled, func(s *scene) store.ID {
			return s.ending("snoozed", store.OutcomeSnooze, unique("k", store.UntilEnded, store.ConflictKeep))
		}},
		{"released", store.Available, func(s *scene) store.ID {
			p, c := s.running("released", unique("k", store.UntilEnded, store.ConflictKeep))
			s.must(s.Store.Release(s.ctx(), p, fences(c)))
			return c.ID
		}},
		{"reaped", store.Available, func(s *scene) store.ID {
			p, c := s.running("reaped", unique("k", store.UntilEnded, store.ConflictKeep))
			s.declareLost(p)
			return c.ID
		}},
		{"parked", store.Blocked, func(s *scene) store.ID {
			return s.parking("parked", false, unique("k", store.UntilEnded, store.ConflictKeep))
		}},
		{"suspect", store.Blocked, func(s *scene) store.ID {
			return s.parking("suspect", true, unique("k", store.UntilEnded, store.ConflictKeep))
		}},
		{"running", store.Running, func(s *scene) store.ID {
			_, c := s.running("running", unique("k", store.UntilEnded, store.ConflictKeep))
			return c.ID
		}},
	} {
		id := in.bring(s)
		s.want(id, in.state)
		s.conflict(id, unique("k", store.UntilEnded, store.ConflictKeep))
		if in.state == store.Running {
			break
		}
		s.cancel(id)
		s.want(id, store.Cancelled)
	}
}

func uniqueEnds(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	for _, outcome := range []store.Outcome{
		store.OutcomeCompleted, store.OutcomeDiscarded, store.OutcomeCancelled, store.OutcomeExpired,
	} {
		s.ending(string(outcome), outcome, u)
	}
	s.act(store.Delete, s.ending("deleted", store.OutcomeRetry, u))
	s.act(store.Delete, s.parking("deleted", false, u))
	s.cancel(s.enqueue(u, delay(time.Hour)))
	p, c := s.running("reaped", u)
	s.cancel(c.ID)
	s.declareLost(p)
	p, c = s.running("released", u)
	s.cancel(c.ID)
	s.must(s.Store.Release(s.ctx(), p, fences(c)))
	s.crashing(s.enqueue(u), 2)
	s.advance(store.SuspectDelay + time.Second)
	p = s.join()
	s.claimSuspect(p, "mail", 1)
	if r := s.declareLost(p); r.Discarded != 1 {
		s.t.Fatalf("Reap = %+v, want a discarded job", r)
	}
	s.enqueue(u)
}

func uniqueStarted(s *scene) {
	u := unique("k", store.UntilStarted, store.ConflictKeep)
	p := s.join()
	first := s.enqueue(u)
	s.conflict(first, u)
	c := s.claimThis(p, first)
	second := s.enqueue(u)
	s.conflict(second, u)
	s.finish(p, retried(c, 0)) // due again, it has no need of the key
	s.conflict(second, u)
	if got := s.takesAll(p, "mail"); !sameIDs(ids(got), []store.ID{first, second}) {
		s.t.Fatalf("claimed %v, want both", ids(got))
	}
	third := s.enqueue(u)
	s.cancel(third)
	s.enqueue(u)
}

func uniqueNever(s *scene) {
	u := unique("k", store.Never, store.ConflictKeep)
	first := s.ending("mail", store.OutcomeCompleted, u)
	s.conflict(first, u)
	s.act(store.Delete, first)
	n := aJob(u)
	for range 2 {
		if in := s.inserts(n)[0]; in != (store.Inserted{ID: first, Existing: true}) {
			s.t.Errorf("Insert = %+v, want the key to be taken by %s", in, first)
		}
		s.wantGone(n.ID)
		s.advance(2 * store.RetainGaveUp)
		s.prune(100)
	}
	s.wantAll(0)
	s.refused(first, aJob(unique("k", store.Never, store.ConflictFail)))
	s.enqueue(unique("k", store.Never, store.ConflictReplace)) // the old one does not wait
}

func uniqueWindow(s *scene) {
	u := window("k", time.Hour, store.ConflictKeep)
	for _, end := range []func(id store.ID){
		func(store.ID) {},
		func(id store.ID) { s.cancel(id) },
		func(id store.ID) { s.finish(s.watcher, completed(s.claimThis(s.watcher, id))) },
	} {
		s.observed()
		id := s.enqueue(u, queue("mail"))
		end(id)
		s.advance(50 * time.Minute)
		s.prune(100)
		s.conflict(id, u)
		s.advance(10*time.Minute + time.Second)
		id = s.enqueue(u)
		s.conflict(id, u)
		s.act(store.Delete, id)
		if in := s.inserts(aJob(u))[0]; in.ID != id || !in.Existing {
			s.t.Errorf("Insert = %+v, want the key to be taken by job %s, which was deleted", in, id)
		}
		s.advance(time.Hour + time.Second)
		s.prune(100)
		for _, c := range s.claim(s.watcher, 10) {
			s.finish(s.watcher, completed(c))
		}
	}
}

func uniqueKeysOwn(s *scene) {
	long := strings.Repeat("k", store.MaxKey)
	texts := []string{"k", "K", "k ", "k\x1f1", "k'\"\\%_", "ключ", "\U0001F511", long, long[1:]}
	for _, task1 := range []string{"send", "draw"} {
		for _, text := range texts {
			u := unique(text, store.UntilEnded, store.ConflictKeep)
			id := s.enqueue(task(task1), u)
			s.conflict(id, task(task1), u)
			if j := s.job(id); j.Terms == nil || j.Terms.Unique == nil || j.Terms.Unique.Key != text {
				s.t.Errorf("terms of the job are %+v, want the key %q", j.Terms, text)
			}
		}
	}
	s.wantAll(2 * len(texts))
}

func uniqueBulk(s *scene) {
	n := *backlog
	var all []store.NewJob
	for i := range n {
		switch {
		case i%5 == 4:
			all = append(all, aJob())
		default:
			all = append(all, aJob(unique(fmt.Sprint(i%(n/3)), store.UntilEnded, store.ConflictKeep)))
		}
	}
	var held []store.NewJob // before
	for i := range 20 {
		held = append(held, aJob(unique(fmt.Sprint(i), store.UntilEnded, store.ConflictKeep)))
	}
	s.insert(held...)
	owner := map[string]store.ID{}
	for _, h := range held {
		owner[h.Terms.Unique.Key] = h.ID
	}
	stored := len(held)
	for i, in := range s.inserts(all...) {
		want := store.Inserted{ID: all[i].ID}
		if t := all[i].Terms; t != nil {
			if old, taken := owner[t.Unique.Key]; taken {
				want = store.Inserted{ID: old, Existing: true}
			} else {
				owner[t.Unique.Key] = all[i].ID
			}
		}
		if !want.Existing {
			stored++
		}
		if in != want {
			s.t.Fatalf("answer %d is %+v, want %+v", i, in, want)
		}
	}
	s.wantAll(stored)
}

func uniqueTwice(s *scene) {
	for _, on := range []store.Conflict{store.ConflictKeep, store.ConflictReplace, store.ConflictDebounce} {
		a := aJob(unique(string(on), store.UntilEnded, on), input([]byte("1")))
		b := aJob(unique(string(on), store.UntilEnded, on), input([]byte("2")), delay(time.Hour))
		c := aJob(unique(string(on), store.UntilEnded, on), input([]byte("3")), delay(2*time.Hour))
		got := s.inserts(a, b, c)
		again := store.Inserted{ID: a.ID, Existing: true, Replaced: on != store.ConflictKeep}
		if want := []store.Inserted{{ID: a.ID}, again, again}; !slices.Equal(got, want) {
			s.t.Errorf("%s: Insert = %+v, want %+v", on, got, want)
		}
		j := s.job(a.ID)
		want := "3"
		if on == store.ConflictKeep {
			want = "1"
		}
		if string(j.Input) != want {
			s.t.Errorf("%s: the job has input %q, want %q", on, j.Input, want)
		}
		if late := j.RunAt.After(s.now().Add(90 * time.Minute)); late != (on == store.ConflictDebounce) {
			s.t.Errorf("%s: the job runs at %v", on, j.RunAt)
		}
	}
	s.wantAll(3)
	a, b := aJob(unique("k", store.UntilEnded, store.ConflictFail)), aJob(unique("k", store.UntilEnded, store.ConflictFail))
	s.refused(a.ID, a, b)
	s.wantAll(3)
}

func uniqueFailAll(s *scene) {
	s.one("crm")
	old, waiting := s.enqueue(unique("old", store.UntilEnded, store.ConflictFail)), s.enqueue(unique("waiting", store.UntilEnded, store.ConflictFail))
	s.refused(
		old, aJob(), aJob(under("crm", "")),
		aJob(unique("new", store.UntilEnded, store.ConflictFail)),
		aJob(unique("waiting", store.UntilEnded, store.ConflictReplace), input([]byte("new"))),
		aJob(unique("old", store.UntilEnded, store.ConflictFail)),
	)
	s.wantAll(2)
	if j := s.job(waiting); string(j.Input) == "new" {
		s.t.Error("a refused insert replaced the input of a job")
	}
	s.wantKey("crm", "", 0, 0)
	s.enqueue(unique("new", store.UntilEnded, store.ConflictFail))
	s.let(under("crm", ""))
}

func uniqueAgain(s *scene) {
	for _, on := range []store.Conflict{store.ConflictKeep, store.ConflictFail, store.ConflictReplace, store.ConflictDebounce} {
		for _, until := range []store.Until{store.UntilEnded, store.UntilStarted, store.Never} {
			n := aJob(unique(string(on)+string(until), until, on))
			plain := aJob()
			s.insert(n, plain)
			for range 2 {
				want := []store.Inserted{{ID: n.ID, Existing: true}, {ID: plain.ID, Existing: true}}
				if got := s.inserts(n, plain); !slices.Equal(got, want) {
					s.t.Errorf("%s, %s: Insert again = %+v, want %+v", on, until, got, want)
				}
			}
		}
	}
	s.wantAll(24)
}

func uniqueTakenOver(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictReplace)
	p := s.join()
	first := s.claimThis(p, s.enqueue(u))
	second := s.enqueue(u)
	s.finish(p, completed(first))
	s.conflict(second, unique("k", store.UntilEnded, store.ConflictKeep))
	s.replaced(second, u)
	if c := s.claimThis(p, second); string(c.Input) != "new" {
		s.t.Errorf("claimed input %q, want the new one", c.Input)
	}
}

func uniqueZombie(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	zombie, c := s.running("mail", u)
	s.declareLost(zombie)
	p := s.join()
	s.claimThis(p, c.ID)
	s.finishLost(zombie, completed(c))
	s.conflict(c.ID, u)
}

func uniqueDropped(s *scene) {
	s.full(store.FullDrop)
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	s.let(under("crm", ""))
	for range 2 {
		s.enqueueAs(store.Cancelled, under("crm", ""), u)
	}
	s.enqueue(u)
}

func uniqueAtOnce(s *scene) {
	const callers, keys = 4, 30
	stores := make([]*scene, callers)
	for i := range stores {
		stores[i] = s
		if i%2 == 1 && s.Another != nil {
			stores[i] = s.another()
		}
	}
	answers := make([][]store.ID, callers) // by key
	for round := range 3 {
		together(callers, func(i int) {
			var all []store.NewJob
			for k := range keys {
				on := store.ConflictKeep
				if round == 1 {
					on = store.ConflictReplace
				}
				all = append(all, aJob(unique(fmt.Sprint(round, "-", k), store.UntilEnded, on)))
			}
			if i%2 == 1 {
				slices.Reverse(all)
			}
			inserted, err := stores[i].Store.Insert(s.ctx(), all)
			if err != nil {
				s.t.Errorf("Insert: %v", err)
				return
			}
			answers[i] = nil
			for _, in := range inserted {
				answers[i] = append(answers[i], in.ID)
			}
			if i%2 == 1 {
				slices.Reverse(answers[i])
			}
		})
		for i := 1; i < callers && !s.t.Failed(); i++ {
			if !slices.Equal(answers[i], answers[0]) {
				s.t.Errorf("callers were told of different jobs:\n%v\n%v", answers[0], answers[i])
			}
		}
		s.wantAll((round + 1) * keys)
	}
}
