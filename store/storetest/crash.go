package storetest

import (
	"time"

	"github.com/offloadhq/offload/store"
)

var crashLaws = []law{
	{"Faults/TermsFail", "whichever statement fails, limits, keys, turns, ticks and the inbox lose and double nothing when the call is made again", crashAgainFail},
	{"Faults/TermsLoseAnswer", "so it is whichever statement's answer is lost, also that of a commit", crashAgainLoseAnswer},
	{"Faults/Crash", "whichever statement is the last of a process, others go on with what it left", crashLast},
}

func crashAgainFail(s *scene)       { s.breakTerms(1, Fail, false) }
func crashAgainLoseAnswer(s *scene) { s.breakTerms(2, LoseAnswer, false) }
func crashLast(s *scene)            { s.breakTerms(3, LoseAnswer, true) }

// breakTerms breaks lives with jobs of all terms, in one of three laws.
func (s *scene) breakTerms(first int, fault Fault, dies bool) {
	s.one("crm")
	s.limits(store.Limit{Name: "api", Max: 60, Per: time.Hour})
	from, step := shared(first, 3)
	s.breakLives(from, step, fault, dies, func(l *life) lived { return &keyed{l} })
}

// A keyed is a life with keys, limits, a schedule and the inbox.
type keyed struct{ *life }

// The jobs of a life.
const (
	holder    = iota // of a limit
	cancelled        // waits for it
	later            // under it, but not yet
	owner            // of a unique key
	again            // with the same
	first            // in turn
	second
	started // under a rate
	jobsOfALife
)

// prepare makes what is not the subject: a schedule that is due, rows in the inbox, a process.
func (l *keyed) prepare() {
	q, crm, u := queue(l.name), under("crm", l.name), unique(l.name, store.UntilEnded, store.ConflictKeep)
	l.jobs = make([]store.NewJob, jobsOfALife)
	for i, with := range [][]func(*store.NewJob){
		holder: {crm}, cancelled: {crm}, later: {crm, delay(time.Hour)},
		owner: {u}, again: {u},
		first: {turn("a", 0)}, second: {turn("b", 0)},
		started: {under("api", l.name)},
	} {
		l.jobs[i] = aJob(append(with, q)...)
	}
	c := l.nightly(-time.Minute)
	c.Name = l.name
	l.put(c)
	l.process = l.join()
	if l.Inbox != nil {
		l.Inbox(l.t, l.name, "1", "")
		l.Inbox(l.t, l.name, "2", "")
	}
}

func (l *keyed) live() {
	l.enqueues()
	l.claims()
	l.ends()
	l.acts(store.Act{Verb: store.Cancel}, cancelled)
	l.acts(store.Act{Verb: store.RunNow}, later)
	l.claims()
	l.call("tick", func() error {
		_, err := l.broken.Tick(l.ctx(), 100, l.tick)
		return err
	})
	l.call("inbox", l.moves)
	l.call("pause", func() error {
		return l.broken.Control(l.ctx(), store.Control{PauseLimit: store.Use{Limit: "crm", Key: l.name}})
	})
	l.call("admit", func() error {
		_, _, err := l.broken.Admit(l.ctx(), 100)
		return err
	})
	l.call("expire", func() error {
		_, err := l.broken.Expire(l.ctx(), 100)
		return err
	})
	l.leaves()
}

// ends completes the holder, has the owner retried and parks one that has a turn.
func (l *keyed) ends() {
	var all []store.Ended
	for i, end := range map[int]func(store.Claimed) store.Ended{
		holder: completed,
		owner:  func(c store.Claimed) store.Ended { return retried(c, 0) },
	} {
		if c, known := l.claimed[l.jobs[i].ID]; known {
			all = append(all, end(c))
		}
	}
	l.finishes(all)
	if c, known := l.claimed[l.jobs[first].ID]; known {
		l.call("release", func() error { return l.broken.Release(l.ctx(), l.process, fences(c)) })
	}
	if c, known := l.claimed[l.jobs[started].ID]; known {
		l.call("park", func() error { return l.broken.Park(l.ctx(), l.process, false, fences(c)) })
	}
}

func (l *keyed) tick(now time.Time, c store.Schedule) (store.Ticked, error) {
	t, err := daily(now, c)
	queue(c.Name)(&t.Jobs[0])
	return t, err
}

func (l *keyed) moves() error {
	rows, err := l.broken.InboxRows(l.ctx(), false, 100)
	if err != nil {
		return err
	}
	fates, _ := asJobs(rows, queue(l.name), task("posted"))
	return l.broken.MoveInbox(l.ctx(), fates)
}

// judge completes what is left, through a store that is sound, and checks that nothing was lost
// or doubled, and that the limit was kept.
func (l *keyed) judge() {
	l.t.Helper()
	if l.declareLost(l.process); l.dead {
		l.makesUp()
	}
	p := l.join()
	for i := 0; i < 50 && l.left(); i++ {
		l.settle()
		held := 0
		var all []store.Ended
		for _, c := range append(l.takes(p, l.name, 100), l.claimParked(p, l.name, 100, "send")...) {
			if c.Terms != nil && len(c.Terms.Limits) > 0 && c.Terms.Limits[0].Limit == "crm" {
				held++
			}
			all = append(all, completed(c))
		}
		if held > 1 {
			l.t.Errorf("%d jobs hold a limit of one", held)
		}
		l.finish(p, all...)
	}
	l.must(l.Store.Leave(l.ctx(), p))
	l.judgeJobs()
	l.wantKey("crm", l.name, 0, 0)
	l.wantKey("api", l.name, 0, 0)
	l.enqueue(queue("other"), unique(l.name, store.UntilEnded, store.ConflictFail)) // the key is free
}

// left reports whether jobs of the life have not ended.
func (l *keyed) left() bool {
	l.t.Helper()
	return len(l.findAll(store.Filter{Queues: []string{l.name}, States: unended, Max: 1})) > 0
}

// makesUp does what a dead process did not come to do, where that is not up to others.
func (l *keyed) makesUp() {
	l.broken, l.dead = l.Store, false
	l.enqueues()
	l.act(store.Cancel, l.jobs[cancelled].ID)
	l.act(store.RunNow, l.jobs[later].ID)
	_, err := l.Store.Tick(l.ctx(), 100, l.tick)
	l.must(err)
	l.must(l.moves())
}

func (l *keyed) judgeJobs() {
	l.t.Helper()
	made := map[string]int{}
	for _, j := range l.findAll(store.Filter{Queues: []string{l.name}, Max: 1000}) {
		switch {
		case j.Task == "posted":
			made["of rows"]++
		case j.Terms != nil && j.Terms.Schedule == l.name:
			made["of the tick"]++
		default:
			made["inserted"]++
		}
		want := store.Completed
		if j.ID == l.jobs[cancelled].ID {
			want = store.Cancelled
		}
		if j.State != want {
			l.t.Errorf("job %+v is %s, want %s", j.Terms, j.State, want)
		}
	}
	rows := 0
	if l.Inbox != nil {
		rows = 2
	}
	if made["inserted"] != jobsOfALife-1 || made["of the tick"] != 1 || made["of rows"] != rows {
		l.t.Errorf("jobs were made %v, want %d inserted, 1 of the tick, %d of rows", made, jobsOfALife-1, rows)
	}
	l.wantGone(l.jobs[again].ID)
}
