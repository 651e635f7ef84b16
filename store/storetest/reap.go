package storetest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var reapLaws = []law{
	{"Reap/Due", "the jobs of a lost process are due again at their old run_at, with a crash and no failure", reapDue},
	{"Reap/InFront", "behind a big backlog a reaped job is the next claimed", reapInFront},
	{"Reap/Many", "thousands of leases of a lost process are all given back", reapMany},
	{"Reap/Others", "leases of other processes stay", reapOthers},
	{"Reap/SameBeat", "a process that stands at the beat given is lost", reapSameBeat},
	{"Reap/StaleBeat", "a process that has beaten since is not lost, and keeps its leases", reapStaleBeat},
	{"Reap/Twice", "a process is lost once; reaping it again, or one that is unknown, does nothing", reapTwice},
	{"Reap/AtOnce", "observers that reap the same process at the same time count one crash", reapAtOnce},
	{"Reap/Zombie", "a lost process can write nothing more: not finish, release, park or tell progress", reapZombie},
	{"Reap/Kept", "a process that was declared lost is kept as a document for a day, one that left is not", reapKept},
	{"Reap/Told", "a lost process is told so by its beat and its look", reapTold},
	{"Reap/Suspect", "a second crash makes a job a suspect: it is blocked for a while, and until it can run alone", reapSuspect},
	{"Reap/Discarded", "a suspect that crashes again is discarded, with a failure of kind crash", reapDiscarded},
	{"Reap/Beside", "a suspect beside which others ran is discarded only when it has crashed five times", reapBeside},
	{"Reap/Shared", "jobs that shared a lost process are not discarded: each becomes a suspect of its own", reapShared},
	{"Reap/Cancelled", "a job whose cancel was signalled is cancelled, not run again", reapCancelled},
	{"Reap/Forgets", "a crash long ago is forgotten", reapForgets},
	{"Leave/Releases", "a process that leaves gives its leases back, in front, with no crash, and is unknown", leaveReleases},
	{"Leave/Cancelled", "a job whose cancel was signalled is cancelled when its process leaves", leaveCancelled},
	{"Leave/Unknown", "leaving twice, or without having joined, does nothing", leaveUnknown},
}

func reapDue(s *scene) {
	p, c := s.running("mail")
	if r := s.declareLost(p); r != (store.Reaped{Processes: 1, Released: 1}) {
		s.t.Errorf("Reap = %+v, want one process, one released", r)
	}
	j := s.want(c.ID, store.Available)
	if j.Attempt != 1 || j.Failures != 0 || j.Crashes != 1 || j.Process != "" || len(s.failures(c.ID)) > 0 {
		s.t.Errorf("job is %+v, want one crash and no failure", j)
	}
	s.same("RunAt", j.RunAt, c.RunAt)
	if again := s.claimThis(s.join(), c.ID); again.Crashes != 1 || again.Failures != 0 || again.Suspect() {
		s.t.Errorf("claimed %+v, want one crash", again)
	}
	s.wantAll(1)
}

func reapInFront(s *scene) {
	first := s.enqueue()
	s.insert(jobs(*backlog)...)
	p, other := s.join(), s.join()
	s.claimThis(p, first)
	s.claim(other, *backlog/10)
	s.declareLost(p)
	s.claimThis(other, first)
}

func reapMany(s *scene) {
	n := 2*store.MaxReapAtATime + 7
	all := jobs(n)
	s.insert(all...)
	p := s.join()
	s.claim(p, n)
	if r := s.declareLost(p); r != (store.Reaped{Processes: 1, Released: n}) {
		s.t.Errorf("Reap = %+v, want one process, %d released", r, n)
	}
	if got := s.claim(s.join(), n); !sameIDs(ids(got), idsOf(all)) {
		s.t.Errorf("%d of %d reaped jobs were claimed", len(got), n)
	}
}

func reapOthers(s *scene) {
	lost, gone := s.running("mail")
	live, kept := s.running("mail")
	s.declareLost(lost)
	s.want(gone.ID, store.Available)
	s.want(kept.ID, store.Running)
	s.finish(live, completed(kept))
	s.wantProcesses(live)
}

// wantProcesses wants these processes to be known, and no others.
func (s *scene) wantProcesses(want ...store.ID) {
	s.t.Helper()
	all, err := s.Store.Processes(s.ctx())
	s.must(err)
	var got []store.ID
	for _, p := range all {
		got = append(got, p.ID)
	}
	if !slices.Equal(got, sorted(want)) {
		s.t.Errorf("processes are %v, want %v", got, sorted(want))
	}
}

func (s *scene) beat(process store.ID) store.Beats {
	s.t.Helper()
	b, err := s.Store.Beat(s.ctx(), store.Process{ID: process})
	s.must(err)
	return b
}

// countOf is the beat at which another process sees one.
func (s *scene) countOf(observer, process store.ID) int64 {
	s.t.Helper()
	for _, peer := range s.beat(observer).Peers {
		if peer.ID == process {
			return peer.Count
		}
	}
	s.t.Fatalf("process %s does not see %s", observer, process)
	return 0
}

func (s *scene) reap(lost ...store.Beaten) store.Reaped {
	s.t.Helper()
	r, err := s.Store.Reap(s.ctx(), lost)
	s.must(err)
	return r
}

func reapSameBeat(s *scene) {
	p, c := s.running("mail")
	observer := s.join()
	s.beat(p)
	r := s.reap(store.Beaten{ID: p, Count: s.countOf(observer, p)})
	if r.Processes != 1 || r.Released != 1 {
		s.t.Errorf("Reap = %+v, want the process lost", r)
	}
	s.want(c.ID, store.Available)
}

func reapStaleBeat(s *scene) {
	p, c := s.running("mail")
	observer := s.join()
	seen := s.countOf(observer, p)
	s.beat(p)
	if r := s.reap(store.Beaten{ID: p, Count: seen}); r != (store.Reaped{}) {
		s.t.Errorf("Reap = %+v, want nothing done", r)
	}
	s.want(c.ID, store.Running)
	s.finish(p, completed(c))
}

func reapTwice(s *scene) {
	p, c := s.running("mail")
	s.declareLost(p)
	if r := s.declareLost(p, store.NewID()); r != (store.Reaped{}) {
		s.t.Errorf("Reap = %+v the second time, want nothing done", r)
	}
	if j := s.want(c.ID, store.Available); j.Crashes != 1 {
		s.t.Errorf("crashes are %d, want 1", j.Crashes)
	}
}

func reapAtOnce(s *scene) {
	for range 10 {
		p, c := s.running("mail")
		released := make([]int, 4)
		together(len(released), func(i int) { released[i] = s.declareLost(p).Released })
		if j := s.job(c.ID); j.State != store.Available || j.Crashes != 1 {
			s.t.Errorf("job is %s after %d crashes, want available after 1", j.State, j.Crashes)
		}
		if sum := released[0] + released[1] + released[2] + released[3]; sum != 1 {
			s.t.Errorf("one job was released %d times", sum)
		}
		s.cancel(c.ID)
	}
}

func reapZombie(s *scene) {
	p, c := s.running("mail")
	s.declareLost(p)
	again := s.claimThis(s.join(), c.ID)

	s.finishLost(p, completed(c))
	s.must(s.Store.Release(s.ctx(), p, fences(c, again)))
	s.must(s.Store.Park(s.ctx(), p, false, fences(c, again)))
	s.must(s.Store.WriteProgress(s.ctx(), p, []store.Progress{{Fence: c.Fence, Done: 1}, {Fence: again.Fence, Done: 1}}))
	s.must(s.Store.Leave(s.ctx(), p))

	if j := s.want(c.ID, store.Running); j.Attempt != 2 || j.Progress != nil {
		s.t.Errorf("job is %+v, want its second attempt untouched", j)
	}
}

func reapTold(s *scene) {
	p := s.join()
	if b, v := s.beat(p), s.look(p); b.Lost || v.Lost {
		s.t.Error("a live process was told that it is lost")
	}
	s.declareLost(p)
	if b := s.beat(p); !b.Lost {
		s.t.Error("the beat of a lost process did not say so")
	}
	if v := s.look(p); !v.Lost {
		s.t.Error("the look of a lost process did not say so")
	}
	s.wantProcesses()
}

// crashing crashes a job n times, and returns the last answer of Reap.
func (s *scene) crashing(id store.ID, n int) (r store.Reaped) {
	s.t.Helper()
	for range n {
		p := s.join()
		got := s.claim(p, 1)
		if len(got) == 0 {
			s.advance(store.SuspectDelay)
			got = s.claimSuspect(p, "mail", 1)
		}
		if len(got) != 1 || got[0].ID != id {
			s.t.Fatalf("claimed %v, want %s", ids(got), id)
		}
		r = s.declareLost(p)
	}
	return r
}

func reapSuspect(s *scene) {
	id := s.enqueue()
	if r := s.crashing(id, 2); r != (store.Reaped{Processes: 1, Suspects: 1}) {
		s.t.Errorf("Reap = %+v, want one suspect", r)
	}
	if j := s.want(id, store.Blocked); j.Waits != store.WaitsAlone || j.Crashes != 2 || j.Failures != 0 {
		s.t.Errorf("job is %+v, want a suspect after 2 crashes", j)
	}
	p := s.join()
	if v, got := s.look(p), s.claimSuspect(p, "mail", 1); len(v.Suspects) > 0 || len(got) > 0 {
		s.t.Errorf("right after the crash Look shows suspects in %v, and %v was claimed; want it left alone for a while", v.Suspects, ids(got))
	}
	s.advance(store.SuspectDelay)
	if v := s.look(p); !slices.Equal(v.Suspects, []string{"mail"}) {
		s.t.Errorf("Look shows suspects in %v, want in mail", v.Suspects)
	}
	got := s.claimSuspect(p, "mail", 1)
	if len(got) != 1 || !got[0].Suspect() || got[0].Crashes != 2 {
		s.t.Fatalf("claimed %+v, want a suspect", got)
	}
	s.finish(p, completed(got[0]))
	if j := s.want(id, store.Completed); j.Crashes != 0 {
		s.t.Errorf("crashes are %d after a success, want 0", j.Crashes)
	}
}

func reapDiscarded(s *scene) {
	id := s.enqueue()
	if r := s.crashing(id, 3); r != (store.Reaped{Processes: 1, Discarded: 1}) {
		s.t.Errorf("Reap = %+v, want one discarded", r)
	}
	s.want(id, store.Discarded)
	f := s.failures(id)
	if len(f) != 1 || f[0].Kind != "crash" || f[0].Error == "" || f[0].Attempt != 3 || f[0].Process != processName {
		s.t.Errorf("failures are %+v, want one of kind crash in attempt 3 by %s", f, processName)
	}
	s.wantAll(1)
}

// The suspect is the innocent of a process that some other job kills each time.
func reapBeside(s *scene) {
	id := s.enqueue()
	s.crashing(id, store.SuspectAt)
	for n := store.SuspectAt + 1; n <= store.CrashLimitMost; n++ {
		s.advance(store.SuspectDelay)
		p := s.join()
		if got := s.claimSuspect(p, "mail", 1); len(got) != 1 {
			s.t.Fatalf("claimed %v, want the suspect", ids(got))
		}
		s.insert(jobs(1)...)
		if got := s.claim(p, 1); len(got) != 1 {
			s.t.Fatalf("claimed %v, want one beside the suspect", ids(got))
		}
		r := s.declareLost(p)
		if last := n == store.CrashLimitMost; last != (r.Discarded == 1) || r.Released != 1 || !last && r.Suspects != 1 {
			s.t.Errorf("Reap at crash %d = %+v, want one released, and the suspect discarded at crash %d", n, r, store.CrashLimitMost)
		}
		p = s.join()
		for _, c := range s.claim(p, 10) {
			s.finish(p, completed(c))
		}
	}
	s.want(id, store.Discarded)
}

func reapShared(s *scene) {
	all := jobs(5)
	s.insert(all...)
	for range 2 {
		p := s.join()
		s.claim(p, 5)
		s.declareLost(p)
	}
	s.advance(store.SuspectDelay)
	for range all {
		p := s.join()
		got := s.claimSuspect(p, "mail", 5)
		if len(got) != 1 {
			s.t.Fatalf("claimed %d suspects, want one alone", len(got))
		}
		s.finish(p, completed(got[0]))
	}
	for _, n := range all {
		s.want(n.ID, store.Completed)
	}
}

func reapCancelled(s *scene) {
	p, c := s.running("mail")
	s.cancel(c.ID)
	if r := s.declareLost(p); r != (store.Reaped{Processes: 1, Cancelled: 1}) {
		s.t.Errorf("Reap = %+v, want one cancelled", r)
	}
	s.want(c.ID, store.Cancelled)
	s.finishLost(p, completed(c))
	s.want(c.ID, store.Cancelled)
	s.wantAll(1)
}

func reapForgets(s *scene) {
	id := s.enqueue()
	s.crashing(id, 1)
	s.advance(store.CrashMemory + time.Hour)
	if j := s.want(id, store.Available); j.Crashes != 0 {
		s.t.Errorf("crashes are %d after %v, want 0", j.Crashes, store.CrashMemory)
	}
	s.crashing(id, 1)
	if j := s.want(id, store.Available); j.Crashes != 1 {
		s.t.Errorf("crashes are %d after one more, want 1", j.Crashes)
	}
}

func leaveReleases(s *scene) {
	first := s.enqueue()
	s.insert(jobs(20)...)
	p := s.join()
	s.claimThis(p, first)
	s.claim(p, 9)
	s.must(s.Store.Leave(s.ctx(), p))

	j := s.want(first, store.Available)
	if j.Crashes != 0 || j.Failures != 0 || j.Attempt != 1 {
		s.t.Errorf("job is %+v, want no crash and no failure", j)
	}
	s.wantProcesses()
	s.claimThis(s.join(), first)
	s.wantAll(21)
}

func leaveCancelled(s *scene) {
	p, c := s.running("mail")
	s.cancel(c.ID)
	s.must(s.Store.Leave(s.ctx(), p))
	s.want(c.ID, store.Cancelled)
}

func reapKept(s *scene) {
	lost, left, stale := s.join(), s.join(), s.join()
	s.must(s.Store.Leave(s.ctx(), left))
	if _, err := s.Store.Reap(s.ctx(), []store.Beaten{{ID: lost, Count: -1}, {ID: left, Count: -1}, {ID: stale, Count: 99}}); err != nil {
		s.t.Fatal(err)
	}
	s.declareLost(lost) // again
	all, err := s.Store.Documents(s.ctx(), store.LostKind, "", 10)
	s.must(err)
	if len(all) != 1 || all[0].Key != lost.String() {
		s.t.Fatalf("kept is %+v; want a document of %s", all, lost)
	}
	var p store.LostProcess
	if err := json.Unmarshal(all[0].Value, &p); err != nil || p.String() != processName || all[0].Expires.Sub(all[0].At) != store.LostKept {
		s.t.Errorf("kept is %s, %v, from %v to %v; want %s for %v", all[0].Value, err, all[0].At, all[0].Expires, processName, store.LostKept)
	}
}

func leaveUnknown(s *scene) {
	_, c := s.running("mail")
	p := s.join()
	s.must(s.Store.Leave(s.ctx(), p))
	s.must(s.Store.Leave(s.ctx(), p))
	s.must(s.Store.Leave(s.ctx(), store.NewID()))
	s.want(c.ID, store.Running)
}
