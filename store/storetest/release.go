package storetest

import "github.com/offloadhq/offload/store"

var releaseLaws = []law{
	{"Release/Due", "a released job is due at its old run_at, with no failure and no crash", releaseDue},
	{"Release/InFront", "behind a big backlog a released job is the next claimed", releaseInFront},
	{"Release/InFrontOfClaimed", "so it is when everything behind it was claimed before", releaseInFrontOfClaimed},
	{"Release/Gone", "leases that are gone or another's are passed over", releaseGone},
	{"Release/Twice", "releasing again does nothing, also when the job has moved on", releaseTwice},
	{"Release/Cancelled", "a job whose cancel was signalled is cancelled instead", releaseCancelled},
	{"Release/Many", "a thousand leases can be released at once", releaseMany},
	{"Release/None", "releasing nothing is no error", releaseNone},
}

func releaseDue(s *scene) {
	p, c := s.running("mail")
	s.must(s.Store.Release(s.ctx(), p, fences(c)))

	j := s.want(c.ID, store.Available)
	if j.Attempt != 1 || j.Failures != 0 || j.Crashes != 0 || j.Process != "" || len(s.failures(c.ID)) > 0 {
		s.t.Errorf("job is %+v, want one without failure or crash", j)
	}
	s.same("RunAt", j.RunAt, c.RunAt)
	s.wantAll(1)
}

func releaseInFront(s *scene) {
	first := s.enqueue()
	s.insert(jobs(*backlog)...)
	p := s.join()
	c := s.claimThis(p, first)
	s.claim(p, *backlog/10) // the claims have gone on

	s.must(s.Store.Release(s.ctx(), p, fences(c)))

	s.claimThis(s.join(), first)
}

func releaseInFrontOfClaimed(s *scene) {
	first := s.enqueue()
	p := s.join()
	c := s.claimThis(p, first)
	for range 5 {
		s.insert(jobs(*backlog / 5)...)
		s.claim(p, *backlog)
	}
	s.insert(jobs(5)...)
	s.must(s.Store.Release(s.ctx(), p, fences(c)))
	s.claimThis(p, first)
}

func releaseGone(s *scene) {
	p, c := s.running("mail")
	other, mine := s.running("mail")
	wrong := mine.Fence
	wrong.Attempt++
	s.must(s.Store.Release(s.ctx(), other, []store.Fence{c.Fence, wrong, {ID: store.NewID(), Attempt: 1}}))
	s.want(c.ID, store.Running)
	s.want(mine.ID, store.Running)
	s.finish(p, completed(c))
	s.must(s.Store.Release(s.ctx(), p, append(fences(c), mine.Fence)))
	s.want(c.ID, store.Completed)
	s.want(mine.ID, store.Running)
	s.wantAll(2)
}

func releaseTwice(s *scene) {
	p, c := s.running("mail")
	s.must(s.Store.Release(s.ctx(), p, fences(c)))
	s.must(s.Store.Release(s.ctx(), p, fences(c)))
	again := s.claimThis(p, c.ID)
	s.must(s.Store.Release(s.ctx(), p, fences(c)))
	if j := s.want(c.ID, store.Running); j.Attempt != 2 {
		s.t.Errorf("attempt is %d, want 2", j.Attempt)
	}
	s.finish(p, completed(again))
}

func releaseCancelled(s *scene) {
	p, c := s.running("mail")
	s.cancel(c.ID)
	s.must(s.Store.Release(s.ctx(), p, fences(c)))
	s.want(c.ID, store.Cancelled)
	s.wantAll(1)
}

func releaseMany(s *scene) {
	all := jobs(1000)
	s.insert(all...)
	p := s.join()
	s.must(s.Store.Release(s.ctx(), p, fences(s.claim(p, len(all))...)))
	if got := s.claim(s.join(), len(all)); !sameIDs(ids(got), idsOf(all)) {
		s.t.Errorf("%d of %d released jobs were claimed", len(got), len(all))
	}
}

func releaseNone(s *scene) { s.must(s.Store.Release(s.ctx(), s.join(), nil)) }
