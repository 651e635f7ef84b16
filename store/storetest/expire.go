package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var expireLaws = []law{
	{"Expire/Due", "a job that nobody has started in time ends as expired, and nothing of it runs", expireDue},
	{"Expire/Paused", "so it does while its queue or its task is paused", expirePaused},
	{"Expire/Later", "its time begins when it is due, not when it is inserted", expireLater},
	{"Expire/Limited", "a job that waits for a limit expires too, and one that held it lets the next through", expireLimited},
	{"Expire/Parked", "so does one that is parked and was never run", expireParked},
	{"Expire/Started", "a job that was started does not expire, whatever became of that", expireStarted},
	{"Expire/Turn", "a job that has a turn expires too", expireTurn},
	{"Expire/Claimed", "a claim says by when the job must start, once", expireClaimed},
	{"Expire/Late", "a job that was claimed too late can be finished as expired", expireLate},
	{"Expire/Look", "View.Expire says when the next job expires", expireLook},
	{"Expire/Max", "at most so many jobs expire in a call", expireMax},
	{"Expire/Unique", "an expired job frees its key, and can be retried, which gives it its time again", expireUnique},
	{"Expire/RunAt", "a new time gives a job that waits its time anew", expireRunAt},
	{"Expire/AtOnce", "processes that expire and claim at the same time share the jobs", expireAtOnce},
	{"Expire/Tx", "a job inserted within a transaction expires too", expireTx},
}

// expires has all jobs expire that are out of time, and wants so many to.
func (s *scene) expires(want int) {
	s.t.Helper()
	n, err := s.Store.Expire(s.ctx(), 1000)
	s.must(err)
	if n != want {
		s.t.Errorf("%d jobs expired, want %d", n, want)
	}
}

func expireDue(s *scene) {
	id := s.enqueue(expire(time.Hour))
	s.enqueue()
	s.advance(59 * time.Minute)
	s.expires(0)
	s.want(id, store.Available)
	s.advance(time.Minute + time.Second)
	before := s.now()
	s.expires(1)
	j := s.want(id, store.Expired)
	if j.Attempt != 0 || j.Failures != 0 || !j.StartedAt.IsZero() {
		s.t.Errorf("job is %+v, want one that was never started", j)
	}
	s.between("FinishedAt", j.FinishedAt, before, s.now())
	s.expires(0)
	if got := s.claim(s.join(), 10); len(got) != 1 || got[0].ID == id {
		s.t.Errorf("claimed %v, want the plain job alone", ids(got))
	}
	s.wantAll(2)
}

func expirePaused(s *scene) {
	s.control(store.Control{PauseQueue: "mail"})
	s.control(store.Control{PauseTask: "draw"})
	a, b := s.enqueue(expire(time.Hour)), s.enqueue(expire(time.Hour), task("draw"), queue("image"))
	s.advance(time.Hour + time.Second)
	s.expires(2)
	s.want(a, store.Expired)
	s.want(b, store.Expired)
}

func expireLater(s *scene) {
	id := s.enqueue(expire(time.Hour), delay(time.Hour))
	s.advance(90 * time.Minute)
	s.expires(0)
	s.advance(31 * time.Minute)
	s.expires(1)
	s.want(id, store.Expired)
}

func expireLimited(s *scene) {
	s.one("crm")
	holder := s.let(under("crm", ""), expire(2*time.Hour))
	waits := s.waits(under("crm", ""), expire(time.Hour))
	last := s.waits(under("crm", ""))
	s.advance(time.Hour + time.Second)
	s.expires(1)
	s.want(waits, store.Expired)
	s.wantKey("crm", "", 1, 1)
	s.advance(time.Hour + time.Second)
	s.expires(1)
	s.want(holder, store.Expired)
	s.settle()
	s.takesThis(s.join(), last)
}

func expireParked(s *scene) {
	id := s.parking("mail", false, expire(time.Hour))
	s.advance(30 * time.Minute)
	p := s.join()
	c := s.claimParked(p, "mail", 1, "send")
	if len(c) != 1 || c[0].ExpiresAt.IsZero() {
		s.t.Fatalf("claimed %+v, want the parked job, and when it expires", c)
	}
	s.must(s.Store.Park(s.ctx(), p, false, fences(c...)))
	s.advance(30*time.Minute + time.Second)
	s.expires(1)
	s.want(id, store.Expired)
	if got := s.claimParked(p, "mail", 10, "send"); len(got) > 0 {
		s.t.Errorf("claimed %v that had expired", ids(got))
	}
}

func expireStarted(s *scene) {
	x := expire(time.Hour)
	retry := s.ending("retryable", store.OutcomeRetry, x)
	snooze := s.ending("snoozed", store.OutcomeSnooze, x)
	p, released := s.running("released", x)
	s.must(s.Store.Release(s.ctx(), p, fences(released)))
	p, reaped := s.running("reaped", x)
	s.declareLost(p)
	suspect := s.parking("suspect", true, x)
	p, running := s.running("running", x)
	s.advance(10 * time.Hour)
	s.expires(0)
	if v := s.observed(); !v.Expire.IsZero() {
		s.t.Errorf("Look wants Expire at %v, though all were started", v.Expire)
	}
	s.finish(p, completed(running))
	p = s.join()
	for _, queue := range []string{"retryable", "snoozed", "released", "reaped"} {
		got := s.claimFrom(p, queue, 1)
		if len(got) != 1 || !got[0].ExpiresAt.IsZero() {
			s.t.Errorf("claimed %+v from %s, want one that does not expire any more", got, queue)
		}
	}
	for _, id := range []store.ID{retry, snooze, released.ID, reaped.ID} {
		s.want(id, store.Running)
	}
	s.want(suspect, store.Blocked)
}

func expireTurn(s *scene) {
	id := s.enqueue(turn("a", 0), expire(time.Hour))
	kept := s.enqueue(turn("a", 0))
	s.advance(30 * time.Minute)
	s.expires(0)
	s.advance(30*time.Minute + time.Second)
	s.expires(1)
	s.want(id, store.Expired)
	s.takesThis(s.join(), kept)
}

func expireClaimed(s *scene) {
	s.one("crm")
	p := s.join()
	for _, with := range []func(*store.NewJob){func(*store.NewJob) {}, under("crm", ""), turn("a", 0)} {
		id := s.enqueue(expire(time.Hour), with)
		j := s.job(id)
		c := s.takesThis(p, id)
		s.same("ExpiresAt", c.ExpiresAt, j.RunAt.Add(time.Hour))
		if c.Terms == nil || c.Terms.Expire != time.Hour {
			s.t.Errorf("claimed with terms %+v", c.Terms)
		}
		s.finish(p, retried(c, 0))
		if c = s.takesThis(p, id); !c.ExpiresAt.IsZero() {
			s.t.Errorf("the second attempt expires at %v", c.ExpiresAt)
		}
		s.finish(p, completed(c))
	}
	if c := s.claimThis(p, s.enqueue()); !c.ExpiresAt.IsZero() {
		s.t.Errorf("a plain job expires at %v", c.ExpiresAt)
	}
}

func expireLate(s *scene) {
	p := s.join()
	id := s.enqueue(expire(time.Hour))
	s.advance(time.Hour + time.Second)
	c := s.takesThis(p, id)
	if c.ExpiresAt.IsZero() || c.ExpiresAt.After(c.ClaimedAt) {
		s.t.Errorf("it expires at %v, claimed at %v", c.ExpiresAt, c.ClaimedAt)
	}
	s.expires(0)
	s.finish(p, ended(c, store.OutcomeExpired))
	if j := s.want(id, store.Expired); j.Failures != 0 || j.FinishedAt.IsZero() {
		s.t.Errorf("job is %+v, want it ended without a failure", j)
	}
	s.finish(p, ended(c, store.OutcomeExpired)) // again is no loss
	s.wantFigures(map[string]int64{"expired": 1})
}

func expireLook(s *scene) {
	s.enqueue()
	if v := s.observed(); !v.Expire.IsZero() {
		s.t.Errorf("Look wants Expire at %v, though nothing expires", v.Expire)
	}
	id := s.enqueue(expire(2 * time.Hour))
	s.enqueue(expire(3 * time.Hour))
	parked := s.parking("other", false, expire(time.Hour))
	want := s.job(parked).RunAt.Add(time.Hour)
	if v := s.observed(); v.Expire.IsZero() || v.Expire.After(want.Add(time.Second)) {
		s.t.Errorf("Look wants Expire at %v, want %v", v.Expire, want)
	}
	s.cancel(parked)
	s.takesAll(s.join(), "mail")
	// It may still be shown, once: a call makes clear that there is nothing.
	s.advance(4 * time.Hour)
	s.expires(0)
	if v := s.observed(); !v.Expire.IsZero() {
		s.t.Errorf("Look wants Expire at %v, though all jobs run or have ended", v.Expire)
	}
	s.want(id, store.Running)
}

func expireMax(s *scene) {
	s.insert(jobs(10, expire(time.Hour))...)
	s.advance(time.Hour + time.Second)
	for _, want := range []int{4, 4, 2, 0} {
		n, err := s.Store.Expire(s.ctx(), 4)
		s.must(err)
		if n != want {
			s.t.Errorf("%d jobs expired, want %d", n, want)
		}
	}
}

func expireUnique(s *scene) {
	u := unique("k", store.UntilEnded, store.ConflictKeep)
	first := s.enqueue(u, expire(time.Hour))
	s.advance(time.Hour + time.Second)
	s.expires(1)
	second := s.enqueue(u)
	if a := s.act(store.Retry, first); a.Effect != store.Taken || a.By != second {
		s.t.Errorf("Retry = %+v, want that job %s has the key", a, second)
	}
	s.cancel(second)
	if a := s.act(store.Retry, first); a.Effect != store.Done || a.State != store.Expired {
		s.t.Errorf("Retry = %+v, want it done", a)
	}
	s.advance(30 * time.Minute)
	s.expires(0)
	s.conflict(first, u)
	s.advance(31 * time.Minute)
	s.expires(1)
	s.want(first, store.Expired)
}

func expireRunAt(s *scene) {
	edited := s.enqueue(expire(time.Hour))
	debounced := s.enqueue(expire(time.Hour), unique("k", store.UntilEnded, store.ConflictDebounce))
	hurried := s.enqueue(expire(time.Hour), delay(10*time.Hour))
	at := s.now().Add(2 * time.Hour)
	s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{edited}, Edit: &store.Edit{RunAt: &at}})
	s.replaced(debounced, expire(time.Hour), unique("k", store.UntilEnded, store.ConflictDebounce), delay(2*time.Hour))
	s.act(store.RunNow, hurried)
	s.advance(time.Hour + time.Second)
	s.expires(1)
	s.want(hurried, store.Expired)
	s.advance(time.Hour + 30*time.Minute)
	s.expires(0)
	s.advance(31 * time.Minute)
	s.expires(2)
	s.want(edited, store.Expired)
	s.want(debounced, store.Expired)
}

func expireAtOnce(s *scene) {
	s.needs("Advance", s.Advance != nil)
	all := jobs(60, expire(time.Hour))
	s.insert(all...)
	s.advance(time.Hour + time.Second)
	claimed := make([][]store.Claimed, 4)
	expired := make([]int, 4)
	together(4, func(i int) {
		p := s.join()
		for range 8 {
			if i%2 == 0 {
				claimed[i] = append(claimed[i], s.takes(p, "mail", 5)...)
				continue
			}
			n, err := s.Store.Expire(s.ctx(), 5)
			s.must(err)
			expired[i] += n
		}
	})
	started := ids(slices.Concat(claimed...))
	for _, n := range all {
		want := store.Expired
		if slices.Contains(started, n.ID) {
			want = store.Running
		}
		if j := s.job(n.ID); j.State != want && j.State != store.Available {
			s.t.Errorf("job %s is %s, want %s", n.ID, j.State, want)
		}
	}
	rest, err := s.Store.Expire(s.ctx(), 1000)
	s.must(err)
	if n := len(started) + expired[1] + expired[3] + rest; n != len(all) {
		s.t.Errorf("%d jobs were claimed or have expired, want %d", n, len(all))
	}
}

func expireTx(s *scene) {
	tx, w := s.begin()
	n := aJob(expire(time.Hour))
	_, err := w.Insert(s.ctx(), []store.NewJob{n})
	s.must(err)
	s.must(tx.Commit())
	s.advance(time.Hour + time.Second)
	s.expires(1)
	s.want(n.ID, store.Expired)
}
