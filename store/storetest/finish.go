package storetest

import (
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

var finishLaws = []law{
	{"Finish/Completed", "a completed job is done, with its result and its times", finishCompleted},
	{"Finish/Retry", "a job that failed is due again after RunIn, with one failure more and a record of it", finishRetry},
	{"Finish/RetryNow", "a job that failed with no wait is claimable at once", finishRetryNow},
	{"Finish/RetryPasses", "a retried job can be claimed when its time has come", finishRetryPasses},
	{"Finish/Snooze", "a snoozed job is due again after RunIn, with no failure", finishSnooze},
	{"Finish/Discarded", "a discarded job is done, with one failure more and a record of it", finishDiscarded},
	{"Finish/Cancelled", "a cancelled job is done, with a record of what went wrong if there is one", finishCancelled},
	{"Finish/Failures", "each failed attempt has a record of its own, oldest first", finishFailures},
	{"Finish/Lost", "an attempt that is not the process's writes nothing and is said to be lost", finishLost},
	{"Finish/LeaseLost", "a result that comes after its lease was given away is refused", finishLeaseLost},
	{"Finish/LostAmongOthers", "a lost attempt does not keep the others of its call from finishing", finishLostAmongOthers},
	{"Finish/Twice", "finishing an attempt twice is the same as finishing it once, and no loss", finishTwice},
	{"Finish/TwiceLater", "finishing an attempt again when the job has moved on writes nothing", finishTwiceLater},
	{"Finish/Poisoned", "one bad row refuses the call, and nothing of it is written", finishPoisoned},
	{"Finish/CancelSignalled", "a signalled attempt that completes is completed, any other one cancelled", finishCancelSignalled},
	{"Finish/None", "finishing nothing is no error", finishNone},
	{"Finish/Many", "a thousand attempts can be finished at once, each in its own way", finishMany},
	{"Finish/AtOnce", "an attempt that is finished by several calls at once is finished once", finishAtOnce},
	{"Finish/WhileReaped", "a finish and a reap at the same moment leave each job in one place, and agree", finishWhileReaped},
	{"Finish/WhileCancelled", "a finish and a cancel at the same moment leave each job in one place", finishWhileCancelled},
	{"Finish/ForgetsCrashes", "a success forgets the crashes before it", finishForgetsCrashes},
	{"Progress/Kept", "progress of a running job is kept, the last one, with its time", progressKept},
	{"Progress/Lost", "progress of an attempt that is gone is passed over, and the others' kept", progressLost},
}

func finishCompleted(s *scene) {
	p, c := s.running("mail")
	before := s.now()
	s.finish(p, completed(c))

	j := s.want(c.ID, store.Completed)
	if string(j.Result) != `"done"` || j.Attempt != 1 || j.Failures != 0 || j.Process != "" || j.Error != "" {
		s.t.Errorf("job is %+v, want a completed one", j)
	}
	s.same("StartedAt", j.StartedAt, c.ClaimedAt)
	s.between("FinishedAt", j.FinishedAt, before, s.now())
	s.wantAll(1)
	if got := s.claim(s.join(), 10); len(got) > 0 {
		s.t.Errorf("a completed job was claimed: %v", ids(got))
	}
}

func finishRetry(s *scene) {
	p, c := s.running("mail")
	before := s.now()
	s.finish(p, retried(c, time.Hour))
	after := s.now()

	j := s.want(c.ID, store.Retryable)
	if j.Attempt != 1 || j.Failures != 1 || j.Crashes != 0 || j.Error != "no route to host" || j.Process != "" {
		s.t.Errorf("job is %+v, want one that failed once", j)
	}
	s.between("RunAt", j.RunAt, before.Add(time.Hour), after.Add(time.Hour))
	f := s.failures(c.ID)
	if len(f) != 1 {
		s.t.Fatalf("failures are %+v, want one", f)
	}
	if f[0].Attempt != 1 || f[0].Error != "no route to host" || f[0].Kind != "*net.OpError" || f[0].Stack != "main.go:7" || f[0].Process != processName {
		s.t.Errorf("failure is %+v, want what was given, by %s", f[0], processName)
	}
	s.same("StartedAt", f[0].StartedAt, c.ClaimedAt)
	s.between("FailedAt", f[0].FailedAt, before, after)
	s.wantAll(1)
}

func finishRetryNow(s *scene) {
	p, c := s.running("mail")
	s.finish(p, retried(c, 0))
	if again := s.claimThis(p, c.ID); again.Failures != 1 {
		s.t.Errorf("claimed with %d failures, want 1", again.Failures)
	}
}

func finishRetryPasses(s *scene) {
	p, c := s.running("mail")
	s.advance(2 * time.Hour) // the wait counts from the end of the attempt
	s.finish(p, retried(c, time.Hour))
	s.want(c.ID, store.Retryable)
	s.advance(time.Hour + time.Second)
	s.want(c.ID, store.Available)
	s.claimThis(p, c.ID)
}

func finishSnooze(s *scene) {
	p, c := s.running("mail")
	before := s.now()
	s.finish(p, snoozed(c, time.Hour))

	j := s.want(c.ID, store.Scheduled)
	if j.Attempt != 1 || j.Failures != 0 || len(s.failures(c.ID)) > 0 {
		s.t.Errorf("job is %+v, want one without failures", j)
	}
	s.between("RunAt", j.RunAt, before.Add(time.Hour), s.now().Add(time.Hour))
}

func finishDiscarded(s *scene) {
	p, c := s.running("mail")
	s.finish(p, ended(c, store.OutcomeDiscarded))

	j := s.want(c.ID, store.Discarded)
	if j.Failures != 1 || j.Error != "no route to host" || len(s.failures(c.ID)) != 1 || j.FinishedAt.IsZero() {
		s.t.Errorf("job is %+v, want one that failed once", j)
	}
}

func finishCancelled(s *scene) {
	p, plain := s.running("mail")
	s.finish(p, ended(plain, store.OutcomeCancelled))
	s.want(plain.ID, store.Cancelled)
	if f := s.failures(plain.ID); len(f) > 0 {
		s.t.Errorf("failures are %+v, want none", f)
	}
	p, failed := s.running("mail")
	e := ended(failed, store.OutcomeCancelled)
	e.Failure = &store.Problem{Error: "nobody needs it", Kind: "*errors.errorString"}
	s.finish(p, e)
	if j := s.want(failed.ID, store.Cancelled); j.Error != "nobody needs it" || len(s.failures(failed.ID)) != 1 {
		s.t.Errorf("job is %+v, want one with a failure", j)
	}
}

func finishFailures(s *scene) {
	id := s.enqueue()
	p := s.join()
	for i := 1; i <= 4; i++ {
		c := s.claimThis(p, id)
		e := retried(c, 0)
		e.Failure = &store.Problem{Error: fmt.Sprint("failure ", i)}
		if i == 2 {
			e = snoozed(c, 0)
		}
		s.finish(p, e)
	}
	f := s.failures(id)
	if len(f) != 3 || f[0].Error != "failure 1" || f[1].Error != "failure 3" || f[2].Error != "failure 4" ||
		f[0].Attempt != 1 || f[1].Attempt != 3 || f[2].Attempt != 4 {
		s.t.Errorf("failures are %+v, want those of attempts 1, 3 and 4", f)
	}
	if j := s.job(id); j.Error != "failure 4" || j.Failures != 3 {
		s.t.Errorf("job shows %q after %d failures, want the last of 3", j.Error, j.Failures)
	}
	if f := s.failures(store.NewID()); len(f) > 0 {
		s.t.Errorf("failures of no job are %+v", f)
	}
}

func finishLost(s *scene) {
	p, c := s.running("mail")
	other := s.join()
	older, newer, unknown := c, c, c
	older.Attempt, newer.Attempt, unknown.ID = 0, 2, store.NewID()
	for _, outcome := range []store.Outcome{
		store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeSnooze, store.OutcomeDiscarded, store.OutcomeCancelled,
	} {
		s.finishLost(other, ended(c, outcome))
		s.finishLost(p, ended(older, outcome), ended(newer, outcome), ended(unknown, outcome))
	}
	j := s.want(c.ID, store.Running)
	if j.Failures != 0 || len(j.Result) > 0 || len(s.failures(c.ID)) > 0 || len(s.failures(unknown.ID)) > 0 {
		s.t.Errorf("lost attempts wrote something: %+v", j)
	}
	s.finish(p, completed(c))
	s.wantAll(1)
}

func finishLeaseLost(s *scene) {
	slow, c := s.running("mail")
	s.declareLost(slow)
	s.finishLost(slow, completed(c))
	s.want(c.ID, store.Available)

	quick := s.join()
	again := s.claimThis(quick, c.ID)
	s.finishLost(slow, completed(c), retried(c, 0))
	if j := s.want(c.ID, store.Running); j.Attempt != 2 || j.Failures != 0 {
		s.t.Errorf("job is %+v, want its second attempt running", j)
	}
	s.finish(quick, completed(again))
	s.finishLost(slow, ended(c, store.OutcomeDiscarded))
	s.want(c.ID, store.Completed)
	if f := s.failures(c.ID); len(f) > 0 {
		s.t.Errorf("lost attempts left failures: %+v", f)
	}
}

func finishLostAmongOthers(s *scene) {
	s.insert(jobs(5)...)
	p := s.join()
	claimed := s.claim(p, 5)
	s.must(s.Store.Release(s.ctx(), p, fences(claimed[2])))
	s.claimThis(s.join(), claimed[2].ID)
	var all []store.Ended
	for _, c := range claimed {
		all = append(all, completed(c))
	}

	lost, err := s.Store.Finish(s.ctx(), p, all)

	s.must(err)
	if !sameFences(lost, fences(claimed[2])) {
		s.t.Errorf("Finish lost %v, want %v", lost, claimed[2].Fence)
	}
	for i, c := range claimed {
		if i == 2 {
			s.want(c.ID, store.Running)
		} else {
			s.want(c.ID, store.Completed)
		}
	}
}

func finishTwice(s *scene) {
	for _, outcome := range []store.Outcome{
		store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeSnooze, store.OutcomeDiscarded, store.OutcomeCancelled,
	} {
		p, c := s.running(string(outcome))
		e := ended(c, outcome)
		e.RunIn = time.Hour
		s.finish(p, e)
		before := s.job(c.ID)

		s.finish(p, e)

		after := s.job(c.ID)
		if after.State != before.State || after.Failures != before.Failures || !after.RunAt.Equal(before.RunAt) {
			s.t.Errorf("%s: finished again the job is %+v, was %+v", outcome, after, before)
		}
		if n := len(s.failures(c.ID)); n != before.Failures {
			s.t.Errorf("%s: there are %d records of %d failures", outcome, n, before.Failures)
		}
	}
	s.wantFigures(map[string]int64{"completed": 1, "retry": 1, "snooze": 1, "discarded": 1, "cancelled": 1})
}

func finishTwiceLater(s *scene) {
	for _, outcome := range []store.Outcome{store.OutcomeRetry, store.OutcomeSnooze} {
		p, c := s.running(string(outcome))
		e := ended(c, outcome)
		s.finish(p, e)
		other := s.join()
		again := s.claimFrom(other, string(outcome), 1)

		_, err := s.Store.Finish(s.ctx(), p, []store.Ended{e})

		s.must(err)
		j := s.want(c.ID, store.Running)
		if j.Attempt != 2 || len(s.failures(c.ID)) != j.Failures {
			s.t.Errorf("%s: job is %+v with %d records of failures", outcome, j, len(s.failures(c.ID)))
		}
		s.finish(other, completed(again[0]))
	}
	s.wantFigures(map[string]int64{"completed": 2, "retry": 1, "snooze": 1})
}

func finishPoisoned(s *scene) {
	s.insert(jobs(3)...)
	p := s.join()
	claimed := s.claim(p, 3)

	_, err := s.Store.Finish(s.ctx(), p, []store.Ended{
		completed(claimed[0]), ended(claimed[1], "no such outcome"), retried(claimed[2], 0),
	})

	if err == nil || store.Temporary(err) {
		s.t.Errorf("Finish = %v, want an error that does not pass", err)
	}
	for _, c := range claimed {
		if j := s.want(c.ID, store.Running); j.Failures != 0 || len(s.failures(c.ID)) > 0 {
			s.t.Errorf("the refused call wrote something: %+v", j)
		}
	}
	s.wantFigures(map[string]int64{})
	s.finish(p, completed(claimed[0]), retried(claimed[2], 0)) // split by the caller
}

func finishCancelSignalled(s *scene) {
	for outcome, want := range map[store.Outcome]store.State{
		store.OutcomeCompleted: store.Completed,
		store.OutcomeRetry:     store.Cancelled,
		store.OutcomeSnooze:    store.Cancelled,
		store.OutcomeDiscarded: store.Cancelled,
		store.OutcomeCancelled: store.Cancelled,
	} {
		p, c := s.running(string(outcome))
		s.cancel(c.ID)
		e := ended(c, outcome)
		s.finish(p, e)
		s.want(c.ID, want)
		if f := s.failures(c.ID); e.Failure != nil && len(f) != 1 {
			s.t.Errorf("%s: failures are %+v, want what went wrong", outcome, f)
		}
		s.finish(p, e)
		s.want(c.ID, want)
	}
	s.wantFigures(map[string]int64{"completed": 1, "cancelled": 4})
}

func finishNone(s *scene) { s.finish(s.join()) }

func finishMany(s *scene) {
	const n = 1000
	s.insert(jobs(n)...)
	p := s.join()
	claimed := s.claim(p, n)
	outcomes := []store.Outcome{
		store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeSnooze, store.OutcomeDiscarded, store.OutcomeCancelled,
	}
	var all []store.Ended
	for i, c := range claimed {
		e := ended(c, outcomes[i%len(outcomes)])
		e.RunIn = time.Hour
		all = append(all, e)
	}
	s.finish(p, all...)

	counts, err := s.Store.Counts(s.ctx())
	s.must(err)
	for _, state := range []store.State{store.Completed, store.Retryable, store.Scheduled, store.Discarded, store.Cancelled} {
		if counts[state] != n/len(outcomes) {
			s.t.Errorf("%d jobs are %s, want %d", counts[state], state, n/len(outcomes))
		}
	}
	s.wantAll(n)
}

func finishAtOnce(s *scene) {
	for _, outcome := range []store.Outcome{store.OutcomeCompleted, store.OutcomeRetry} {
		for range 10 {
			p, c := s.running(string(outcome))
			e := ended(c, outcome)
			e.RunIn = time.Hour
			together(4, func(int) { s.finish(p, e) })
			if j := s.job(c.ID); j.Attempt != 1 || len(s.failures(c.ID)) != j.Failures {
				s.t.Errorf("%s: job is %+v with %d records of failures", outcome, j, len(s.failures(c.ID)))
			}
		}
	}
	s.wantFigures(map[string]int64{"completed": 10, "retry": 10})
}

func finishWhileReaped(s *scene) {
	const rounds, n = 15, 8
	for range rounds {
		s.insert(jobs(n)...)
		p := s.join()
		claimed := s.claim(p, n)
		var all []store.Ended
		for _, c := range claimed {
			all = append(all, completed(c))
		}
		lost := map[store.Fence]bool{}
		together(2, func(i int) {
			if i == 0 {
				s.declareLost(p)
				return
			}
			fences, err := s.Store.Finish(s.ctx(), p, all)
			s.must(err)
			for _, f := range fences {
				lost[f] = true
			}
		})
		// A reap may leave what a finish has locked to the next one.
		_, err := s.Store.Reap(s.ctx(), nil)
		s.must(err)
		for _, c := range claimed {
			want := store.Completed
			if lost[c.Fence] {
				want = store.Available
			}
			s.want(c.ID, want)
			s.act(store.Delete, c.ID)
		}
	}
	s.wantAll(0)
}

func finishWhileCancelled(s *scene) {
	const rounds = 15
	for range rounds {
		p, c := s.running("mail")
		together(2, func(i int) {
			if i == 0 {
				s.act(store.Cancel, c.ID)
			} else {
				s.finish(p, retried(c, time.Hour))
			}
		})
		j := s.want(c.ID, store.Cancelled) // by whichever came second
		if len(s.failures(c.ID)) != 1 {
			s.t.Errorf("job is %+v without a record of its failure", j)
		}
	}
	s.wantAll(rounds)
}

func finishForgetsCrashes(s *scene) {
	p, c := s.running("mail")
	s.declareLost(p)
	if j := s.job(c.ID); j.Crashes != 1 {
		s.t.Errorf("crashes are %d, want 1", j.Crashes)
	}
	p = s.join()
	s.finish(p, completed(s.claimThis(p, c.ID)))
	if j := s.want(c.ID, store.Completed); j.Crashes != 0 {
		s.t.Errorf("crashes are %d after a success, want 0", j.Crashes)
	}
}

func progressKept(s *scene) {
	p, c := s.running("mail")
	if j := s.job(c.ID); j.Progress != nil {
		s.t.Errorf("progress is %+v before any", j.Progress)
	}
	before := s.now()
	for i := range 3 {
		s.must(s.Store.WriteProgress(s.ctx(), p, []store.Progress{{Fence: c.Fence, Done: i, Total: 10, Note: "half\x00way\xff"}}))
	}
	got := s.job(c.ID).Progress
	if got == nil || got.Done != 2 || got.Total != 10 || got.Note != "half\uFFFDway\uFFFD" || got.Fence != c.Fence {
		s.t.Fatalf("progress is %+v, want 2 of 10", got)
	}
	s.between("At", got.At, before, s.now())
}

func progressLost(s *scene) {
	p, c := s.running("mail")
	gone, lost := s.running("mail")
	s.declareLost(gone)
	s.must(s.Store.WriteProgress(s.ctx(), gone, []store.Progress{{Fence: lost.Fence, Done: 1}}))
	s.must(s.Store.WriteProgress(s.ctx(), p, []store.Progress{
		{Fence: lost.Fence, Done: 1},
		{Fence: store.Fence{ID: store.NewID(), Attempt: 1}, Done: 1},
		{Fence: c.Fence, Done: 2},
	}))
	if j := s.job(lost.ID); j.Progress != nil {
		s.t.Errorf("progress of a lost attempt is %+v", j.Progress)
	}
	if j := s.job(c.ID); j.Progress == nil || j.Progress.Done != 2 {
		s.t.Errorf("progress is %+v, want 2", j.Progress)
	}
}
