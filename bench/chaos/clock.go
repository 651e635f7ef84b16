package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/offloadhq/offload/internal/testpg"
)

func init() {
	var clock *testpg.Clock
	register(Trial{
		Name:   "clock",
		About:  "the server's clock jumps by an hour there and back, by a minute every few seconds, and runs fast",
		Stores: []string{"postgres"},
		Short:  12 * time.Second, Long: 5 * time.Minute,
		Needs: func(string) string {
			if found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1"); len(found) == 0 { // the pattern is well-formed
				return "install with apt-get install libfaketime"
			}
			return ""
		},
		Open: func(s *Stage) *Database {
			var server *testpg.Server
			server, clock = testpg.StartWithClock(s)
			return OnPostgres(server.Database(s), server)
		},
		Tasks: []Task{{Name: "watch", Run: func(ctx context.Context, _ *Hand, in Work) error { return Doze(ctx, in.Sleep) }}},
		Run:   func(s *Stage) { moveClock(s, clock) },
	})
}

// moveClock keeps the server's clock at the right time or ahead of it: figures of minutes before
// the trial would count for somebody else.
func moveClock(s *Stage, clock *testpg.Clock) {
	for range 3 {
		s.Start(Worker{Slots: 20}.Spec())
	}
	for range 10 { // who would be seen to run twice
		s.Enqueue(Kind{Task: "watch"}, Work{Sleep: s.For})
	}
	s.Until("they run", time.Minute, func() bool { return starts(s.Ledger()) == 10 })
	began, before := time.Now(), processes(s)
	s.Start(Enqueuer{Rate: 100, Tx: 0.3, Callers: 4, Resend: true, Mix: []Kind{{Task: "sleep", Most: 100 * time.Millisecond}}}.Spec())
	for _, ahead := range []time.Duration{time.Hour, 0} {
		s.Wait(s.For / 8)
		clock.Set(s, ahead, 1)
	}
	jumps := 2
	for ; time.Since(began) < s.For*3/4; jumps++ {
		s.Wait(min(s.For/8, 10*time.Second))
		clock.Set(s, time.Hour+time.Duration(jumps%2)*2*time.Minute-time.Minute, 1)
	}
	clock.Set(s, 2*time.Hour, 1.1)
	for s.Sleep(time.Second) {
	}
	s.Until("every process has beaten", time.Minute, func() bool { return len(processes(s)) >= len(before) })
	for id, p := range before {
		if now, there := processes(s)[id]; !there || now.Lost {
			s.Broken("lost", "process %s (pid %d) was declared lost while the clock moved", id, p.PID)
		}
	}
	clock.Set(s, 5*time.Hour, 1) // what was enqueued before a jump back has its time at last
	s.Wait(2 * time.Second)      // until all of the server sees that, and nothing is of a later minute than now
	s.Settle(2 * time.Minute)
	noneRefused(s)
	noneDiscarded(s)
	noneDoubled(s)
	for id, e := range byID(s.Ledger().Jobs) {
		if e.Task == "watch" && len(e.Runs) != 1 {
			s.Broken("given away", "job %s was running all the time, and was started %d times: %s", id, len(e.Runs), e.runs())
		}
	}
	early, err := s.Database.early(s.ctx)
	if err != nil {
		s.Fatalf("look for jobs that started early: %v", err)
	}
	if early > 0 {
		s.Broken("early", "%d jobs started before their time, by the server's clock", early)
	}
	s.Figure("jumps of the clock", float64(jumps+2), "")
	s.Figure("how long jobs waited at most", longestWait(s), "s")
}

// early counts the jobs that started before their time.
func (d *Database) early(ctx context.Context) (n int, err error) {
	err = d.one(ctx, "select count(*) from offload.done where started_at < run_at", &n)
	return n, err
}

// longestWait is the longest time between the enqueue of a job and its start, by this machine's
// clock.
func longestWait(s *Stage) float64 {
	var waits []time.Duration
	for _, e := range s.Ledger().Jobs {
		if len(e.Runs) > 0 && !e.Acked.IsZero() {
			waits = append(waits, firstStart(e).Sub(e.Acked))
		}
	}
	return Quantile(waits, 1)
}
