package main

import (
	"context"
	"syscall"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

func init() {
	register(Trial{
		Name:   "outage",
		About:  "the database is away for far longer than it takes to be declared lost, while 50 long handlers run in three processes",
		Stores: []string{"postgres"},
		Short:  20 * time.Second, Long: 5 * time.Minute,
		Open: openServer,
		Tasks: []Task{
			{
				Name:    "export", // which an outage does not end
				Options: []offload.TaskOption{offload.Offline(), offload.Timeout(0), offload.Backoff(soon)},
				Run:     func(ctx context.Context, _ *Hand, in Work) error { return Doze(ctx, in.Sleep) },
			},
			{
				Name:    "errand", // which it does; the second time it is short
				Options: []offload.TaskOption{offload.Timeout(0), offload.Backoff(soon)},
				Run: func(ctx context.Context, _ *Hand, in Work) error {
					if offload.JobOf(ctx).Attempt > 1 {
						return nil
					}
					return Doze(ctx, in.Sleep)
				},
			},
		},
		Run: longOutage,
	})
}

func longOutage(s *Stage) {
	away := min(s.For*3/4, 2*time.Minute)
	var workers []*Process
	for range 3 {
		workers = append(workers, s.Start(Worker{Slots: 20}.Spec()))
	}
	all := len(workers)
	for n := range 50 {
		kind := Kind{Task: "export"}
		if n%3 == 0 {
			kind.Task = "errand"
		}
		s.Enqueue(kind, Work{Sleep: s.For})
	}
	s.Until("all handlers run", time.Minute, func() bool { return starts(s.Ledger()) == 50 })
	before := processes(s)
	if len(before) != all {
		s.Fatalf("%d processes are known, want %d", len(before), all)
	}

	var dead *Process // in the long form one process does not live to see the end of it
	gone, back := time.Now(), time.Time{}
	s.Blind(func() {
		s.Database.Server.Stop(s, syscall.SIGQUIT)
		s.Wait(away / 2)
		if !s.Short {
			dead = workers[s.Rand.IntN(all)]
			dead.Kill()
		}
		s.Wait(away / 2)
		s.Database.Server.Start(s)
		back = time.Now()
	})

	alive := all
	if dead != nil {
		alive--
	}
	s.Until("every process beats again", time.Minute, func() bool { return len(beaten(processes(s), before, dead, back)) == alive })
	s.AtMost("first beats of all after the return", time.Since(back).Seconds(), "s", (store.BeatEvery + time.Second).Seconds())
	if !s.Short {
		s.Wait(2 * store.LostAfter) // somebody may judge late
	}
	s.Until("what the outage did not end has ended", s.For+time.Minute, func() bool { return exported(s.Ledger(), dead) })
	if now := processes(s); len(beaten(now, before, dead, back)) != alive {
		s.Broken("lost", "after an outage of %v the processes are %+v, and were %+v", away, now, before)
	}
	s.Settle(s.For + time.Minute)
	reportOutage(s, dead, back)
	s.AtMost("log lines of a process each second of the outage", float64(mostOf(logLines(s, "worker", gone, back)))/back.Sub(gone).Seconds(), "", 1)
}

// starts counts the starts of handlers.
func starts(l *Ledger) (n int) {
	for _, e := range l.Jobs {
		n += len(e.Runs)
	}
	return n
}

// processes returns the processes that the store knows, by id.
func processes(s *Stage) map[offload.ID]operate.Process {
	s.Helper()
	list, err := operate.As(s.App(), "chaos").Processes(s.ctx)
	if err != nil {
		return nil // it is not back yet
	}
	known := map[offload.ID]operate.Process{}
	for _, p := range list {
		known[p.ID] = p
	}
	return known
}

// beaten returns the processes that have kept their id since before, are not lost, and have
// beaten after a time; without the one that is dead.
func beaten(now, before map[offload.ID]operate.Process, dead *Process, since time.Time) (ids []offload.ID) {
	for id, p := range before {
		if q, there := now[id]; there && !q.Lost && q.Beat.After(since) && (dead == nil || p.PID != dead.PID) {
			ids = append(ids, id)
		}
	}
	return ids
}

// exported reports whether each export has ended that ran where nobody died.
func exported(l *Ledger, dead *Process) bool {
	for _, e := range l.Jobs {
		if e.Task == "export" && ranOn(e, dead) == nil && e.Runs[0].End.IsZero() {
			return false
		}
	}
	return true
}

// ranOn returns the first run of a job if it was in the process.
func ranOn(e *Entry, p *Process) *Run {
	if p == nil || len(e.Runs) == 0 || e.Runs[0].Process != p.Name {
		return nil
	}
	return &e.Runs[0]
}

// reportOutage checks that only those ran again that had to.
func reportOutage(s *Stage, dead *Process, back time.Time) {
	var again, elsewhere []time.Duration
	for id, e := range byID(s.Ledger().Jobs) {
		switch {
		case ranOn(e, dead) != nil:
			if at, found := restart(*e, 1); found {
				elsewhere = append(elsewhere, at.Sub(back))
			}
		case e.Task == "export" && len(e.Runs) != 1:
			s.Broken("offline", "job %s outlasts outages, and was started %d times: %s", id, len(e.Runs), e.runs())
		case e.Task == "errand":
			if at, found := restart(*e, 1); found {
				again = append(again, at.Sub(back))
			}
		}
	}
	s.Figure("ended by the outage and run again", float64(len(again)), "")
	s.Figure("slowest of those after the return", Quantile(again, 1), "s")
	if dead != nil {
		s.Figure("jobs of the process that died", float64(len(elsewhere)), "")
		s.AtMost("slowest of those after the return, elsewhere", Quantile(elsewhere, 1), "s", 25)
	}
}
