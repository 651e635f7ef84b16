package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var turnLaws = []law{
	{"Turn/Alternate", "keys of a queue take turns, however many jobs each of them has", turnAlternate},
	{"Turn/Singles", "so they do when their jobs are inserted one by one", turnSingles},
	{"Turn/Small", "a small key is served at once beside one that has a big backlog", turnSmall},
	{"Turn/Weights", "a key with a greater weight gets so many turns in a round", turnWeights},
	{"Turn/OwnOrder", "the jobs of a key come in the order of their insert", turnOwnOrder},
	{"Turn/Lanes", "turns are taken within a priority, behind its jobs that have none", turnLanes},
	{"Turn/Look", "jobs with turns have lanes of their own, whose time has come", turnLook},
	{"Turn/RunAt", "a job's run_at says when it was due, not when its turn is", turnRunAt},
	{"Turn/PutBack", "a job that is released, whose process leaves or is lost, is the next claimed", turnPutBack},
	{"Turn/Retry", "a job that is retried, or was snoozed, takes a new turn", turnRetry},
	{"Turn/Later", "a job whose time has not come has no turn", turnLater},
	{"Turn/Tx", "jobs inserted within a transaction take turns too", turnTx},
	{"Turn/Limit", "keys take turns at a limit that they share", turnLimit},
	{"Turn/LimitEach", "a key whose own limit is full does not hold up the others", turnLimitEach},
	{"Turn/Edit", "a job that is changed takes the turn of its new key, queue and priority", turnEdit},
	{"Turn/Prune", "pruning forgets no turn that is to come", turnPrune},
	{"Turn/Unique", "a job that takes a new input keeps taking turns", turnUnique},
}

// inTurn claims n jobs of the queue of plain jobs one by one, and returns the keys of their
// turns: "-" for one that has none.
func (s *scene) inTurn(p store.ID, n int) (keys string) {
	s.t.Helper()
	for i := 0; i < 3*n && len(keys) < n; i++ {
		for _, c := range s.takes(p, "mail", 1) {
			key := "-"
			if c.Terms != nil && c.Terms.Turn != nil {
				key = c.Terms.Turn.Key
			}
			keys += key
		}
		s.settle()
	}
	if len(keys) != n {
		s.t.Fatalf("claimed %q one by one, want %d jobs", keys, n)
	}
	return keys
}

// wantFair wants two keys, of which each has jobs left, to have had their share of turns all
// the while: one of a key for so many of the other.
func (s *scene) wantFair(keys, a, b string, share int) {
	s.t.Helper()
	for n := range keys {
		had := keys[:n]
		if x, y := strings.Count(had, a), share*strings.Count(had, b); x > y+2*share || y > x+2*share {
			s.t.Errorf("turns are %q: after %q it is not fair to %s and %s, %d to 1", keys, had, a, b, share)
			return
		}
	}
}

func turnAlternate(s *scene) {
	s.insert(append(jobs(30, turn("a", 0)), jobs(10, turn("b", 0))...)...)
	s.insert(jobs(10, turn("c", 1))...)
	keys := s.inTurn(s.join(), 30)
	for _, pair := range []string{"ab", "bc", "ac"} {
		s.wantFair(keys, pair[:1], pair[1:], 1)
	}
}

func turnSingles(s *scene) {
	for range 12 {
		s.enqueue(turn("a", 0))
	}
	for range 12 {
		s.enqueue(turn("b", 0))
	}
	p := s.join()
	keys := s.inTurn(p, 10)
	s.wantFair(keys, "a", "b", 1)
	for range 12 {
		s.enqueue(turn("c", 0))
	}
	keys = s.inTurn(p, 9)
	s.wantFair(keys, "a", "b", 1)
	s.wantFair(keys, "a", "c", 1)
}

func turnSmall(s *scene) {
	huge := jobs(*backlog, turn("a", 0))
	s.insert(huge...)
	p := s.join()
	s.takes(p, "mail", *backlog/10)
	for range 3 {
		s.enqueue(turn("b", 0))
		if keys := s.inTurn(p, 3); !strings.Contains(keys, "b") {
			s.t.Errorf("turns are %q, want b at once", keys)
		}
		s.takes(p, "mail", 20)
	}
	s.insert(jobs(5, turn("c", 0))...)
	s.wantFair(s.inTurn(p, 8), "a", "c", 1)
}

func turnWeights(s *scene) {
	s.insert(append(jobs(100, turn("a", 0)), jobs(100, turn("b", 3))...)...)
	keys := s.inTurn(s.join(), 80)
	s.wantFair(keys, "b", "a", 3)
}

func turnOwnOrder(s *scene) {
	var a, b []store.ID
	for range 5 {
		n := jobs(4, turn("a", 2))
		s.insert(n...)
		a = append(a, idsOf(n)...)
		b = append(b, s.enqueue(turn("b", 1)))
	}
	got := ids(s.takesAll(s.join(), "mail"))
	for _, list := range [][]store.ID{a, b} {
		of := slices.DeleteFunc(slices.Clone(got), func(id store.ID) bool { return !slices.Contains(list, id) })
		if !slices.Equal(of, list) {
			s.t.Errorf("jobs of a key came as %v, want %v", of, list)
		}
	}
}

func turnLanes(s *scene) {
	s.insert(jobs(3, turn("a", 0))...)
	s.insert(jobs(2)...)
	s.insert(jobs(2, turn("b", 0), priority(0))...)
	s.insert(jobs(1, turn("c", 0), priority(9))...)
	s.insert(jobs(1, priority(6))...)
	if keys := s.inTurn(s.join(), 9); keys != "bb--aaa-c" {
		s.t.Errorf("turns are %q, want bb--aaa-c", keys)
	}
	p := s.join()
	s.insert(jobs(1, turn("a", 0))...)
	s.insert(jobs(1)...)
	for _, lane := range []int{store.FairLane + 5, 5} {
		got, err := s.Store.Claim(s.ctx(), store.ClaimRequest{Process: p, Queue: "mail", Priorities: []int{lane}, Limit: 10})
		s.must(err)
		if len(got) != 1 || got[0].Priority != 5 || (got[0].Terms != nil) != (lane != 5) {
			s.t.Errorf("lane %d gave %+v, want one job of priority 5", lane, got)
		}
	}
}

func turnLook(s *scene) {
	s.enqueue(turn("a", 0))
	s.enqueue(turn("b", 0))
	s.enqueue()
	s.enqueue(turn("a", 0), priority(2), queue("image"))
	v := s.observed()
	var got []store.Lane
	for _, l := range v.Lanes {
		if l.RunAt.After(v.Now) {
			s.t.Errorf("lane %+v is to come", l)
		}
		got = append(got, store.Lane{Queue: l.Queue, Priority: l.Priority})
	}
	want := []store.Lane{{Queue: "image", Priority: store.FairLane + 2}, {Queue: "mail", Priority: 5}, {Queue: "mail", Priority: store.FairLane + 5}}
	if !slices.Equal(got, want) {
		s.t.Errorf("lanes are %v, want %v", got, want)
	}
}

func turnRunAt(s *scene) {
	before := s.now()
	id := s.enqueue(turn("a", 0))
	after := s.now()
	s.between("RunAt", s.want(id, store.Available).RunAt, before, after)
	if q := s.queues(0); len(q) != 1 || q[0].Counts[store.Available] != 1 {
		s.t.Errorf("queues are %+v, want one available job", q)
	} else {
		s.between("Oldest", q[0].Oldest, before, after)
	}
	p := s.join()
	c := s.takesThis(p, id)
	s.between("RunAt of the claim", c.RunAt, before, after)
	s.between("RunAt of the running job", s.job(id).RunAt, before, after)
	s.must(s.Store.Release(s.ctx(), p, fences(c)))
	s.between("RunAt when it was put back", s.job(id).RunAt, before, after)
	c = s.takesThis(p, id)
	s.finish(p, completed(c))
	s.between("RunAt at the end", s.job(id).RunAt, before, after)
}

func turnPutBack(s *scene) {
	s.insert(jobs(*backlog/10, turn("a", 0))...)
	other := s.join()
	for _, back := range []func(p store.ID, c store.Claimed){
		func(p store.ID, c store.Claimed) { s.must(s.Store.Release(s.ctx(), p, fences(c))) },
		func(p store.ID, _ store.Claimed) { s.must(s.Store.Leave(s.ctx(), p)) },
		func(p store.ID, _ store.Claimed) { s.declareLost(p) },
	} {
		p := s.join()
		c := s.takes(p, "mail", 1)[0]
		s.takes(other, "mail", 5)
		s.insert(jobs(3, turn("b", 0))...)

		back(p, c)

		got := s.takes(s.join(), "mail", 1)
		if len(got) != 1 || got[0].ID != c.ID || got[0].Attempt != 2 {
			s.t.Errorf("claimed %v, want job %v that was put back", ids(got), c.ID)
		}
	}
}

func turnRetry(s *scene) {
	p := s.join()
	for _, end := range []func(store.Claimed, time.Duration) store.Ended{retried, snoozed} {
		id := s.enqueue(turn("a", 0))
		s.finish(p, end(s.takesThis(p, id), time.Hour))
		s.wantTakes(p)
		s.insert(jobs(4, turn("b", 0))...)
		s.advance(time.Hour + time.Second)
		if keys := s.inTurn(p, 3); !strings.Contains(keys, "a") {
			s.t.Errorf("turns are %q, want a among the first", keys)
		}
		s.inTurn(p, 2)
	}
}

func turnLater(s *scene) {
	p := s.join()
	id := s.enqueue(turn("a", 0), delay(time.Hour))
	s.want(id, store.Scheduled)
	s.insert(jobs(2, turn("b", 0))...)
	if keys := s.inTurn(p, 2); keys != "bb" {
		s.t.Errorf("turns are %q, want bb", keys)
	}
	s.wantTakes(p)
	s.advance(time.Hour + time.Second)
	s.takesThis(p, id)
}

func turnTx(s *scene) {
	tx, w := s.begin()
	all := append(jobs(30, turn("a", 0)), jobs(5, turn("b", 0))...)
	_, err := w.Insert(s.ctx(), all)
	s.must(err)
	s.must(tx.Commit())
	var keys string
	p := s.join()
	for range 10 {
		for _, c := range s.takes(p, "mail", 10) {
			keys += c.Terms.Turn.Key
		}
		s.settle()
	}
	if len(keys) != len(all) || strings.Count(keys[:20], "b") != 5 {
		s.t.Errorf("turns are %q, want all, and those of b among the first 20", keys)
	}
}

func turnLimit(s *scene) {
	s.one("crm")
	s.inserts(jobs(10, turn("a", 0), under("crm", ""))...)
	s.inserts(jobs(5, turn("b", 0), under("crm", ""))...)
	p := s.join()
	var keys string
	for range 10 {
		got := s.takesAll(p, "mail")
		if len(got) != 1 {
			s.t.Fatalf("claimed %v, want one at a time", ids(got))
		}
		keys += got[0].Terms.Turn.Key
		s.finish(p, completed(got[0]))
	}
	s.wantFair(keys, "a", "b", 1)
}

func turnLimitEach(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 2})
	s.inserts(jobs(10, turn("a", 0), under("crm", "a"))...)
	s.inserts(jobs(10, turn("b", 0), under("crm", "b"))...)
	p := s.join()
	for range 5 {
		got := s.takesAll(p, "mail")
		keys := ""
		for _, c := range got {
			keys += c.Terms.Turn.Key
		}
		if len(keys) != 4 || strings.Count(keys, "a") != 2 {
			s.t.Fatalf("claimed %q, want two of each key", keys)
		}
		for _, c := range got {
			s.finish(p, completed(c))
		}
	}
	s.wantTakes(p)
}

func turnEdit(s *scene) {
	p := s.join()
	id := s.enqueue(turn("a", 0))
	to, first := "image", 2
	n := aJob(turn("b", 0))
	s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{id}, Edit: &store.Edit{
		Input: []byte("new"), Terms: n.Terms, Queue: &to, Priority: &first,
	}})
	s.wantTakes(p)
	got := s.takesAll(p, "image")
	if len(got) != 1 || got[0].Priority != 2 || got[0].Terms.Turn.Key != "b" || string(got[0].Input) != "new" {
		s.t.Errorf("claimed %+v, want the edited job", got)
	}
}

func turnPrune(s *scene) {
	s.insert(append(jobs(20, turn("a", 0)), jobs(3, turn("b", 0))...)...)
	p := s.join()
	s.takes(p, "mail", 4)
	s.advance(time.Hour)
	s.prune(100)
	s.insert(jobs(8, turn("b", 0))...)
	s.wantFair(s.inTurn(p, 12), "a", "b", 1)
}

func turnUnique(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictReplace)
	id := s.enqueue(u, turn("a", 0))
	s.insert(jobs(2, turn("b", 0))...)
	s.replaced(id, u, turn("a", 0))
	p := s.join()
	if keys := s.inTurn(p, 3); !strings.Contains(keys[:2], "a") {
		s.t.Errorf("turns are %q, want a among the first", keys)
	}
	s.want(id, store.Running)
}
