package storetest

import (
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var parkLaws = []law{
	{"Park/Blocked", "a parked job is blocked, waits for its task, and counts no failure and no crash", parkBlocked},
	{"Park/Suspect", "a suspect is blocked until it can run alone", parkSuspect},
	{"Park/Paused", "a parked job of a paused task waits for its resume", parkPaused},
	{"Park/NotClaimed", "Claim gives no parked job", parkNotClaimed},
	{"Park/Gone", "leases that are gone or another's are passed over", parkGone},
	{"Park/Cancelled", "a job whose cancel was signalled is cancelled instead", parkCancelled},
	{"ClaimParked/Tasks", "parked jobs are claimed by queue and by the names of known tasks", claimParkedTasks},
	{"ClaimParked/Order", "parked jobs keep the order of priority and run_at, and obey the limit", claimParkedOrder},
	{"ClaimParked/Suspect", "suspects are claimed one at a time, and only when asked for", claimParkedSuspect},
	{"ClaimParked/NotYet", "a parked job whose time has not come is left", claimParkedNotYet},
	{"ClaimParked/Once", "processes that claim parked jobs at the same time share them", claimParkedOnce},
	{"ClaimParked/Unknown", "a process that is not there claims no parked job, and is told so", claimParkedUnknown},
}

// claimParked claims parked jobs of tasks.
func (s *scene) claimParked(process store.ID, queue string, limit int, tasks ...string) []store.Claimed {
	s.t.Helper()
	claimed, err := s.Store.ClaimParked(s.ctx(), store.ParkedRequest{Process: process, Queue: queue, Tasks: tasks, Limit: limit})
	s.must(err)
	return claimed
}

func (s *scene) claimSuspect(process store.ID, queue string, limit int) []store.Claimed {
	s.t.Helper()
	claimed, err := s.Store.ClaimParked(s.ctx(), store.ParkedRequest{Process: process, Queue: queue, Suspect: true, Limit: limit})
	s.must(err)
	return claimed
}

func parkBlocked(s *scene) {
	id := s.parking("mail", false)
	j := s.want(id, store.Blocked)
	if j.Waits != store.WaitsTask || j.Attempt != 1 || j.Failures != 0 || j.Crashes != 0 || j.Process != "" || len(s.failures(id)) > 0 {
		s.t.Errorf("job is %+v, want one that waits for its task", j)
	}
	s.wantAll(1)
}

func parkSuspect(s *scene) {
	if j := s.want(s.parking("mail", true), store.Blocked); j.Waits != store.WaitsAlone || j.Crashes != 0 {
		s.t.Errorf("job is %+v, want a suspect", j)
	}
}

func parkPaused(s *scene) {
	id := s.parking("mail", false)
	s.must(s.Store.Control(s.ctx(), store.Control{PauseTask: "send"}))
	if j := s.want(id, store.Blocked); j.Waits != store.WaitsPaused {
		s.t.Errorf("job waits for %q, want %q", j.Waits, store.WaitsPaused)
	}
	s.must(s.Store.Control(s.ctx(), store.Control{ResumeTask: "send"}))
	if j := s.want(id, store.Blocked); j.Waits != store.WaitsTask {
		s.t.Errorf("job waits for %q, want %q", j.Waits, store.WaitsTask)
	}
	if got := s.claimParked(s.join(), "mail", 10, "send"); len(got) != 1 || got[0].ID != id {
		s.t.Errorf("claimed %v after the resume, want %v", ids(got), id)
	}
}

func parkNotClaimed(s *scene) {
	s.parking("mail", false)
	s.parking("mail", true)
	if got := s.claim(s.join(), 10); len(got) > 0 {
		s.t.Errorf("Claim gave parked jobs %v", ids(got))
	}
}

func parkGone(s *scene) {
	p, c := s.running("mail")
	other := s.join()
	wrong := c.Fence
	wrong.Attempt++
	s.must(s.Store.Park(s.ctx(), other, false, fences(c)))
	s.must(s.Store.Park(s.ctx(), p, false, []store.Fence{wrong, {ID: store.NewID(), Attempt: 1}}))
	s.want(c.ID, store.Running)
	s.finish(p, completed(c))
	s.must(s.Store.Park(s.ctx(), p, false, fences(c)))
	s.want(c.ID, store.Completed)
	s.wantAll(1)
}

func parkCancelled(s *scene) {
	for _, suspect := range []bool{false, true} {
		p, c := s.running("mail")
		s.cancel(c.ID)
		s.must(s.Store.Park(s.ctx(), p, suspect, fences(c)))
		s.want(c.ID, store.Cancelled)
	}
	s.wantAll(2)
}

func claimParkedTasks(s *scene) {
	send, draw := s.parking("mail", false), s.parking("mail", false, task("draw"))
	elsewhere := s.parking("image", false)
	s.parking("mail", true)
	p := s.join()

	if got := s.claimParked(p, "mail", 10, "draw", "paint"); !slices.Equal(ids(got), []store.ID{draw}) {
		s.t.Errorf("claimed %v, want %v", ids(got), draw)
	} else if got[0].Attempt != 2 || got[0].Task != "draw" || string(got[0].Input) == "" {
		s.t.Errorf("claimed %+v, want attempt 2 of draw", got[0])
	}
	if got := s.claimParked(p, "mail", 10); len(got) > 0 {
		s.t.Errorf("a process that knows no task claimed %v", ids(got))
	}
	s.want(draw, store.Running)
	s.want(send, store.Blocked)
	s.want(elsewhere, store.Blocked)
	s.wantAll(4)
}

func claimParkedOrder(s *scene) {
	for p := range 10 {
		s.insert(jobs(4, priority(9-p))...)
	}
	p := s.join()
	claimed := s.claim(p, 100)
	slices.Reverse(claimed)
	for _, c := range claimed {
		s.must(s.Store.Park(s.ctx(), p, false, fences(c)))
	}
	var got []store.Claimed
	for range 5 {
		some := s.claimParked(p, "mail", 8, "send")
		if len(some) != 8 {
			s.t.Fatalf("ClaimParked with limit 8 gave %d jobs", len(some))
		}
		got = append(got, some...)
	}
	slices.Reverse(claimed)
	if !slices.Equal(ids(got), ids(claimed)) {
		s.t.Errorf("parked jobs came as %s\nwant%s", listed(got), listed(claimed))
	}
}

func claimParkedSuspect(s *scene) {
	a, b := s.parking("mail", true), s.parking("mail", true)
	s.parking("image", true)
	p := s.join()
	if got := s.claimParked(p, "mail", 10, "send"); len(got) > 0 {
		s.t.Errorf("suspects %v came with the parked", ids(got))
	}
	for _, want := range []store.ID{a, b} {
		if got := s.claimSuspect(p, "mail", 10); !slices.Equal(ids(got), []store.ID{want}) {
			s.t.Errorf("claimed suspects %v, want %v alone", ids(got), want)
		}
	}
}

func claimParkedNotYet(s *scene) {
	id, suspect := s.parking("mail", false), s.parking("mail", true)
	later := s.now().Add(time.Hour)
	for _, id := range []store.ID{id, suspect} {
		s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{id}, Edit: &store.Edit{RunAt: &later}})
	}
	p := s.join()
	if got := append(s.claimParked(p, "mail", 10, "send"), s.claimSuspect(p, "mail", 1)...); len(got) > 0 {
		s.t.Errorf("claimed %v before their time", ids(got))
	}
	s.want(id, store.Blocked)
}

func claimParkedOnce(s *scene) {
	s.insert(jobs(60)...)
	p := s.join()
	s.must(s.Store.Park(s.ctx(), p, false, fences(s.claim(p, 60)...)))
	got := make([][]store.Claimed, 4)
	together(len(got), func(i int) {
		me := s.join()
		for empty := 0; empty < 3; {
			some := s.claimParked(me, "mail", 5, "send")
			if got[i] = append(got[i], some...); len(some) == 0 {
				empty++
			}
		}
	})
	seen := map[store.ID]int{}
	for _, c := range slices.Concat(got...) {
		seen[c.ID]++
	}
	for id, n := range seen {
		if n != 1 {
			s.t.Errorf("job %s was claimed %d times", id, n)
		}
	}
	if len(seen) != 60 {
		s.t.Errorf("%d of 60 parked jobs were claimed", len(seen))
	}
}

func claimParkedUnknown(s *scene) {
	id, suspect := s.parking("mail", false), s.parking("mail", true)
	lost := s.join()
	s.declareLost(lost)
	for _, p := range []store.ID{lost, store.NewID()} {
		for _, wanted := range []bool{false, true} {
			_, err := s.Store.ClaimParked(s.ctx(), store.ParkedRequest{
				Process: p, Queue: "mail", Tasks: []string{"send"}, Suspect: wanted, Limit: 1,
			})
			s.wantErr(err, store.ErrLeaseLost)
		}
	}
	s.want(id, store.Blocked)
	s.want(suspect, store.Blocked)
}
