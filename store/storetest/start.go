package storetest

import (
	"bytes"
	"maps"
	"time"

	"github.com/offloadhq/offload/store"
)

var startLaws = []law{
	{"Start/Runs", "a job that is started is running, held by its process, at its first attempt, and nobody can claim it", startRuns},
	{"Start/Carries", "it carries all that its run needs, its input however large", startCarries},
	{"Start/Ends", "it ends, is retried and is released as if it had been claimed", startEnds},
	{"Start/Existing", "a job whose id exists is not started, and nothing is changed", startExisting},
	{"Start/Kept", "where queue or task is paused, or the process is quiet, stops or is not there, the job is due", startKept},
	{"Start/Reaped", "when its process is lost, it runs elsewhere, a crash counted", startReaped},
}

// start starts a new job.
func (s *scene) start(p store.ID, n store.NewJob) store.Claimed {
	s.t.Helper()
	inserted, c, err := s.Store.Start(s.ctx(), p, n)
	s.must(err)
	if c == nil || inserted != (store.Inserted{ID: n.ID}) {
		s.t.Fatalf("Start of new job %s = %+v, %+v; want it started", n.ID, inserted, c)
	}
	return *c
}

func startRuns(s *scene) {
	p := s.join()
	n := aJob()
	before := s.now()
	c := s.start(p, n)

	j := s.want(n.ID, store.Running)
	if c.Attempt != 1 || j.Attempt != 1 || j.Process != processName || j.Failures != 0 {
		s.t.Errorf("started %+v is %+v, want attempt 1 by %s", c, j, processName)
	}
	s.between("ClaimedAt", c.ClaimedAt, before, s.now())
	s.same("StartedAt", j.StartedAt, c.ClaimedAt)
	s.same("RunAt", j.RunAt, c.ClaimedAt)
	s.same("CreatedAt", j.CreatedAt, c.CreatedAt)
	if got := s.claim(p, 10); len(got) != 0 {
		s.t.Errorf("it was claimed as well: %+v", got)
	}
	s.wantAll(1)
}

func startCarries(s *scene) {
	n := store.NewJob{
		ID: store.NewID(), Task: "send", Queue: "mail", Priority: 3, Input: bytes.Repeat([]byte("7"), 2*store.InlineInput),
		Tags:        map[string]string{"tenant": "7"},
		MaxAttempts: 4, Timeout: 90 * time.Second, GiveUpAfter: 48 * time.Hour, Retain: 36 * time.Hour,
	}
	c := s.start(s.join(), n)

	if c.Task != n.Task || c.Queue != n.Queue || c.Priority != n.Priority || !bytes.Equal(c.Input, n.Input) || c.Large ||
		!maps.Equal(c.Tags, n.Tags) || c.MaxAttempts != n.MaxAttempts || c.Timeout != n.Timeout ||
		c.GiveUpAfter != n.GiveUpAfter || c.Retain != n.Retain || c.Failures != 0 || c.Crashes != 0 {
		s.t.Errorf("started %+v, want what was inserted: %+v", c, n)
	}
	j := s.job(n.ID)
	if !bytes.Equal(j.Input, n.Input) || !maps.Equal(j.Tags, n.Tags) || j.Priority != n.Priority || j.MaxAttempts != n.MaxAttempts {
		s.t.Errorf("stored %+v, want what was inserted: %+v", j, n)
	}
}

func startEnds(s *scene) {
	p := s.join()
	done, again, back := s.start(p, aJob()), s.start(p, aJob()), s.start(p, aJob())

	s.finish(p, completed(done), retried(again, 0))
	s.must(s.Store.Release(s.ctx(), p, []store.Fence{back.Fence}))

	s.want(done.ID, store.Completed)
	for _, c := range s.claim(p, 10) {
		if c.Attempt != 2 || c.ID != again.ID && c.ID != back.ID {
			s.t.Errorf("claimed %+v; want the second attempt of the two that did not complete", c)
		}
	}
	s.want(again.ID, store.Running)
	s.want(back.ID, store.Running)
}

func startExisting(s *scene) {
	p := s.join()
	n := aJob()
	s.insert(n)

	inserted, c, err := s.Store.Start(s.ctx(), p, n)

	if err != nil || c != nil || inserted != (store.Inserted{ID: n.ID, Existing: true}) {
		s.t.Errorf("Start of a job that is there = %+v, %+v, %v", inserted, c, err)
	}
	s.want(n.ID, store.Available)
	if got := s.claim(p, 10); len(got) != 1 || got[0].Attempt != 1 {
		s.t.Errorf("claimed %+v; want the first attempt", got)
	}
}

func startKept(s *scene) {
	quiet, stops, left, p := s.join(), s.join(), s.join(), s.join()
	s.control(store.Control{QuietProcess: quiet})
	s.control(store.Control{StopProcess: stops})
	s.control(store.Control{PauseQueue: "paused"})
	s.control(store.Control{PauseTask: "paused"})
	s.must(s.Store.Leave(s.ctx(), left))
	for _, test := range []struct {
		name    string
		process store.ID
		job     store.NewJob
	}{
		{"quiet", quiet, aJob()},
		{"told to stop", stops, aJob()},
		{"left", left, aJob()},
		{"never joined", store.NewID(), aJob()},
		{"paused queue", p, aJob(queue("paused"))},
		{"paused task", p, aJob(task("paused"))},
	} {
		inserted, c, err := s.Store.Start(s.ctx(), test.process, test.job)
		if err != nil || c != nil || inserted != (store.Inserted{ID: test.job.ID}) {
			s.t.Errorf("%s: Start = %+v, %+v, %v; want it inserted and not started", test.name, inserted, c, err)
		}
		s.want(test.job.ID, store.Available)
	}
	s.wantAll(6)
}

func startReaped(s *scene) {
	slow := s.join()
	c := s.start(slow, aJob())
	s.declareLost(slow)

	next := s.claimOne(s.join())

	if next.ID != c.ID || next.Attempt != 2 || next.Crashes != 1 {
		s.t.Errorf("claimed %+v; want the second attempt of job %s after a crash", next, c.ID)
	}
	s.finishLost(slow, completed(c))
}
