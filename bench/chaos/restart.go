package main

import (
	"slices"
	"sort"
	"syscall"
	"time"
)

func init() {
	register(Trial{
		Name:   "restart",
		About:  "the server crashes and starts again every 5 to 20 s, by turns as a whole and by the death of one of its processes, under 1,000 jobs a second",
		Stores: []string{"postgres"},
		Short:  14 * time.Second, Long: 10 * time.Minute,
		Open: openServer,
		Run:  restartServer,
	})
}

func restartServer(s *Stage) {
	least, most, rate := 5*time.Second, 20*time.Second, 1000
	if s.Short { // other trials are beside it
		least, most, rate = 3*time.Second, 5*time.Second, 300
	}
	for range 2 {
		s.Start(Worker{Slots: 50}.Spec())
	}
	mix := []Kind{{Task: "sleep", Most: 20 * time.Millisecond}}
	s.Start(Enqueuer{Rate: rate, Tx: 0.1, Callers: 32, Resend: true, Mix: mix}.Spec())
	s.Start(Enqueuer{Rate: 200, Many: 600, Callers: 1, Resend: true, Mix: mix}.Spec())
	began := time.Now()
	var crashes []crash
	for n := 0; s.Sleep(s.Between(least, most)); n++ {
		crashes = append(crashes, crashServer(s, n%2 == 1))
	}
	over := time.Now()
	s.Settle(2 * time.Minute)
	noneRefused(s)
	noneDiscarded(s)
	reportCrashes(s, crashes, over, rate)
	lines := 0
	for _, role := range []string{"worker", "enqueuer"} {
		lines = max(lines, mostOf(logLines(s, role, began, over)))
	}
	s.AtMost("log lines of a process each second", float64(lines)/over.Sub(began).Seconds(), "", 1)
}

// A crash is a time in which the server was away.
type crash struct{ away, ready time.Time }

// crashServer ends the server as the power would, or one of its processes, upon which it ends
// all others itself, and waits until it answers again.
func crashServer(s *Stage, one bool) crash {
	c := crash{away: time.Now()}
	server := s.Database.Server
	if one && server.KillBackend(s, s.Database.Address) {
		s.Wait(50 * time.Millisecond) // until it has seen that
		s.Until("the server answers again", time.Minute, func() bool { return answers(s.ctx, s.Database.Address) })
	} else {
		server.Stop(s, syscall.SIGQUIT)
		server.Start(s)
	}
	c.ready = time.Now()
	return c
}

// reportCrashes reports how soon the pace was back after each crash that left time to see it.
func reportCrashes(s *Stage, crashes []crash, over time.Time, rate int) {
	done := ends(s.Ledger())
	var away, back []time.Duration
	for i, c := range crashes {
		until := over
		if i+1 < len(crashes) {
			until = crashes[i+1].away
		}
		away = append(away, c.ready.Sub(c.away))
		if took, found := pace(done, c.ready, until, rate*9/10); found || until.Sub(c.ready) > 6*time.Second {
			back = append(back, took)
		}
	}
	s.Figure("crashes", float64(len(crashes)), "")
	s.Figure("longest time away", Quantile(away, 1), "s")
	s.Figure("pace back p50", Quantile(back, 0.5), "s")
	s.AtMost("pace back at 90 % after the server was ready", Quantile(back, 1), "s", 5)
}

// pace returns how long after a time so many handlers a second returned for the first time.
func pace(done []time.Time, from, until time.Time, rate int) (took time.Duration, found bool) {
	for at := from.Add(time.Second); !at.After(until); at = at.Add(100 * time.Millisecond) {
		if before(done, at)-before(done, at.Add(-time.Second)) >= rate {
			return at.Sub(from), true
		}
	}
	return until.Sub(from), false
}

// before returns how many of some times, which are in order, come before another.
func before(times []time.Time, at time.Time) int {
	return sort.Search(len(times), func(i int) bool { return !times[i].Before(at) })
}

func inTime(times []time.Time) []time.Time {
	slices.SortFunc(times, time.Time.Compare)
	return times
}
