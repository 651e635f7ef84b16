package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var placeLaws = []law{
	{"Place/Unknown", "a job that is not there has no place", placeUnknown},
	{"Place/Ahead", "the due jobs that come before one are counted", placeAhead},
	{"Place/Paused", "a paused queue and a paused task are shown", placePaused},
	{"Place/Limit", "a job that waits for a limit shows its key, what holds it, and the job's place in line", placeLimit},
	{"Place/Expires", "a job shows when it expires, until it was started", placeExpires},
	{"Place/Finished", "how many jobs of the queue end a second is shown", placeFinished},
	{"Place/Everywhere", "a job has a place wherever it is", placeEverywhere},
	{"Find/Terms", "jobs are found by a limit, a key, and the schedule that enqueued them, wherever they are", findTerms},
	{"Find/TermsKept", "the terms of a job are shown as they were given", findTermsKept},
}

func (s *scene) place(id store.ID) store.Place {
	s.t.Helper()
	p, err := s.Store.Place(s.ctx(), id)
	s.must(err)
	if p.Job.ID != id {
		s.t.Fatalf("Place of job %s is that of %s", id, p.Job.ID)
	}
	return p
}

func placeUnknown(s *scene) {
	_, err := s.Store.Place(s.ctx(), store.NewID())
	s.wantErr(err, store.ErrNotFound)
	id := s.enqueue()
	s.act(store.Delete, id)
	_, err = s.Store.Place(s.ctx(), id)
	s.wantErr(err, store.ErrNotFound)
}

func placeAhead(s *scene) {
	all := jobs(20)
	s.insert(all...)
	first, last := s.enqueue(priority(0)), s.enqueue(priority(9))
	s.enqueue(queue("other"), priority(0))
	s.enqueue(delay(time.Hour), priority(0))
	for id, want := range map[store.ID]int{first: 0, all[0].ID: 1, all[7].ID: 8, all[19].ID: 20, last: 21} {
		p := s.place(id)
		if p.Ahead != want || p.Limit != nil || p.Line != 0 || p.QueuePaused || p.TaskPaused || !p.ExpiresAt.IsZero() {
			s.t.Errorf("place is %+v, want %d jobs ahead and nothing in its way", p, want)
		}
	}
	s.claim(s.join(), 6)
	if p := s.place(last); p.Ahead != 15 {
		s.t.Errorf("%d jobs are ahead, want 15", p.Ahead)
	}
	turns := jobs(3, turn("a", 0))
	s.insert(turns...)
	if p := s.place(turns[1].ID); p.Ahead != 16 {
		s.t.Errorf("%d jobs are ahead of the second turn, want 15 without a turn, and one", p.Ahead)
	}
}

func placePaused(s *scene) {
	id := s.enqueue()
	s.control(store.Control{PauseQueue: "mail"})
	s.control(store.Control{PauseQueue: "other"})
	s.control(store.Control{PauseTask: "draw"})
	if p := s.place(id); !p.QueuePaused || p.TaskPaused {
		s.t.Errorf("place is %+v, want a paused queue", p)
	}
	s.control(store.Control{ResumeQueue: "mail"})
	s.control(store.Control{PauseTask: "send"})
	if p := s.place(id); p.QueuePaused || !p.TaskPaused {
		s.t.Errorf("place is %+v, want a paused task", p)
	}
}

func placeLimit(s *scene) {
	s.one("crm", "disk")
	holder := s.let(under("crm", "acme"))
	s.let(under("crm", "other"))
	s.waits(under("crm", "other"))
	second := s.waits(under("disk", ""), under("crm", "acme"))
	third := s.waits(under("crm", "acme"))
	first := s.waits(under("crm", "acme"), priority(0))
	for id, line := range map[store.ID]int{first: 1, second: 2, third: 3} {
		p := s.place(id)
		if p.Line != line || p.Limit == nil || p.Limit.Name != "crm" || p.Limit.Max != 1 || len(p.Limit.Keys) != 1 {
			s.t.Errorf("place is %+v, want %d in line for crm", p, line)
			continue
		}
		if k := p.Limit.Keys[0]; k.Key != "acme" || k.Held != 1 || k.Waiting != 3 || !slices.Equal(k.Holders, []store.ID{holder}) {
			s.t.Errorf("key is %+v, want acme, held by %s", k, holder)
		}
		if p.Job.Waits != store.WaitsLimit || p.Job.Limit != (store.Use{Limit: "crm", Key: "acme"}) {
			s.t.Errorf("job is %+v, want one that waits for crm", p.Job)
		}
	}
	if p := s.place(holder); p.Limit != nil || p.Line != 0 {
		s.t.Errorf("place is %+v, want one that waits for nothing", p)
	}
}

func placeExpires(s *scene) {
	id := s.enqueue(expire(time.Hour), delay(time.Hour))
	s.same("ExpiresAt", s.place(id).ExpiresAt, s.job(id).RunAt.Add(time.Hour))
	id = s.ending("retryable", store.OutcomeRetry, expire(time.Hour))
	if p := s.place(id); !p.ExpiresAt.IsZero() {
		s.t.Errorf("a job that was started expires at %v", p.ExpiresAt)
	}
}

func placeFinished(s *scene) {
	id := s.enqueue(delay(time.Hour))
	if p := s.place(id); p.Finished != 0 {
		s.t.Errorf("%v jobs end a second, want none", p.Finished)
	}
	p := s.join()
	s.insert(jobs(60)...)
	s.insert(jobs(60, queue("other"))...)
	for _, c := range append(s.claim(p, 60), s.claimFrom(p, "other", 60)...) {
		s.finish(p, completed(c))
	}
	// So many in the minutes that the last five make up, of which one may have just begun.
	if got := s.place(id).Finished; got < 60./360 || got > 60./240 {
		s.t.Errorf("%v jobs end a second, want about %v", got, 60./300)
	}
}

func placeEverywhere(s *scene) {
	for _, in := range stages {
		id := in.bring(s)
		p := s.place(id)
		if p.Job.State != in.state || p.Line != 0 || p.Limit != nil {
			s.t.Errorf("%s: place is %+v", in.name, p)
		}
		if (in.state.Ended() || in.state == store.Running) && p.Ahead != 0 {
			s.t.Errorf("%s: %d jobs are ahead", in.name, p.Ahead)
		}
	}
}

func findTerms(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 2})
	by := func(name string, tick time.Time) func(*store.NewJob) {
		return func(n *store.NewJob) { terms(n).Schedule, terms(n).Tick = name, tick }
	}
	at := s.now().Truncate(time.Millisecond)
	ended := s.ending("mail", store.OutcomeCompleted, under("crm", "acme"), by("nightly", at))
	a := s.let(under("crm", "acme"), unique("u1", store.UntilEnded, store.ConflictKeep))
	b := s.let(under("crm", "acme"), turn("t1", 0))
	waits := s.waits(under("crm", "acme"), by("nightly", at.Add(time.Hour)))
	other := s.let(under("crm", "other"))
	disk := s.waits(under("disk", "acme"))
	s.enqueue()
	for _, test := range []struct {
		f    store.Filter
		want []store.ID
	}{
		{store.Filter{Limit: "crm"}, []store.ID{ended, a, b, waits, other}},
		{store.Filter{Key: "acme"}, []store.ID{ended, a, b, waits, disk}},
		{store.Filter{Key: "u1"}, []store.ID{a}},
		{store.Filter{Key: "t1"}, []store.ID{b}},
		{store.Filter{Schedule: "nightly"}, []store.ID{ended, waits}},
		{store.Filter{Schedule: "night"}, nil},
		{store.Filter{Key: "acm"}, nil},
		{store.Filter{Limit: "crm", Key: "other"}, []store.ID{other}},
		{store.Filter{Limit: "crm", States: []store.State{store.Blocked}}, []store.ID{waits}},
		{store.Filter{Schedule: "nightly", States: []store.State{store.Completed}}, []store.ID{ended}},
	} {
		s.wantFound(test.f, test.want...)
	}
}

func findTermsKept(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 1}, store.Limit{Name: "api", Max: 5, Per: time.Minute})
	want := store.Terms{
		Limits:   []store.Use{{Limit: "crm", Key: "ключ \"1\""}, {Limit: "api", Cost: 3}},
		Unique:   &store.Unique{Key: "{\"a\":1}", For: 90 * time.Minute, OnConflict: store.ConflictDebounce},
		Turn:     &store.Turn{Key: "t", Weight: 7},
		Expire:   26 * time.Hour,
		Schedule: "nightly", Tick: time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC),
	}
	given := want
	given.Limits = slices.Clone(want.Limits)
	n := aJob(func(n *store.NewJob) { n.Terms = &given })
	s.insert(n)
	given.Limits[0].Key = "changed"
	check := func(what string, got *store.Terms) {
		s.t.Helper()
		if got == nil || !slices.Equal(got.Limits, want.Limits) || got.Turn == nil || *got.Turn != *want.Turn ||
			got.Expire != want.Expire || got.Schedule != want.Schedule || !got.Tick.Equal(want.Tick) || got.Unique == nil {
			s.t.Fatalf("%s has terms %+v, want %+v", what, got, want)
		}
		u := *got.Unique
		if u.Task = ""; u != *want.Unique {
			s.t.Errorf("%s has a unique key %+v, want %+v", what, u, *want.Unique)
		}
	}
	check("the job", s.job(n.ID).Terms)
	p := s.join()
	c := s.takesThis(p, n.ID)
	check("the claim", c.Terms)
	check("the running job", s.job(n.ID).Terms)
	s.finish(p, completed(c))
	check("the completed job", s.job(n.ID).Terms)
	plain := s.enqueue()
	if j := s.job(plain); j.Terms.Gated() || j.Terms != nil && j.Terms.Unique != nil {
		s.t.Errorf("a plain job has terms %+v", j.Terms)
	}
	if c := s.takesThis(p, plain); c.Terms != nil {
		s.t.Errorf("a plain job is claimed with terms %+v", c.Terms)
	}
}
