package storetest

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

var claimLaws = []law{
	{"Claim/Runs", "a claimed job is running, held by its process, at its first attempt", claimRuns},
	{"Claim/Carries", "a claimed job carries all that its run needs", claimCarries},
	{"Claim/Order", "jobs come by priority, then run_at, then id, whoever claims them and however few at a time", claimOrder},
	{"Claim/Priorities", "priorities are looked at in the order asked for, and no others", claimPriorities},
	{"Claim/Limit", "never more than the limit are claimed, over all priorities", claimLimit},
	{"Claim/Queue", "only jobs of the queue asked for are claimed", claimQueue},
	{"Claim/NothingDue", "nothing due is no error", claimNothingDue},
	{"Claim/Once", "a job that is claimed is claimed by nobody else", claimOnce},
	{"Claim/Disjoint", "processes that claim at the same time share the jobs: each is claimed once, none is left", claimDisjoint},
	{"Claim/DisjointStores", "so do processes with stores of their own", claimDisjointStores},
	{"Claim/Unknown", "a process that never joined, left or was declared lost claims nothing, and is told so", claimUnknown},
	{"Claim/Zombie", "a claim at the same moment as its process is declared lost strands no job", claimZombie},
	{"Claim/Paused", "a pause does not keep jobs from Claim: that is the engine's", claimPaused},
	{"Claim/Attempts", "every claim raises the attempt by one, and nothing lowers it", claimAttempts},
	{"Claim/LateInsert", "a job inserted after thousands were claimed is found at once, at any priority", claimLateInsert},
}

func claimRuns(s *scene) {
	id := s.enqueue()
	p := s.join()
	before := s.now()
	c := s.claimThis(p, id)

	j := s.want(id, store.Running)
	if c.Attempt != 1 || j.Attempt != 1 || j.Process != processName || j.Cancelling || j.Failures != 0 {
		s.t.Errorf("claimed %+v is %+v, want attempt 1 by %s", c, j, processName)
	}
	s.between("ClaimedAt", c.ClaimedAt, before, s.now())
	s.same("StartedAt", j.StartedAt, c.ClaimedAt)
	s.wantAll(1)
}

func claimCarries(s *scene) {
	n := store.NewJob{
		ID: store.NewID(), Task: "send", Queue: "mail", Priority: 3, Input: []byte(`{"a":1}`),
		Tags:        map[string]string{"tenant": "7"},
		MaxAttempts: 4, Timeout: 90 * time.Second, GiveUpAfter: 48 * time.Hour, Retain: 36 * time.Hour,
	}
	s.insert(n)
	j := s.job(n.ID)

	c := s.claimOne(s.join())

	if c.Task != n.Task || c.Queue != n.Queue || c.Priority != n.Priority || !bytes.Equal(c.Input, n.Input) || c.Large ||
		!maps.Equal(c.Tags, n.Tags) || c.MaxAttempts != n.MaxAttempts || c.Timeout != n.Timeout ||
		c.GiveUpAfter != n.GiveUpAfter || c.Retain != n.Retain || c.Failures != 0 || c.Crashes != 0 || c.Suspect() {
		s.t.Errorf("claimed %+v, want what was inserted: %+v", c, n)
	}
	s.same("RunAt", c.RunAt, j.RunAt)
	s.same("CreatedAt", c.CreatedAt, j.CreatedAt)
}

func claimOrder(s *scene) {
	const n = 60
	all := jobs(n)
	r := rand.New(rand.NewPCG(5, 6))
	r.Shuffle(n, func(i, k int) { all[i], all[k] = all[k], all[i] }) // ids are not in the order of run_at
	for i := range all {
		all[i].Priority = r.IntN(10)
	}
	for rest := all; len(rest) > 0; {
		some := min(1+r.IntN(4), len(rest))
		s.insert(rest[:some]...)
		rest = rest[some:]
	}
	a, b := s.join(), s.join()
	var got []store.Claimed
	for len(got) < n {
		more := s.claim([]store.ID{a, b}[r.IntN(2)], 1+r.IntN(7))
		if len(more) == 0 {
			s.t.Fatalf("%d of %d jobs were claimed", len(got), n)
		}
		got = append(got, more...)
	}
	wantOrdered(s.t, got)
	if !sameIDs(ids(got), idsOf(all)) {
		s.t.Error("other jobs were claimed than were inserted")
	}
}

func claimPriorities(s *scene) {
	low, middle, high := s.enqueue(priority(9)), s.enqueue(priority(5)), s.enqueue(priority(0))
	p := s.join()

	claimed, err := s.Store.Claim(s.ctx(), store.ClaimRequest{Process: p, Queue: "mail", Priorities: []int{9, 0}, Limit: 10})

	s.must(err)
	if got := ids(claimed); !slices.Equal(got, []store.ID{low, high}) {
		s.t.Errorf("Claim of priorities 9 and 0 = %v, want %v", got, []store.ID{low, high})
	}
	s.claimThis(p, middle)
}

func claimLimit(s *scene) {
	for p := range 10 {
		s.insert(jobs(3, priority(p))...)
	}
	p := s.join()
	if got := s.claim(p, 0); len(got) > 0 {
		s.t.Errorf("Claim with limit 0 gave %d jobs", len(got))
	}
	if got := s.claim(p, 7); len(got) != 7 {
		s.t.Errorf("Claim with limit 7 gave %d jobs", len(got))
	}
	if got := s.claim(p, 1000); len(got) != 23 {
		s.t.Errorf("Claim gave %d jobs, want the 23 left", len(got))
	}
}

func claimQueue(s *scene) {
	mail, image := s.enqueue(), s.enqueue(queue("image"))
	p := s.join()
	if got := ids(s.claimFrom(p, "image", 10)); !slices.Equal(got, []store.ID{image}) {
		s.t.Errorf("Claim from image = %v, want %v", got, image)
	}
	s.want(mail, store.Available)
}

func claimNothingDue(s *scene) {
	s.enqueue(delay(time.Hour))
	s.parking("mail", false)
	if got := s.claim(s.join(), 10); got != nil {
		s.t.Errorf("Claim = %v, want nil", ids(got))
	}
}

func claimOnce(s *scene) {
	id := s.enqueue()
	s.claimThis(s.join(), id)
	if got := s.claim(s.join(), 10); len(got) > 0 {
		s.t.Errorf("a second process claimed %v", ids(got))
	}
}

func claimDisjoint(s *scene) {
	claimApart(s, s, s, s, s)
}

func claimDisjointStores(s *scene) {
	claimApart(s, s, s.another(), s.another(), s)
}

// claimApart lets processes claim until nothing is left.
func claimApart(s *scene, views ...*scene) {
	all := jobs(400)
	s.insert(all...)
	var mu sync.Mutex
	seen := map[store.ID]int{}
	processes := make([]store.ID, len(views))
	for i, v := range views {
		processes[i] = v.join()
	}
	together(len(views), func(i int) {
		for empty := 0; empty < 3; { // jobs passed over may come back, when a claim fails
			got, err := views[i].Store.Claim(s.ctx(), store.ClaimRequest{Process: processes[i], Queue: "mail", Limit: 1 + i*3})
			if err != nil {
				s.t.Errorf("Claim: %v", err)
				return
			}
			if len(got) == 0 {
				empty++
			}
			mu.Lock()
			for _, c := range got {
				seen[c.ID]++
			}
			mu.Unlock()
		}
	})
	for _, n := range all {
		if seen[n.ID] != 1 {
			s.t.Errorf("job %s was claimed %d times", n.ID, seen[n.ID])
		}
	}
}

func claimUnknown(s *scene) {
	id := s.enqueue()
	gone, lost := s.join(), s.join()
	s.must(s.Store.Leave(s.ctx(), gone))
	s.declareLost(lost)
	for _, p := range []store.ID{store.NewID(), gone, lost} {
		claimed, err := s.Store.Claim(s.ctx(), store.ClaimRequest{Process: p, Queue: "mail", Limit: 10})
		s.wantErr(err, store.ErrLeaseLost)
		if len(claimed) > 0 {
			s.t.Errorf("Claim gave %v to a process that is not there", ids(claimed))
		}
	}
	if j := s.want(id, store.Available); j.Attempt != 0 {
		s.t.Errorf("attempt is %d, want 0", j.Attempt)
	}
}

func claimZombie(s *scene) {
	const rounds = 30
	for range rounds {
		id := s.enqueue()
		p := s.join()
		together(2, func(i int) {
			if i == 0 {
				s.declareLost(p)
				return
			}
			_, err := s.Store.Claim(s.ctx(), store.ClaimRequest{Process: p, Queue: "mail", Limit: 10})
			if err != nil {
				s.wantErr(err, store.ErrLeaseLost)
			}
		})
		s.declareLost() // by state: whatever lease has no process now
		if j := s.job(id); j.State != store.Available {
			s.t.Fatalf("job is %s by %q after its process was lost, want available", j.State, j.Process)
		}
		s.cancel(id)
	}
}

func claimPaused(s *scene) {
	id := s.enqueue()
	s.must(s.Store.Control(s.ctx(), store.Control{PauseQueue: "mail"}))
	s.must(s.Store.Control(s.ctx(), store.Control{PauseTask: "send"}))
	s.claimThis(s.join(), id)
}

func claimAttempts(s *scene) {
	id := s.enqueue()
	p := s.join()
	attempt := 0
	again := func(how string) store.Claimed {
		c := s.claimThis(p, id)
		attempt++
		if c.Attempt != attempt {
			s.t.Fatalf("after %s: attempt is %d, want %d", how, c.Attempt, attempt)
		}
		return c
	}
	c := again("insert")
	s.must(s.Store.Release(s.ctx(), p, fences(c)))
	c = again("release")
	s.finish(p, snoozed(c, 0))
	c = again("snooze")
	s.finish(p, retried(c, 0))
	again("retry")
	s.declareLost(p)
	p = s.join()
	c = again("reap")
	s.finish(p, ended(c, store.OutcomeDiscarded))
	s.act(store.Retry, id)
	c = again("Retry")
	s.must(s.Store.Park(s.ctx(), p, false, fences(c)))
	parked, err := s.Store.ClaimParked(s.ctx(), store.ParkedRequest{Process: p, Queue: "mail", Tasks: []string{"send"}, Limit: 1})
	s.must(err)
	if attempt++; len(parked) != 1 || parked[0].Attempt != attempt {
		s.t.Errorf("after park: claimed %+v, want attempt %d", parked, attempt)
	}
}

func claimLateInsert(s *scene) {
	p := s.join()
	for range 3 {
		s.insert(jobs(*backlog/3, priority(4))...)
		s.claim(p, *backlog)
		late, low := s.enqueue(priority(4)), s.enqueue(priority(7))
		if got := ids(s.claim(p, 10)); !slices.Equal(got, []store.ID{late, low}) {
			s.t.Fatalf("Claim = %v, want the two jobs just inserted: %v, %v", got, late, low)
		}
	}
}
